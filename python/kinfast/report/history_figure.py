"""Loss and accuracy over the epochs, train beside validation, all folds on common axes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kinfast.metrics.arrays import Float
from kinfast.report.style import CONTRAST, MODEL, label_powers, new_figure

PARTS = {"train": MODEL, "validation": CONTRAST}
LOSS = "loss"
MOST_PANELS = 5
"""Folds that get a panel of their own; more are drawn into one."""
MOST_METRICS = 3
WIDE = 30.0
"""Ratio of largest to smallest loss from which its axis is logarithmic."""


def history_metrics(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name what was recorded for both parts: the loss first, then accuracies, then others."""
    keys = {key for row in history for key, value in row.items() if isinstance(value, int | float)}
    both = sorted(key.removeprefix("train_") for key in keys if key.startswith("train_"))
    both = [name for name in both if f"validation_{name}" in keys] or both
    return sorted(both, key=lambda name: (name != LOSS, "accuracy" not in name, name))[: 1 + MOST_METRICS]


def draw_history(history: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Draw a row of panels per metric and a panel per fold; None without a history."""
    metrics = history_metrics(history)
    if not metrics:
        return None
    folds = sorted({int(row.get("fold", 0)) for row in history})
    panels = [[fold] for fold in folds] if len(folds) <= MOST_PANELS else [folds]
    figure = new_figure(max(5.2, 2.1 + 2.2 * len(panels)), 2.1 * len(metrics) + 0.5)
    grid = figure.subplots(len(metrics), len(panels), sharex=True, sharey="row", squeeze=False)
    for axes_row, metric in zip(grid, metrics, strict=True):
        for axes, shown in zip(axes_row, panels, strict=True):
            _draw_panel(axes, history, metric, shown)
        axes_row[0].set_ylabel(metric.replace("_", " "))
        _scale(axes_row[0], history, metric)
    for axes, shown in zip(grid[0], panels, strict=True):
        axes.set_title(f"fold {shown[0] + 1}" if len(shown) == 1 and len(folds) > 1 else _title(folds))
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    grid[0][-1].legend(loc="upper right")
    return figure


def _title(folds: Sequence[int]) -> str:
    return f"{len(folds)} folds" if len(folds) > 1 else "train and validation"


def _draw_panel(axes: Axes, history: Sequence[Mapping[str, Any]], metric: str, folds: Sequence[int]) -> None:
    for part, colour in PARTS.items():
        for order, fold in enumerate(folds):
            x, y = _series(history, f"{part}_{metric}", fold)
            style = "-" if part == "train" else "--"
            marker = "o" if x.size < 3 else None
            axes.plot(x, y, style, color=colour, linewidth=1.6, marker=marker, label=part if order == 0 else None)


def _series(history: Sequence[Mapping[str, Any]], key: str, fold: int) -> tuple[Float, Float]:
    rows = [row for row in history if int(row.get("fold", 0)) == fold and isinstance(row.get(key), int | float)]
    return np.array([row.get("epoch", 0) for row in rows], dtype=float), np.array(
        [row[key] for row in rows], dtype=float
    )


def _scale(axes: Axes, history: Sequence[Mapping[str, Any]], metric: str) -> None:
    values = [
        row[key] for row in history for key in (f"train_{metric}", f"validation_{metric}") if row.get(key) is not None
    ]
    finite = np.array([value for value in values if np.isfinite(value)], dtype=float)
    if metric != LOSS:
        axes.set_ylim(min(0.0, finite.min(initial=0.0)), max(1.02, finite.max(initial=0.0)))
    elif finite.size and finite.min() > 0 and finite.max() / finite.min() > WIDE:
        axes.set_yscale("log")
        label_powers(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
