"""How unlike known rows a row is, with a stated rate of false alarms.

A score alone has no threshold. Here a site's score is ranked among the sites of units that the model never saw, each
unit counting once whatever its number of sites; a site as strange as hardly any of them is marked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinfast.metrics.arrays import Codes, Float

SCALE = 1.4826
"""Median absolute deviation to standard deviation, for normally distributed values."""
MOST = 30.0
"""z-scores are bounded to it, so that a measure that hardly ever varies does not rule the covariance."""


@dataclass(frozen=True, slots=True)
class References:
    """Scores of sites of units not trained on.

    Attributes:
        scores: (n,) the higher the stranger.
        units: (n,) unit of each.
    """

    scores: Float
    units: Codes

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return np.unique(self.units).size


def odd_p_values(references: Sequence[References], scores: Sequence[Float]) -> Float:
    """Give each site's p-value, (n,) in 1 / (n_units + 1) … 1: small where it is stranger than what is known.

    Of ordinary sites of new, exchangeable units a share of at most p has a p-value of at most p.

    Args:
        references: one for each model.
        scores: each model's scores of the sites, (n,) each.

    Source: Lee, Barber, Willett 2023, Distribution-free inference with hierarchical data, arXiv:2306.06342.
    """
    reached, total = np.ones(scores[0].shape), 1.0
    for known, asked in zip(references, scores, strict=True):
        _, place, sizes = np.unique(known.units, return_inverse=True, return_counts=True)
        order = np.argsort(known.scores)
        weights = np.append(0.0, np.cumsum((1.0 / sizes[place.reshape(-1)])[order]))
        below = np.searchsorted(known.scores[order], asked, side="left")
        reached += weights[-1] - weights[below]
        total += known.n_units
    values: Float = reached / total
    return values


def energy(logits: Float) -> Float:
    """Give the energy of logits, the higher the less any class is spoken for: (n,).

    Source: Liu et al. 2020, Energy-based out-of-distribution detection, NeurIPS.
    """
    peak = logits.max(axis=1)
    values: Float = -(peak + np.log(np.exp(logits - peak[:, None]).sum(axis=1)))
    return values


def label_energy(logits: Float) -> Float:
    """Give the joint energy of labels' logits, the higher the less any label is spoken for: (n,).

    Source: Wang et al. 2021, Can multi-label classification networks know what they don't know?, NeurIPS.
    """
    values: Float = -np.logaddexp(0.0, logits).sum(axis=1)
    return values


def robust_z(values: Float, groups: Codes) -> Float:
    """Centre and scale each column within each group by median and MAD: (n, n_features); 0 where it does not vary.

    Args:
        values: (n, n_features) float64, NaN where missing: it becomes 0, the group's middle.
        groups: (n,) plate of each row.
    """
    result = np.zeros(values.shape)
    for group in np.unique(groups):
        rows = groups == group
        mine = values[rows]
        known = np.isfinite(mine).any(axis=0)
        middle = np.zeros(values.shape[1])
        middle[known] = np.nanmedian(mine[:, known], axis=0)
        spread = np.zeros(values.shape[1])
        spread[known] = SCALE * np.nanmedian(np.abs(mine[:, known] - middle[known]), axis=0)
        scaled = np.divide(mine - middle, spread, out=np.zeros_like(mine), where=spread > 0)
        result[rows] = np.where(np.isfinite(scaled), scaled, 0.0)
    return result


@dataclass(frozen=True, slots=True)
class Distance:
    """A centre (n_features,) and an inverse covariance (n_features, n_features)."""

    centre: Float
    precision: Float

    def __call__(self, values: Float) -> Float:
        """Give the squared Mahalanobis distance of rows: (n,)."""
        away = _bounded(values) - self.centre
        squared: Float = np.einsum("ij,jk,ik->i", away, self.precision, away)
        return squared


def fit_distance(known: Float) -> Distance:
    """Fit centre and shrunken covariance to rows of z-scores: (n, n_features). Source: Ledoit and Wolf 2004."""
    from sklearn.covariance import LedoitWolf

    model = LedoitWolf().fit(_bounded(known))
    return Distance(model.location_, model.get_precision())


def _bounded(values: Float) -> Float:
    return np.clip(values, -MOST, MOST)
