"""Scores where a row may have several labels, some not known: each label alone, their mean, all cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.bootstrap import bootstrap_scores
from kinfast.metrics.scores import METRICS, mean_defined, score

HALF = 0.5
POOLED = ("roc_auc_micro", "binary_accuracy")
"""Scores over all known cells together; the others are means over the labels that have both members and others."""
UNDEFINED = ("top1_accuracy", "top5_accuracy")


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Scores of several labels.

    Attributes:
        values: by metric; top-1 and top-5 are NaN.
        draws: metric -> (n_draws,).
        labels: for each label its own scores.
        areas: (n_draws, n_labels) ROC area of each label.
    """

    values: dict[str, float]
    draws: dict[str, Float]
    labels: tuple[dict[str, float], ...]
    areas: Float


def score_labels(
    truths: Float, probabilities: Probabilities, clusters: Codes, multiplicities: NDArray[np.int64]
) -> LabelScores:
    """Score several labels. A soft truth counts as one at a half.

    Args:
        truths: (n, k) of 0 … 1, NaN where not known.
        probabilities: (n, k).
        clusters: (n,) what is drawn as a whole.
        multiplicities: (n_draws, n_clusters).
    """
    n_draws, n_labels = len(multiplicities), truths.shape[1]
    values, draws = [], []
    for label in range(n_labels):
        known = ~np.isnan(truths[:, label])
        codes = (truths[known, label] >= HALF).astype(np.int64)
        if codes.size and codes.min() != codes.max():
            one, many = _score_binary(codes, probabilities[known, label], clusters[known], multiplicities)
        else:
            one, many = dict.fromkeys(METRICS, np.nan), {name: np.full(n_draws, np.nan) for name in METRICS}
        values.append(one)
        draws.append(many)
    total, total_draws = _pooled(truths, probabilities, clusters, multiplicities)
    merged = {name: mean_defined(np.array([one[name] for one in values])) for name in METRICS}
    merged_draws = {name: _means(np.stack([many[name] for many in draws])) for name in METRICS}
    for name, source in (("roc_auc_micro", "roc_auc_macro"), ("binary_accuracy", "top1_accuracy")):
        merged[name], merged_draws[name] = total[source], total_draws[source]
    for name in UNDEFINED:
        merged[name], merged_draws[name] = np.nan, np.full(n_draws, np.nan)
    areas = np.stack([many["roc_auc_macro"] for many in draws], axis=1)
    return LabelScores(merged, merged_draws, tuple(values), areas)


def macro_area(truths: Float, probabilities: Probabilities) -> float:
    """Give the mean over labels of the ROC area alone: fast enough for many permutations."""
    areas = []
    for truth, chance in zip(truths.T, probabilities.T, strict=True):
        members, others = chance[truth >= HALF], np.sort(chance[truth < HALF])
        if members.size and others.size:
            below = np.searchsorted(others, members, "left") + np.searchsorted(others, members, "right")
            areas.append(below.mean() / (2 * others.size))
    return float(np.mean(areas)) if areas else float("nan")


def soft_errors(truths: Float, said: Probabilities) -> dict[str, float]:
    """Give how far soft answers are from soft truths: `mae`, `rmse` over all known cells, `spearman`, mean over labels.

    Spearman's correlation is between the rows' values of one label; labels whose values do not vary have none.
    """
    known = ~np.isnan(truths)
    gaps = (said - truths)[known]
    ranks = [_spearman(t[k], s[k]) for t, s, k in zip(truths.T, said.T, known.T, strict=True)]
    return {
        "mae": float(np.abs(gaps).mean()),
        "rmse": float(np.sqrt((gaps**2).mean())),
        "spearman": mean_defined(np.array(ranks)),
    }


def _score_binary(
    codes: Codes, chance: Float, clusters: Codes, multiplicities: NDArray[np.int64]
) -> tuple[dict[str, float], dict[str, Float]]:
    both = np.column_stack([1.0 - chance, chance])
    here, numbered = np.unique(clusters, return_inverse=True)
    drawn = bootstrap_scores(both, codes, numbered.reshape(-1).astype(np.int64), multiplicities[:, here])
    return score(both, codes), drawn.scores


def _pooled(
    truths: Float, probabilities: Probabilities, clusters: Codes, multiplicities: NDArray[np.int64]
) -> tuple[dict[str, float], dict[str, Float]]:
    known = ~np.isnan(truths)
    codes = (truths[known] >= HALF).astype(np.int64)
    return _score_binary(codes, probabilities[known], clusters[np.nonzero(known)[0]], multiplicities)


def _means(values: Float) -> Float:
    """Average over labels, NaN where none is defined: (n_labels, n_draws) to (n_draws,)."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _spearman(one: Float, other: Float) -> float:
    if one.size < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Float) -> Float:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[inverse.reshape(-1)]
