"""Ranking measures of one set of scores, for as many truths as one likes: ROC areas and average precision.

The ranks of the scores do not depend on the truth, so they are taken once; a permutation test then costs a gather and
a count per permutation. All sums are of ranks, which are multiples of a half, so results do not depend on their order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from kinfast.domain import AnyArray
from kinfast.metrics.arrays import Codes, Float, Probabilities, ratio


@dataclass(frozen=True, slots=True)
class RankedScores:
    """The ranks of a matrix of scores.

    Attributes:
        n_classes: number of columns.
        mid: (n, n_classes) float64, each score's rank within its column, ties sharing their mean rank, 1-based.
        above: (n, n_classes) int64, the number of rows of that column that score at least as high.
        pooled: (n, n_classes) float64, the mid-rank within all columns taken together.
    """

    n_classes: int
    mid: Float
    above: NDArray[np.int64]
    pooled: Float


def rank_scores(probabilities: Probabilities) -> RankedScores:
    """Rank the scores of each class, and of all classes together.

    Args:
        probabilities: (n, n_classes) float64, finite.
    """
    n_rows, n_classes = probabilities.shape
    lowest = rankdata(probabilities, method="min", axis=0)
    pooled = rankdata(probabilities, method="average").reshape(probabilities.shape)
    return RankedScores(
        n_classes=n_classes,
        mid=np.asarray(rankdata(probabilities, method="average", axis=0), dtype=np.float64),
        above=(n_rows + 1 - np.asarray(lowest)).astype(np.int64),
        pooled=np.asarray(pooled, dtype=np.float64),
    )


def class_counts(codes: Codes, n_classes: int) -> NDArray[np.int64]:
    """Count the rows of each class: (n_classes,)."""
    return np.bincount(codes, minlength=n_classes)


def class_areas(ranked: RankedScores, codes: Codes) -> Float:
    """Give each class's ROC area, one class against all others: (n_classes,), NaN without a positive or a negative.

    Source: Mann and Whitney 1947; ties count a half, as in sklearn.metrics.roc_auc_score.
    """
    positives = class_counts(codes, ranked.n_classes)
    negatives = codes.size - positives
    true_ranks = ranked.mid[np.arange(codes.size), codes]
    sums = np.bincount(codes, weights=true_ranks, minlength=ranked.n_classes).astype(np.float64)
    return _area(sums, positives, negatives)


def pooled_area(ranked: RankedScores, codes: Codes) -> float:
    """Give the micro-average ROC area: every row of every class is one decision of one pool.

    It rewards a model that knows nothing but which classes are large; see `baselines.prior`.
    """
    rank_sum = ranked.pooled[np.arange(codes.size), codes].sum()
    positives = codes.size
    area = _area(np.array([rank_sum]), np.array([positives]), np.array([positives * (ranked.n_classes - 1)]))
    return float(area[0])


def _area(rank_sums: Float, positives: AnyArray, negatives: AnyArray) -> Float:
    return ratio(rank_sums - positives * (positives + 1) / 2, positives * negatives)


def class_precisions(ranked: RankedScores, codes: Codes) -> Float:
    """Give each class's average precision: (n_classes,), NaN without a positive.

    Source: the step-wise sum of sklearn.metrics.average_precision_score; tied scores are one threshold.
    """
    above = ranked.above[np.arange(codes.size), codes]
    order = np.lexsort((above, codes))
    group, above = codes[order], above[order]
    starts = np.searchsorted(group, np.arange(ranked.n_classes))
    key = group * np.int64(codes.size + 1) + above
    last_of_tie = np.searchsorted(key, key, side="right")
    precision = (last_of_tie - starts[group]) / above
    counts = class_counts(codes, ranked.n_classes)
    sums = np.bincount(group, weights=precision, minlength=ranked.n_classes)
    return ratio(sums, counts)


def spearman(first: Float, second: Float) -> float:
    """Give Spearman's rank correlation, NaN for fewer than three pairs or where one side is constant.

    Args:
        first: (n,) float64.
        second: (n,) float64.
    """
    if first.size < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])
