"""Cluster bootstrap of every score at once, by counting instead of resampling.

A draw gives each cluster (a well, a compound) a multiplicity; a row weighs as much as its cluster. Every score is a
ratio of weighted counts, and weighted counts are a product of the multiplicities (n_draws x n_clusters) with counts per
cluster (n_clusters x something), so that no row is copied and no score is sorted again. For the ranking scores that
something is the positive rows of a class: how many rows of each cluster score at least as high. All entries are whole
numbers that the float type holds exactly, so that the results do not depend on the order of summation, nor on threads.

In a mean over classes, a class that a draw misses keeps the value that it has in all rows. Left out, rare classes would
count for less in draws than in the score: of a hundred classes of a well or two, an interval would not hold its score.

Average precision depends on a class's share of the rows. Of a small class the draws that hold it at all hold it more
often than it is there (of one well 1.6 times), and their average precision would be too high. So each class keeps its
share: members and others weigh in every draw what they weigh in all rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.domain import AnyArray
from kinfast.metrics.arrays import Codes, Float, Probabilities, means_of_known, ratio
from kinfast.metrics.decisions import TOP_K, decide
from kinfast.metrics.scores import METRICS, POSITIVE, class_f1

BLOCK = 2048
"""Thresholds handled at once: bounds the memory at BLOCK x (n_draws + n_clusters) numbers."""
EXACT_FLOAT32 = 2**24
EXACT_ENOUGH = 0.5
"""Share of draws in which a score must exist for an interval to be given."""


@dataclass(frozen=True, slots=True)
class Draws:
    """The scores of every draw, NaN where undefined.

    Attributes:
        scores: score -> (n_draws,).
        areas: (n_draws, n_classes) ROC area of each class.
    """

    scores: dict[str, Float]
    areas: Float


def draw_multiplicities(n_clusters: int, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw clusters with replacement: (draws, n_clusters) times each was drawn; rows sum to n_clusters."""
    if n_clusters == 0:
        return np.zeros((draws, 0), dtype=np.int64)
    return rng.multinomial(n_clusters, np.full(n_clusters, 1.0 / n_clusters), size=draws).astype(np.int64)


def bootstrap_scores(
    probabilities: Probabilities, codes: Codes, clusters: Codes, multiplicities: NDArray[np.int64]
) -> Draws:
    """Score every draw.

    Args:
        probabilities: (n, n_classes).
        codes: (n,) true classes.
        clusters: (n,) cluster of each row, 0 … n_clusters - 1.
        multiplicities: (n_draws, n_clusters) times that each cluster was drawn.
    """
    multiplicities = with_all_rows(multiplicities)
    scores = _decisions(probabilities, codes, clusters, multiplicities)
    areas, precisions = _by_class(probabilities, codes, clusters, multiplicities)
    if probabilities.shape[1] == 2:
        scores["roc_auc_micro"] = scores["roc_auc_macro"] = areas[:, POSITIVE]
        scores["average_precision_macro"] = precisions[:, POSITIVE]
    else:
        scores["roc_auc_micro"] = _micro(probabilities, codes, clusters, multiplicities)
        scores["roc_auc_macro"] = _class_means(areas)
        scores["average_precision_macro"] = _class_means(precisions)
    return Draws({name: scores[name][1:] for name in METRICS}, areas[1:])


