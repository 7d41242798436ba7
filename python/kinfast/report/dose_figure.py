"""Predicted probability against dose, a panel per compound, on common axes."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kinfast.evaluate.dose_curves import curve_of, on_logarithm
from kinfast.evaluate.dose_response import DoseResponse
from kinfast.report.style import CONTRAST, GREY, INK, LIGHT, MODEL, new_figure

CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
MOST_PANELS = 24
COLUMNS = 4
WIDE = 30.0
"""Ratio of largest to smallest dose from which the axis is logarithmic."""


def draw_doses(response: DoseResponse) -> Figure:
    """Draw every well as a point and the mean of each dose as a line; at most 24 compounds, those that rise most."""
    ranked = response.compounds.sort_values(["spearman", "compound"], ascending=[False, True])["compound"]
    names = list(ranked[:MOST_PANELS])
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(max(4.6, 0.6 + 2.9 * columns), 0.6 + 2.5 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(grid.flat, names, strict=False):
        _draw_compound(axes, response, name)
    doses = response.wells["dose"].to_numpy(np.float64)
    if doses.min() > 0 and doses.max() / doses.min() > WIDE:
        grid[0, 0].set_xscale("log")
    figure.supxlabel(dose_words(response.dose), fontsize=9)
    figure.supylabel(response.response, fontsize=9)
    return figure


def dose_words(column: str) -> str:
    """Name the dose's axis."""
    words = CAMEL.sub(" ", column.removeprefix("Metadata_")).replace("_", " ").lower()
    return words.removesuffix(" um") + " (µM)" if words.endswith(" um") else words


def _draw_compound(axes: Axes, response: DoseResponse, name: str) -> None:
    wells = _of(response.wells, name)
    doses = _of(response.doses, name)
    axes.scatter(wells["dose"], wells["probability"], s=16, color=MODEL, alpha=0.5, linewidths=0, label="well")
    axes.plot(doses["dose"], doses["mean"], color=CONTRAST, linewidth=1.8, marker="o", markersize=3, label="mean")
    row = _of(response.compounds, name).iloc[0]
    rank = row["spearman"]
    if not np.isnan(row["ec50"]):
        first, last = float(doses["dose"].iloc[0]), float(doses["dose"].iloc[-1])
        places = (
            np.geomspace(first, last, 100)
            if on_logarithm(response.dose, doses["dose"])
            else (np.linspace(first, last, 100))
        )
        axes.plot(
            places, curve_of(response.dose, row, doses["dose"].to_numpy(np.float64), places), color=INK, linewidth=1
        )
        if not np.isnan(row["low"]):
            axes.axvspan(row["low"], row["high"], color=LIGHT, alpha=0.6, linewidth=0)
        axes.axvline(row["ec50"], color=GREY, linewidth=1, linestyle=":")
    middle = "" if np.isnan(row["ec50"]) else f", EC50 {row['ec50']:.3g}"
    axes.set_title(f"{name}: Spearman {'undefined' if np.isnan(rank) else f'{rank:.2f}'}{middle}", fontsize=9)
    axes.set_ylim(-0.03, 1.03)


def _of(frame: pd.DataFrame, compound: str) -> pd.DataFrame:
    return frame[frame["compound"] == compound]
