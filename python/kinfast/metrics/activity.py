"""Does a treatment move wells away from the negative controls? A permutation test within plates.

The statistic is the distance between the mean of a treatment's wells and the mean of the controls on the same plates.
Under the null hypothesis a treated well is one more control, so that the names "treated" and "control" may be dealt
out again among the wells of each plate. Nothing else may tell the two apart: features are scaled by all wells of a
plate, and the metric comes from other treatments. Then the test is exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.config import ACTIVITY_FINE_BELOW, ACTIVITY_FINE_PERMUTATIONS, ACTIVITY_PERMUTATIONS
from kinfast.metrics.arrays import Codes, Float

CONTROL = -1
NEARLY = 1 - 1e-9
"""A permutation that gives back the observed wells differs from it by rounding."""


@dataclass(frozen=True, slots=True)
class ActivityTest:
    """What one test found.

    Attributes:
        distance: from the controls, as a multiple of the median distance of as many wells of both kinds dealt anew;
            the largest over the doses.
        p_value: share of deals that reach it, itself counted among them.
        least_p: the smallest p-value that so few wells can give at all.
    """

    distance: float
    p_value: float
    least_p: float


def compare_with_controls(
    values: Float, plates: Codes, doses: Codes, precision: Float, rng: np.random.Generator
) -> ActivityTest:
    """Test a treatment against controls; with several doses, whether any of them moves the wells.

    Args:
        values: (n_wells, n_features) features of the treated wells and of the controls on their plates.
        plates: (n_wells,) plate of each.
        doses: (n_wells,) dose of each, 0 …; -1 for a control.
        precision: (n_features, n_features) inverse covariance that makes distances: Mahalanobis'.
        rng: deals.

    Source: Phipson and Smyth 2010 for the p-value; the largest of several statistics, Westfall and Young 1993.
    """
    gram = values @ precision @ values.T
    weights = [_weights(plates, doses, dose) for dose in np.unique(doses[doses != CONTROL])]
    found = _test(gram, plates, weights, ACTIVITY_PERMUTATIONS, rng)
    if found[1] <= ACTIVITY_FINE_BELOW:
        found = _test(gram, plates, weights, ACTIVITY_FINE_PERMUTATIONS, rng)
    distance, p_value, permutations = found
    least = max(1 / (permutations + 1), float(np.exp(-_log_arrangements(plates, doses))))
    return ActivityTest(distance, max(p_value, least), least)


def _weights(plates: Codes, doses: Codes, dose: int) -> Float:
    """Give what each well counts: treated wells add up to 1, the controls of each plate to minus its treated ones."""
    treated = doses == dose
    weights: Float = treated / treated.sum()
    for plate in np.unique(plates[treated]):
        controls = (plates == plate) & (doses == CONTROL)
        weights[controls] = -weights[(plates == plate) & treated].sum() / controls.sum()
    return weights


def _test(
    gram: Float, plates: Codes, weights: list[Float], permutations: int, rng: np.random.Generator
) -> tuple[float, float, int]:
    order = _deal(plates, permutations, rng)
    scaled = []
    for weight in weights:
        dealt = weight[order]  # (1 + permutations, n_wells), the first as observed
        distances = np.sqrt(np.maximum(np.einsum("ij,ij->i", dealt @ gram, dealt), 0.0))
        middle = np.median(distances)
        scaled.append(distances / middle if middle > 0 else np.ones_like(distances))
    largest = np.max(scaled, axis=0)
    reached = int((largest >= largest[0] * NEARLY).sum())
    return float(largest[0]), reached / (permutations + 1), permutations


def _deal(plates: Codes, permutations: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal the wells of each plate anew: (1 + permutations, n_wells) positions, the first row as they are."""
    order = np.tile(np.arange(plates.size), (permutations + 1, 1))
    for plate in np.unique(plates):
        mine = np.flatnonzero(plates == plate)
        order[1:, mine] = rng.permuted(order[1:, mine], axis=1)
    return order


def _log_arrangements(plates: Codes, doses: Codes) -> float:
    """Count the ways to deal, as a logarithm."""
    from scipy.special import gammaln

    total = 0.0
    for plate in np.unique(plates):
        counts = np.unique(doses[plates == plate], return_counts=True)[1]
        total += float(gammaln(counts.sum() + 1) - gammaln(counts + 1).sum())
    return total


def replicate_precision(residuals: Float, n_features: int, fewest: int) -> Float:
    """Give the inverse of the shrunken covariance of residuals between replicates: (n_features, n_features).

    Args:
        residuals: (n, n_features) wells minus the mean of their treatment.
        n_features: number of features.
        fewest: with fewer residuals all features weigh alike.

    Source: Ledoit and Wolf 2004, J. Multivariate Analysis 88:365.
    """
    from sklearn.covariance import LedoitWolf

    if len(residuals) < fewest or not residuals.any():
        return np.eye(n_features)
    precision: Float = LedoitWolf(assume_centered=True).fit(residuals).get_precision()
    return precision


def discovery_q_values(p: Float) -> Float:
    """Correct p-values for their number: the false discovery rate at which each would be called. (n,)

    Source: Benjamini and Hochberg 1995, by scipy.stats.false_discovery_control.
    """
    from scipy.stats import false_discovery_control

    if not p.size:
        return p
    q: Float = false_discovery_control(p)
    return q
