"""The learning-rate range test drawn: loss against rate, the suggestion marked, a panel a backbone on common axes."""

import math
from collections.abc import Mapping

from matplotlib.figure import Figure

from kinfast.metrics.arrays import Float
from kinfast.report.style import CONTRAST, GREY, LIGHT, MODEL, label_powers, new_figure


def draw_range_tests(curves: Mapping[str, tuple[Float, Float, Float]], suggestions: Mapping[str, float]) -> Figure:
    """Draw a panel for each backbone.

    Args:
        curves: backbone -> rates, losses, smoothed losses.
        suggestions: backbone -> suggested rate, NaN for none.
    """
    figure = new_figure(3.3 * len(curves) + 0.9, 3.2)
    panels = figure.subplots(1, len(curves), sharex=True, sharey=True, squeeze=False)[0]
    highest = max(2 * float(smoothed[: max(1, len(smoothed) // 2)].max()) for _, _, smoothed in curves.values())
    for axes, (name, (rates, losses, smoothed)) in zip(panels, curves.items(), strict=True):
        axes.plot(rates, losses, ".", color=LIGHT, markersize=4, label="each step")
        axes.plot(rates, smoothed, color=MODEL, linewidth=2, label="smoothed")
        rate = suggestions[name]
        if math.isfinite(rate):
            axes.axvline(rate, color=CONTRAST, linestyle="--", linewidth=1.4, label=f"suggested {rate:.1e}")
        else:
            axes.text(0.5, 0.92, "the loss never falls", transform=axes.transAxes, ha="center", color=GREY)
        axes.set_xscale("log")
        label_powers(axes.xaxis)
        axes.set_ylim(0, highest)
        axes.set_title(name)
        axes.set_xlabel("learning rate")
        axes.legend(loc="lower left")
    panels[0].set_ylabel("loss")
    return figure
