"""The model beside its baselines, with intervals, at each level."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kinfast.report.style import GREY, MODEL, new_figure

ROWS = ("model", "intensity", "position", "prior", "permuted")


def draw_standing(metrics: dict[str, Any]) -> Figure:
    """Draw macro ROC area and balanced accuracy of the model and its baselines.

    Args:
        metrics: of metrics.json.
    """
    levels = [name for name in metrics["test"] if metrics["test"][name]["balanced_accuracy"]["value"] is not None]
    figure = new_figure(2.2 + 2.3 * len(levels), 4.2)
    grid = figure.subplots(2, len(levels), sharey=True, sharex="row", squeeze=False)
    several = metrics["about"].get("several_labels")
    chance = (
        0.5
        if several
        else 1 / max(1, len(metrics["about"]["classes"]) - len(metrics["about"]["classes_without_test_members"]))
    )
    for axes_row, score, title, floor in (
        (grid[0], "roc_auc_macro", "ROC AUC, macro", 0.5),
        (grid[1], "balanced_accuracy", "balanced accuracy", chance),
    ):
        for axes, level in zip(axes_row, levels, strict=True):
            _draw_panel(axes, metrics, level, score, floor)
            axes.set_title(f"{title}: {level}s")
    return figure


def _draw_panel(axes: Axes, metrics: dict[str, Any], level: str, score: str, floor: float) -> None:
    axes.axvline(floor, color=GREY, linestyle=":", linewidth=1)
    for place, name in enumerate(ROWS):
        entry = (metrics["test"] if name == "model" else metrics["baselines"][name])[level][score]
        if entry["value"] is None:
            axes.text(floor, place, " undefined", va="center", color=GREY, fontsize=8)
            continue
        colour = MODEL if name == "model" else GREY
        if entry["low"] is not None:
            axes.plot([entry["low"], entry["high"]], [place, place], color=colour, linewidth=2.4, alpha=0.55)
        axes.scatter([entry["value"]], [place], color=colour, s=30, zorder=3)
        axes.annotate(
            f"{entry['value']:.2f}",
            (entry["value"], place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
        )
    axes.set_yticks(range(len(ROWS)), ROWS)
    axes.set(ylim=(len(ROWS) - 0.5, -0.7), xlim=(-0.04, 1.06))
    axes.grid(axis="y", visible=False)
