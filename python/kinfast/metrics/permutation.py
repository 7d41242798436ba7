"""The scores that chance gives: the truth permuted among groups, the predictions left as they are."""

from dataclasses import dataclass

import numpy as np

from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.decisions import decide
from kinfast.metrics.ranking import rank_scores
from kinfast.metrics.scores import METRICS, score_decisions, score_rankings

TOLERANCE = 1e-12
"""Scores nearer than this count as equal: rounding must not make chance look worse than it is."""


@dataclass(frozen=True, slots=True)
class Shuffler:
    """Hands the groups' labels round among the groups of the same stratum.

    All rows of a group keep one common label, so that what is permuted is what is independent: a well or a compound
    as a whole. A group with several labels counts as several groups, one of each label.

    Attributes:
        labels: (n_units,) the label of each group.
        unit: (n,) the group of each row.
        strata: for each stratum, the groups within it.
    """

    labels: Codes
    unit: Codes
    strata: tuple[Codes, ...]

    def permute(self, rng: np.random.Generator) -> Codes:
        """Give one permuted truth: (n,)."""
        labels = self.labels.copy()
        for members in self.strata:
            labels[members] = rng.permutation(labels[members])
        return labels[self.unit]


def make_shuffler(codes: Codes, groups: Codes, strata: Codes) -> Shuffler:
    """Find what can be permuted.

    Args:
        codes: (n,) true class of each row.
        groups: (n,) group of each row.
        strata: (n,) fold of each row; labels stay within it.
    """
    rows = np.stack([strata, groups, codes])
    units, first, unit = np.unique(rows, axis=1, return_index=True, return_inverse=True)
    members = tuple(np.flatnonzero(units[0] == stratum) for stratum in np.unique(units[0]))
    return Shuffler(codes[first], unit.reshape(-1), members)


def null_scores(
    probabilities: Probabilities, shuffler: Shuffler, permutations: int, rng: np.random.Generator
) -> dict[str, Float]:
    """Score the same predictions against permuted truths: score -> (permutations,).

    Args:
        probabilities: (n, n_classes).
        shuffler: of these rows.
        permutations: how many.
        rng: source of the permutations.
    """
    ranked, decisions = rank_scores(probabilities), decide(probabilities)
    result = {name: np.full(permutations, np.nan) for name in METRICS}
    for index in range(permutations):
        shuffled = shuffler.permute(rng)
        for name, value in (score_rankings(ranked, shuffled) | score_decisions(decisions, shuffled)).items():
            result[name][index] = value
    return result


def p_value(observed: float, null: Float) -> float:
    """Give the share of chance's scores that are at least as high, the observed one counted among them.

    Source: Phipson and Smyth 2010, SAGMB 9:39: (1 + exceedances) / (1 + permutations).
    """
    known = null[~np.isnan(null)]
    if np.isnan(observed) or known.size == 0:
        return float("nan")
    return float((1 + np.count_nonzero(known >= observed - TOLERANCE)) / (1 + known.size))
