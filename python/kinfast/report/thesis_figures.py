"""Figures 5 to 11 of the thesis, drawn anew with the axes in common that the thesis misses (4.3.3, 5.5)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kinfast import schema
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.curves import class_curves, macro_curve, micro_curve
from kinfast.metrics.scores import score
from kinfast.report.style import CONTRAST, GREY, INK, LIGHT, MODEL, new_figure

PARTS = {"train": MODEL, "validation": CONTRAST}
LOSS = "loss"
History = Sequence[Mapping[str, Any]]
Limits = Mapping[str, tuple[float, float]]


def accuracy_name(history: History) -> str:
    """Name the accuracy that the thesis shows: binary where there is one."""
    return "binary_accuracy" if any("train_binary_accuracy" in row for row in history) else "top1_accuracy"


def find_limits(histories: Sequence[History]) -> Limits:
    """Give axes that hold all runs: epochs, loss, accuracy."""
    epochs = max((len(history) for history in histories), default=1)
    losses = [value for history in histories for value in _values(history, LOSS)]
    accuracies = [value for history in histories for value in _values(history, accuracy_name(history))]
    lowest = min(accuracies, default=0.0)
    return {
        "epoch": (0.5, epochs + 0.5),
        "loss": (0.0, 1.05 * max(losses, default=1.0)),
        "accuracy": (max(0.0, lowest - 0.05), 1.02),
    }


def draw_binary_figure(runs: Mapping[str, History]) -> Figure:
    """Draw a row of losses and one of accuracies, a column a run (Figures 5 to 7)."""
    figure = new_figure(3.2 * len(runs) + 0.8, 4.6)
    limits = find_limits(list(runs.values()))
    grid = figure.subplots(2, len(runs), sharex=True, squeeze=False)
    for column, (title, history) in enumerate(runs.items()):
        _panel(grid[0][column], history, LOSS, limits["loss"], title)
        _panel(grid[1][column], history, accuracy_name(history), limits["accuracy"], "")
        grid[1][column].set_xlabel("epoch")
    grid[0][0].set_ylabel("loss")
    grid[1][0].set_ylabel(accuracy_name(next(iter(runs.values()))).replace("_", " "))
    figure.legend(*grid[0][-1].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def draw_curves_figure(grid: Mapping[str, Mapping[str, History]], limits: Limits) -> Figure:
    """Draw accuracy and loss of three runs for each of two inputs (Figures 8 to 10).

    Args:
        grid: input -> mode -> history.
        limits: of `find_limits`, over all figures that are to be compared.
    """
    rows = max(len(modes) for modes in grid.values())
    figure = new_figure(10.4, 2.0 * rows + 0.9)
    axes = figure.subplots(rows, 2 * len(grid), sharex=True, squeeze=False)
    for block, (words, modes) in enumerate(grid.items()):
        for row, (mode, history) in enumerate(modes.items()):
            left, right = axes[row][2 * block], axes[row][2 * block + 1]
            name = accuracy_name(history)
            _panel(left, history, name, limits["accuracy"], f"{words}\n{mode}" if row == 0 else mode)
            _panel(right, history, LOSS, limits["loss"], "")
            left.set_xlim(limits["epoch"])
            left.set_ylabel(name.replace("_", " "))
            right.set_ylabel("loss")
    for last in axes[-1]:
        last.set_xlabel("epoch")
    figure.legend(*axes[0][1].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def draw_roc_pair(runs: Mapping[str, Run]) -> Figure:
    """Draw the ROC curves of all classes of two runs side by side (Figure 11)."""
    figure = new_figure(4.4 * len(runs), 4.6)
    panels = figure.subplots(1, len(runs), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, run) in zip(panels, runs.items(), strict=True):
        rows = run.part(schema.PART_TEST)
        probabilities, codes = run.probabilities(rows), run.codes(rows)
        curves = class_curves(probabilities, codes)
        for place, curve in enumerate(curves.values()):
            label = f"{len(curves)} classes" if place == 0 else None
            axes.plot(*curve, color=LIGHT, linewidth=0.7, label=label, rasterized=True)
        areas = score(probabilities, codes)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
        micro = f"micro {areas['roc_auc_micro']:.3f}"
        axes.plot(*micro_curve(probabilities, codes), color=INK, linewidth=2, linestyle="--", label=micro)
        if curves:
            macro = f"macro {areas['roc_auc_macro']:.3f}"
            axes.plot(*macro_curve(curves), color=MODEL, linewidth=2.6, label=macro)
        axes.set(title=title, xlabel="false positive rate", aspect="equal", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axes.legend(loc="lower right")
    panels[0].set_ylabel("true positive rate")
    return figure


def _panel(axes: Axes, history: History, metric: str, limits: tuple[float, float], title: str) -> None:
    for part, colour in PARTS.items():
        rows = [row for row in history if isinstance(row.get(f"{part}_{metric}"), int | float)]
        x = np.array([row["epoch"] for row in rows], dtype=float)
        y = np.array([row[f"{part}_{metric}"] for row in rows], dtype=float)
        axes.plot(x, y, "-" if part == "train" else "--", color=colour, linewidth=1.6, label=part)
    axes.set_ylim(limits)
    axes.set_title(title, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _values(history: History, metric: str) -> list[float]:
    found = [row.get(f"{part}_{metric}") for row in history for part in PARTS]
    return [float(value) for value in found if isinstance(value, int | float) and np.isfinite(value)]
