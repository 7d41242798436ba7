"""ROC curves as lines to draw."""

import numpy as np
from numpy.typing import NDArray

from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.labels import HALF

GRID = 201
"""False-positive rates at which class curves are averaged."""
MOST_POINTS = 400
"""Points of a drawn curve: finer than a pixel."""

Curve = tuple[Float, Float]
"""False-positive and true-positive rates, (n_points,) each, both rising from 0 to 1."""


def roc_curve(scores: Float, positive: NDArray[np.bool_]) -> Curve:
    """Give the ROC curve's points, one a threshold, thinned to what can be drawn.

    Args:
        scores: (n,) float64.
        positive: (n,) which rows are members; both kinds must be there.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)
    hits = np.cumsum(positive[order])[last_of_tie]
    false = last_of_tie + 1 - hits
    x, y = np.append(0.0, false / false[-1]), np.append(0.0, hits / hits[-1])
    if x.size > MOST_POINTS:
        kept = np.unique(np.linspace(0, x.size - 1, MOST_POINTS).round().astype(np.int64))
        x, y = x[kept], y[kept]
    return x, y


def label_curves(probabilities: Probabilities, truths: Float) -> dict[int, Curve]:
    """Give the curve of each label over the rows where it is known; those without members or others have none."""
    curves = {}
    for label in range(probabilities.shape[1]):
        known = ~np.isnan(truths[:, label])
        positive = truths[known, label] >= HALF
        if positive.any() and not positive.all():
            curves[label] = roc_curve(probabilities[known, label], positive)
    return curves


def pooled_curve(probabilities: Probabilities, truths: Float) -> Curve:
    """Give the curve of all known labels of all rows as one pool."""
    known = ~np.isnan(truths)
    return roc_curve(probabilities[known], truths[known] >= HALF)


def class_curves(probabilities: Probabilities, codes: Codes) -> dict[int, Curve]:
    """Give the curve of each class that has members and non-members, one against all others."""
    curves = {}
    for code in range(probabilities.shape[1]):
        positive = codes == code
        if positive.any() and not positive.all():
            curves[code] = roc_curve(probabilities[:, code], positive)
    return curves


def macro_curve(curves: dict[int, Curve]) -> Curve:
    """Average the classes' true-positive rates at equal false-positive rates."""
    grid = np.linspace(0.0, 1.0, GRID)
    mean = np.mean([np.interp(grid, x, y) for x, y in curves.values()], axis=0)
    return np.append(0.0, grid), np.append(0.0, mean)


def micro_curve(probabilities: Probabilities, codes: Codes) -> Curve:
    """Give the curve of all decisions of all classes as one pool."""
    positive = np.zeros(probabilities.shape, dtype=np.bool_)
    positive[np.arange(codes.size), codes] = True
    return roc_curve(probabilities.ravel(), positive.ravel())
