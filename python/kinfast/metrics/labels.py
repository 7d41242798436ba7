"""Scores where a row may have several labels, some not known: each label alone, their mean, all cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.domain import AnyArray
from kinfast.metrics.arrays import Codes, Float, Probabilities, means_of_known, ratio
from kinfast.metrics.bootstrap import keep_missed, weighted_ranking, with_all_rows
from kinfast.metrics.decisions import SWITCHED_ON
from kinfast.metrics.scores import METRICS, class_f1, mean_defined, score

HALF = 0.5
PER_LABEL = ("roc_auc_macro", "average_precision_macro", "balanced_accuracy", "f1_macro")
"""Means over the labels that have both members and others; the others are of all known cells together."""
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

    In means, what a draw misses (a label, or its members) keeps the value that it has in all rows, as in `bootstrap`.

    Args:
        truths: (n, k) of 0 … 1, NaN where not known.
        probabilities: (n, k).
        clusters: (n,) what is drawn as a whole.
        multiplicities: (n_draws, n_clusters).
    """
    multiplicities = with_all_rows(multiplicities)
    known, member = ~np.isnan(truths), truths >= HALF
    both = np.asarray(member.any(axis=0) & (known & ~member).any(axis=0), np.bool_)
    draws = _decision_draws(known, member, probabilities > SWITCHED_ON, clusters, multiplicities)
    draws |= _ranking_draws(known, member, probabilities, both, clusters, multiplicities)
    pooled = weighted_ranking(probabilities[known], member[known], clusters[np.nonzero(known)[0]], multiplicities)[0]
    labels = tuple(
        score_label(truths[:, label], probabilities[:, label]) if both[label] else dict.fromkeys(METRICS, np.nan)
        for label in range(truths.shape[1])
    )
    merged = {name: mean_defined(np.array([one[name] for one in labels])) for name in METRICS}
    merged_draws = {
        name: means_of_known(np.where(both[:, None], keep_missed(draws[name]).T, np.nan), axis=0) for name in PER_LABEL
    }
    cells = score_label(truths[known], probabilities[known])
    merged |= {"roc_auc_micro": cells["roc_auc_macro"], "binary_accuracy": cells["top1_accuracy"]}
    merged_draws |= {"roc_auc_micro": pooled, "binary_accuracy": draws["binary_accuracy"][:, 0]}
    for name in UNDEFINED:
        merged[name], merged_draws[name] = np.nan, np.full(len(multiplicities), np.nan)
    drawn = {name: values[1:] for name, values in merged_draws.items()}
    return LabelScores(merged, drawn, labels, draws["roc_auc_macro"][1:])


def score_label(truth: Float, chance: Float) -> dict[str, float]:
    """Score one label as a task of two classes, over the rows where it is known; NaN where a score says nothing."""
    known = ~np.isnan(truth)
    codes = (truth[known] >= HALF).astype(np.int64)
    if not codes.size:
        return dict.fromkeys(METRICS, np.nan)
    return score(np.column_stack([1.0 - chance[known], chance[known]]), codes)


def _ranking_draws(
    known: NDArray[np.bool_],
    member: NDArray[np.bool_],
    probabilities: Probabilities,
    both: NDArray[np.bool_],
    clusters: Codes,
    multiplicities: NDArray[np.int64],
) -> dict[str, Float]:
    """Give each label's area and average precision under every draw: (n_draws, k) each."""
    shape = (len(multiplicities), known.shape[1])
    areas, precisions = np.full(shape, np.nan), np.full(shape, np.nan)
    for label in np.flatnonzero(both):
        rows = known[:, label]
        areas[:, label], precisions[:, label] = weighted_ranking(
            probabilities[rows, label], member[rows, label], clusters[rows], multiplicities
        )
    return {"roc_auc_macro": areas, "average_precision_macro": precisions}


def _decision_draws(
    known: NDArray[np.bool_],
    member: NDArray[np.bool_],
    given: NDArray[np.bool_],
    clusters: Codes,
    multiplicities: NDArray[np.int64],
) -> dict[str, Float]:
    """Give balanced accuracy and F1 of each label, has and has not being its two classes, under every draw."""
    n_clusters = multiplicities.shape[1]
    weights = multiplicities.astype(np.float64)

    def total(cells: NDArray[np.bool_]) -> Float:
        sums = np.zeros((n_clusters, cells.shape[1]))
        np.add.at(sums, clusters, cells)
        totals: Float = weights @ sums
        return totals

    members, others = total(member), total(known & ~member)
    hits, spared = total(member & given), total(known & ~member & ~given)
    called = hits + others - spared
    balanced = _either(ratio(hits, members), ratio(spared, others))
    rest = members + others - called
    f1 = _either(class_f1(hits, members, called), class_f1(spared, others, rest))
    right = ratio((hits + spared).sum(axis=1), (members + others).sum(axis=1))
    return {"balanced_accuracy": balanced, "f1_macro": f1, "binary_accuracy": right[:, None]}


def _either(has: Float, has_not: Float) -> Float:
    """Average over a label's two classes, (1 + n_draws, k)."""
    return means_of_known(np.stack([keep_missed(has), keep_missed(has_not)]), axis=0)


def macro_area(truths: Float, probabilities: Probabilities) -> float:
    """Give the mean over labels of the ROC area alone: fast enough for many permutations."""
    areas = []
    for truth, chance in zip(truths.T, probabilities.T, strict=True):
        members, others = chance[truth >= HALF], np.sort(chance[truth < HALF])
        if members.size and others.size:
            below = np.searchsorted(others, members, "left") + np.searchsorted(others, members, "right")
            areas.append(below.mean() / (2 * others.size))
    return float(np.mean(areas)) if areas else float("nan")


def join_labels(names: Sequence[str], values: AnyArray) -> str:
    """Join the names of the labels whose value is `HALF` or more; empty where there is none."""
    return "|".join(name for name, value in zip(names, values, strict=True) if value >= HALF)


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


def _spearman(one: Float, other: Float) -> float:
    if one.size < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Float) -> Float:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[inverse.reshape(-1)]
