"""A plate as a map of its wells, drawn as SVG within the page."""

import pandas as pd

from kinfast import schema
from kinfast.report.plate_grid import grid_figure, plate_layout, shade, well_box

RING = '<circle cx="9" cy="9" r="5" fill="none" stroke="#d9480f" stroke-width="2"/>'


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
    low, high = float(values.min()), float(values.max())
    wells = "".join(
        well_box(str(well), shade(_share(float(value), low, high)), f"{well}: {value:,.4g}", RING * (well in marked))
        for well, value in values.items()
    )
    caption = f"{words}: {low:,.4g} (light) to {high:,.4g} (dark)"
    return grid_figure(plate_layout([str(well) for well in values.index]), wells, words, caption)


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if high <= low else (value - low) / (high - low)
