"""The confusion matrix, readable from two to more than a hundred classes."""

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kinfast.report.roc_figure import short_name
from kinfast.report.style import INK, new_figure

WRITTEN = 14
"""Up to so many classes each cell has its number."""


def draw_confusion(confusion: NDArray[np.int64], classes: tuple[str, ...], level: str) -> Figure:
    """Draw the share of each true class (row) that was given each class (column).

    Args:
        confusion: (n_classes, n_classes) counts.
        classes: class names.
        level: what was counted.
    """
    n_classes = len(classes)
    totals = confusion.sum(axis=1, keepdims=True)
    share = np.divide(confusion, totals, out=np.full(confusion.shape, np.nan), where=totals > 0)
    side = float(np.clip(2.6 + 0.42 * n_classes, 4.0, 11.0))
    figure = new_figure(side + 0.9, side)
    axes = figure.subplots()
    # the square root of the share, so that a class scattered over a hundred others still shows where it went
    image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5 if n_classes > WRITTEN else 1.0, 0.0, 1.0))
    text = float(np.clip(190 / n_classes, 4.2, 9.0))
    axes.set_xticks(range(n_classes), [short_name(name) for name in classes], rotation=90, fontsize=text)
    axes.set_yticks(range(n_classes), [short_name(name) for name in classes], fontsize=text)
    axes.grid(visible=False)
    axes.set(xlabel="predicted", ylabel="true")
    if n_classes <= WRITTEN:
        for row, column in np.ndindex(*confusion.shape):
            if totals[row, 0]:
                dark = share[row, column] > 0.55
                colour = "white" if dark else INK
                axes.text(column, row, str(confusion[row, column]), ha="center", va="center", color=colour)
    ticks = [0, 0.1, 0.25, 0.5, 1] if n_classes > WRITTEN else [0, 0.25, 0.5, 0.75, 1]
    figure.colorbar(image, ax=axes, shrink=0.6, label=f"share of the true class's {level}s", ticks=ticks)
    return figure
