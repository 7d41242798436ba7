"""The generalisation gap and the test score of each arm, runs of one seed joined."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from kinfast.report.style import CONTRAST, LIGHT, MODEL, new_figure


def draw_gaps(gaps: Mapping[str, Sequence[float]], tests: Mapping[str, Sequence[float]], metric: str) -> Figure:
    """Draw two panels, an arm a column.

    Args:
        gaps: arm -> train minus test of each seed, aligned between arms.
        tests: arm -> test score of each seed.
        metric: what the scores are.
    """
    figure = new_figure(2.2 + 1.5 * len(gaps), 3.4)
    left, right = figure.subplots(1, 2)
    words = metric.replace("_", " ")
    for axes, arms, title in ((left, gaps, f"gap in {words} (train − test)"), (right, tests, f"test {words}")):
        values = np.array(list(arms.values()), dtype=float)  # (arms, seeds)
        places = np.arange(len(values))
        axes.plot(places, values, color=LIGHT, linewidth=1)
        for place, row in zip(places, values, strict=True):
            axes.scatter(np.full(row.size, place), row, s=18, color=MODEL, zorder=3)
        axes.plot(places, np.nanmean(values, axis=1), "_", color=CONTRAST, markersize=22, markeredgewidth=2.4)
        axes.set_xticks(places, [name.replace(", ", "\n") for name in arms])
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_title(title)
    left.axhline(0, color=LIGHT, linewidth=1)
    return figure
