"""Confidence against how often it is right, before and after temperature scaling."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kinfast.report.style import CONTRAST, GREY, MODEL, new_figure
from kinfast.report.tables import shown

TITLES = {"none": "as the model gives them", "temperature": "after temperature scaling"}


def draw_reliability(confidence: dict[str, Any], several: bool = False) -> Figure:
    """Draw a panel each for the probabilities as they are and scaled; the diagonal is perfect.

    Args:
        confidence: of metrics.json.
        several: whether what is right or wrong is whether a label holds, not which class is first.
    """
    answer, units = ("answer", "answers") if several else ("first class", f"{confidence['unit']}s")
    figure = new_figure(7.0, 3.4)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (name, colour) in zip(panels, (("none", MODEL), ("temperature", CONTRAST)), strict=True):
        rows = [row for row in confidence["reliability"] if row["scaling"] == name]
        x, y = np.array([r["confidence"] for r in rows]), np.array([r["accuracy"] for r in rows])
        low, high = np.array([r["low"] for r in rows]), np.array([r["high"] for r in rows])
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
        axes.errorbar(x, y, yerr=np.stack([y - low, high - y]), fmt="o-", color=colour, markersize=4, linewidth=1.4)
        error = confidence["calibration"][name]
        axes.set_title(f"{TITLES[name]}\nerror {shown(error['value'])} ({shown(error['perfect'])} by chance)")
        axes.set(xlim=(0, 1.02), ylim=(-0.02, 1.02), xlabel=f"confidence in the {answer}")
    panels[0].set_ylabel(f"share of {units} that are right")
    return figure