def interval(draws: Float, level: float) -> tuple[float, float]:
    """Give the percentile interval of one score's draws, NaN where it exists in too few of them.

    Args:
        draws: (n_draws,), NaN where undefined.
        level: 0 … 1, the share that the interval holds.
    """
    known = draws[~np.isnan(draws)]
    if known.size == 0 or known.size < EXACT_ENOUGH * draws.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def with_all_rows(multiplicities: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put a draw of every cluster once before the others, for `keep_missed`: (1 + n_draws, n_clusters)."""
    return np.concatenate([np.ones((1, multiplicities.shape[1]), multiplicities.dtype), multiplicities])


def keep_missed(values: Float) -> Float:
    """Give what a draw misses the value of the first draw, which is of all rows: (1 + n_draws, k)."""
    kept: Float = np.where(np.isnan(values), values[:1], values)
    return kept


def _class_means(values: Float) -> Float:
    return means_of_known(keep_missed(values), axis=1)


def _decisions(
    probabilities: Probabilities, codes: Codes, clusters: Codes, multiplicities: NDArray[np.int64]
) -> dict[str, Float]:
    n_clusters, n_classes = multiplicities.shape[1], probabilities.shape[1]
    weights = multiplicities.astype(np.float64)
    decisions = decide(probabilities)
    places = decisions.truth_places(codes)

    def total(per_row: NDArray[np.int64]) -> Float:
        return weights @ np.bincount(clusters, weights=per_row, minlength=n_clusters)

    def by_class(of: Codes, rows: NDArray[np.bool_]) -> Float:
        flat = np.bincount(clusters[rows] * n_classes + of[rows], minlength=n_clusters * n_classes)
        return weights @ flat.reshape(n_clusters, n_classes).astype(np.float64)

    everyone = np.ones(codes.size, dtype=np.bool_)
    rows = total(np.ones_like(codes))
    truth, given = by_class(codes, everyone), by_class(decisions.predicted, everyone)
    hits = by_class(codes, places < 1)
    top5 = total((places < TOP_K).astype(np.int64)) / rows if n_classes > TOP_K else np.full(len(weights), np.nan)
    return {
        "top1_accuracy": total((places < 1).astype(np.int64)) / rows,
        "top5_accuracy": top5,
        "balanced_accuracy": _class_means(ratio(hits, truth)),
        "f1_macro": _class_means(class_f1(hits, truth, given)),
        "binary_accuracy": total(decisions.right_outputs(codes)) / (rows * n_classes),
    }


def _by_class(
    probabilities: Probabilities, codes: Codes, clusters: Codes, multiplicities: NDArray[np.int64]
) -> tuple[Float, Float]:
    shape = (len(multiplicities), probabilities.shape[1])
    areas, precisions = np.full(shape, np.nan), np.full(shape, np.nan)
    for code in range(shape[1]):
        areas[:, code], precisions[:, code] = weighted_ranking(
            probabilities[:, code], codes == code, clusters, multiplicities
        )
    return areas, precisions


def _micro(probabilities: Probabilities, codes: Codes, clusters: Codes, multiplicities: NDArray[np.int64]) -> Float:
    n_classes = probabilities.shape[1]
    positive = np.zeros(probabilities.shape, dtype=np.bool_)
    positive[np.arange(codes.size), codes] = True
    return weighted_ranking(probabilities.ravel(), positive.ravel(), np.repeat(clusters, n_classes), multiplicities)[0]


def weighted_ranking(
    scores: Float, positive: NDArray[np.bool_], clusters: Codes, multiplicities: NDArray[np.int64]
) -> tuple[Float, Float]:
    """Give ROC area and average precision of one column of scores under every draw, NaN where undefined.

    Average precision is of members and others in the shares that all rows have.

    Args:
        scores: (n,) float64.
        positive: (n,) whether the row is a member.
        clusters: (n,) cluster of each row.
        multiplicities: (n_draws, n_clusters).
    """
    n_draws, n_clusters = multiplicities.shape
    sizes = np.bincount(clusters, minlength=n_clusters)
    total = multiplicities @ sizes
    members = multiplicities @ np.bincount(clusters[positive], minlength=n_clusters)
    others = total - members
    if not positive.any():
        return np.full(n_draws, np.nan), np.full(n_draws, np.nan)
    n_positive = int(positive.sum())
    per_member, per_other = n_positive / np.maximum(members, 1), (positive.size - n_positive) / np.maximum(others, 1)
    thresholds, place = np.unique(scores[positive], return_inverse=True)
    reached = np.searchsorted(thresholds, scores, side="right") - 1  # highest threshold that a row reaches; -1: none
    tied = ~positive & (reached >= 0) & (thresholds[np.maximum(reached, 0)] == scores)
    exact = np.float32 if total.max(initial=0) < EXACT_FLOAT32 else np.float64
    weights = multiplicities.astype(exact)

    area, precision = np.zeros(n_draws), np.zeros(n_draws)
    counts = np.zeros(n_clusters, dtype=np.int64)  # rows of each cluster at or above the block's last threshold
    hits = np.zeros(n_draws)  # weight of members at or above it
    for stop in range(len(thresholds), 0, -BLOCK):
        start = max(0, stop - BLOCK)
        block = _counts_from_top(reached, clusters, start, stop, n_clusters, counts)
        counts = block[0]
        at_or_above = (weights @ block.T.astype(exact)).astype(np.float64)  # (n_draws, thresholds of the block)
        new = _member_weights(place, clusters[positive], start, stop, multiplicities)
        hit = hits[:, None] + np.cumsum(new[:, ::-1], axis=1)[:, ::-1]
        ties = _tie_weights(tied, reached, clusters, start, stop, weights)
        area += (new * (others[:, None] - (at_or_above - hit) + 0.5 * ties)).sum(axis=1)
        right, wrong = hit * per_member[:, None], (at_or_above - hit) * per_other[:, None]
        precision += (new * ratio(right, right + wrong, 0.0)).sum(axis=1)
        hits = hit[:, 0]
    return ratio(area, members.astype(np.float64) * others), ratio(precision, members)


def _counts_from_top(
    reached: Codes, clusters: Codes, start: int, stop: int, n_clusters: int, above: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count each cluster's rows that reach each threshold of a block: (thresholds, n_clusters)."""
    inside = (reached >= start) & (reached < stop)
    flat = (reached[inside] - start) * n_clusters + clusters[inside]
    counts = np.bincount(flat, minlength=(stop - start) * n_clusters).reshape(stop - start, n_clusters)
    counts[-1] += above
    return np.cumsum(counts[::-1], axis=0)[::-1]


def _member_weights(place: Codes, clusters: Codes, start: int, stop: int, multiplicities: NDArray[np.int64]) -> Float:
    """Give the weight of the members that score exactly each threshold of a block: (n_draws, thresholds)."""
    order = np.argsort(place, kind="stable")
    sorted_place = place[order]
    first = np.searchsorted(sorted_place, np.arange(start, stop))
    begin, end = first[0], np.searchsorted(sorted_place, stop)
    weights = multiplicities[:, clusters[order[begin:end]]]
    return np.add.reduceat(weights, first - begin, axis=1).astype(np.float64)


def _tie_weights(
    tied: NDArray[np.bool_], reached: Codes, clusters: Codes, start: int, stop: int, weights: AnyArray
) -> Float | float:
    """Give the weight of the non-members that score exactly each threshold of a block: (n_draws, thresholds)."""
    inside = tied & (reached >= start) & (reached < stop)
    if not inside.any():
        return 0.0
    n_clusters = weights.shape[1]
    flat = (reached[inside] - start) * n_clusters + clusters[inside]
    counts = np.bincount(flat, minlength=(stop - start) * n_clusters).reshape(stop - start, n_clusters)
    total: Float = (weights @ counts.T.astype(weights.dtype)).astype(np.float64)
    return total
