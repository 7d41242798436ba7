"""A plate's wells as a grid: what the maps of one number and of one class a well share."""

import html
from collections.abc import Iterable

import cv2
import numpy as np

from kinfast.domain import well_name, well_position
from kinfast.report.page import image_element

CELL = 18
"""Side of a well, pixels."""
MARGIN = 24
LAYOUTS = ((8, 12), (16, 24), (32, 48))
LOW, HIGH = (239, 243, 248), (20, 73, 134)
"""Colours of the plate's lowest and highest well, RGB: one hue that darkens, to be read without colour, too."""
NOTHING = (205, 205, 205)
PIXELS_A_WELL = 7


def plate_layout(wells: Iterable[str]) -> tuple[int, int]:
    """Give the rows and columns of the smallest usual plate that holds some wells."""
    highest = np.array([well_position(well) for well in wells]).max(axis=0)
    for rows, columns in LAYOUTS:
        if highest[0] <= rows and highest[1] <= columns:
            return rows, columns
    return int(highest[0]), int(highest[1])


def grid_figure(layout: tuple[int, int], wells: str, words: str, caption: str) -> str:
    """Put drawn wells into an SVG with letters and numbers beside them, and that into a figure."""
    rows, columns = layout
    letters = "".join(_text(row_letters(i), MARGIN - 6, MARGIN + i * CELL + 13, "end") for i in range(rows))
    step = 1 if columns <= 24 else 2
    numbers = "".join(_text(str(c + 1), MARGIN + c * CELL + CELL / 2, 16, "middle") for c in range(0, columns, step))
    width, height = MARGIN + columns * CELL + 4, MARGIN + rows * CELL + 4
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{html.escape(words)}" '
        f'style="max-width:100%;font-size:10px;fill:currentColor">{letters}{numbers}{wells}</svg>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>\n"
    )


def well_box(well: str, colour: str, title: str, inner: str = "") -> str:
    """Draw a well as a square with a tooltip, and something in it, drawn about its middle."""
    row, column = well_position(well)
    x, y = MARGIN + (column - 1) * CELL, MARGIN + (row - 1) * CELL
    place = f'x="1" y="1" width="{CELL - 2}" height="{CELL - 2}" rx="3"'
    box = f'<rect {place} fill="{colour}"><title>{html.escape(title)}</title></rect>'
    return f'<g transform="translate({x} {y})">{box}{inner}</g>'


def shade(share: float) -> str:
    """Give the colour of a share of 0 to 1."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(LOW, HIGH, strict=True))


def pixel_map(values: dict[str, float], low: float, high: float, words: str, caption: str) -> str:
    """Draw one number a well as a picture of a pixel a well: small enough for hundreds of them.

    Args:
        values: of wells; wells without one are grey.
        low: what is lightest.
        high: what is darkest.
        words: read out in its place.
        caption: below it.
    """
    rows, columns = plate_layout(values)
    picture = np.full((rows, columns, 3), NOTHING, np.uint8)
    for well, value in values.items():
        row, column = well_position(well)
        share = 0.5 if high <= low else min(1.0, max(0.0, (value - low) / (high - low)))
        picture[row - 1, column - 1] = [round(a + (b - a) * share) for a, b in zip(LOW, HIGH, strict=True)]
    _, content = cv2.imencode(".png", picture[..., ::-1])
    image = image_element(content.tobytes(), "image/png", words, columns * PIXELS_A_WELL)
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>\n"


def row_letters(index: int) -> str:
    """Name a row: A for 0."""
    return well_name(index + 1, 1).rstrip("0123456789")


def _text(words: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{words}</text>'
