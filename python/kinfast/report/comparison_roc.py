"""ROC curves of runs side by side, on common axes and common units (K-42)."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from kinfast.evaluate.paired import find_common
from kinfast.evaluate.per_class import level_areas
from kinfast.evaluate.run_folder import read_run
from kinfast.metrics.curves import class_curves, label_curves, macro_curve
from kinfast.metrics.scores import POSITIVE, mean_defined
from kinfast.report.roc_figure import short_name
from kinfast.report.style import BEST, GREY, LIGHT, MODEL, WORST, new_figure

MOST_PANELS = 4
"""Runs that are drawn; more do not fit on a page."""


def draw_roc_beside(paths: Sequence[Path], level: str) -> Figure | None:
    """Draw the curves of up to four runs, a panel each: all classes, the best and worst named, and their mean.

    Args:
        paths: folders of the runs.
        level: well or compound.

    Returns:
        None where no class has a curve.
    """
    runs = [read_run(path) for path in paths]
    common = find_common(runs)
    grouped = common.level(level, level)
    assert grouped is not None
    shown = list(zip(runs, common.probabilities, strict=True))[:MOST_PANELS]
    figure = new_figure(1.2 + 3.6 * len(shown), 4.6)
    grid = figure.subplots(1, len(shown), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (run, said) in zip(grid, shown, strict=True):
        averaged = grouped.average(said)
        truths, areas = grouped.truths, level_areas(grouped, averaged)
        curves = class_curves(averaged, grouped.codes) if truths is None else label_curves(averaged, truths)
        if not curves:
            return None
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
        names = runs[0].classes
        if len(names) == 2 and truths is None:
            axes.plot(*curves[POSITIVE], color=MODEL, linewidth=2.4, label=f"{areas[POSITIVE]:.3f}")
        else:
            ranked = sorted(curves, key=lambda code: -areas[code])
            for code in ranked[1:-1]:
                axes.plot(*curves[code], color=LIGHT, linewidth=0.8)
            for code, colour in ((ranked[0], BEST[0]), (ranked[-1], WORST[0])):
                label = f"{short_name(names[code])}  {areas[code]:.3f}"
                axes.plot(*curves[code], color=colour, linewidth=1.4, label=label)
            axes.plot(*macro_curve(curves), color=MODEL, linewidth=3, label=f"macro  {mean_defined(areas):.3f}")
        axes.set(xlim=(-0.005, 1.005), ylim=(-0.005, 1.005), aspect="equal", title=short_name(run.name))
        axes.set_xlabel("false positive rate")
        axes.legend(loc="lower right")
    grid[0].set_ylabel("true positive rate (sensitivity)")
    return figure
