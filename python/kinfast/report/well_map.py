"""A plate as a map of its wells, drawn as SVG within the page."""

import html

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.domain import well_name, well_position

CELL = 18
"""Side of a well, pixels."""
MARGIN = 24
LAYOUTS = ((8, 12), (16, 24), (32, 48))
LOW, HIGH = (239, 243, 248), (20, 73, 134)
"""Colours of the plate's lowest and highest well, RGB: one hue that darkens, to be read without colour, too."""


def well_map(sites: pd.DataFrame, column: str, words: str) -> str:
    """Draw the median of a column over each well's sites; a well with a site that training leaves out has a mark.

    Args:
        sites: rows of one plate.
        column: of numbers.
        words: what they are.

    Returns:
        A figure element.
    """
    by_well = sites.groupby(schema.WELL)
    values = by_well[column].median().dropna()
    left_out = sites[[*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED]].any(axis=1)
    marked = {str(well) for well in sites.loc[left_out, schema.WELL]}
    if values.empty:
        return ""
    rows, columns = _layout([str(well) for well in values.index])
    low, high = float(values.min()), float(values.max())
    wells = "".join(_well(str(w), float(v), low, high, str(w) in marked) for w, v in values.items())
    labels = "".join(_label(i, MARGIN - 6, MARGIN + i * CELL + 13, "end") for i in range(rows))
    step = 1 if columns <= 24 else 2
    numbers = "".join(
        f'<text x="{MARGIN + c * CELL + CELL / 2:g}" y="16" text-anchor="middle">{c + 1}</text>'
        for c in range(0, columns, step)
    )
    size = f"{MARGIN + columns * CELL + 4} {MARGIN + rows * CELL + 4}"
    caption = f"{words}: {low:,.4g} (light) to {high:,.4g} (dark)"
    return (
        f'<figure><svg viewBox="0 0 {size}" width="{MARGIN + columns * CELL + 4}" role="img" '
        f'aria-label="{html.escape(words)}" style="max-width:100%;font-size:10px;fill:currentColor">'
        f"{labels}{numbers}{wells}</svg><figcaption>{html.escape(caption)}</figcaption></figure>\n"
    )


def _layout(wells: list[str]) -> tuple[int, int]:
    positions = np.array([well_position(well) for well in wells])
    highest = positions.max(axis=0)
    for rows, columns in LAYOUTS:
        if highest[0] <= rows and highest[1] <= columns:
            return rows, columns
    return int(highest[0]), int(highest[1])


def _well(name: str, value: float, low: float, high: float, marked: bool) -> str:
    row, column = well_position(name)
    share = 0.5 if high <= low else (value - low) / (high - low)
    colour = "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(LOW, HIGH, strict=True))
    x, y = MARGIN + (column - 1) * CELL, MARGIN + (row - 1) * CELL
    ring = f'<circle cx="{x + 9}" cy="{y + 9}" r="5" fill="none" stroke="#d9480f" stroke-width="2"/>' if marked else ""
    title = f"<title>{name}: {value:,.4g}</title>"
    place = f'x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{CELL - 2}" rx="3"'
    return f'<g><rect {place} fill="{colour}">{title}</rect>{ring}</g>'


def _label(index: int, x: float, y: float, anchor: str) -> str:
    letters = well_name(index + 1, 1).rstrip("0123456789")
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{letters}</text>'
