"""Rank tests by permutation: does a measure go with the order of wells, with their row or column, with the edge?

No table of a distribution is needed, few wells and ties are no trouble, and what is drawn is seeded. Ranks are doubled
and centred, so that sums are whole numbers and no processor rounds one differently.
Sources: Spearman 1904; Kruskal and Wallis 1952; Mann and Whitney 1947; p = (1 + hits) / (1 + draws): Phipson and Smyth
2010; adjusted for many tests: Benjamini and Hochberg 1995.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = (999, 9999)
"""Of a first look, and of a second where the first finds p up to `SECOND_LOOK`."""
SECOND_LOOK = 0.1
CHUNK = 256
"""Draws at a time, so that memory does not grow with their number: some 20 MB for six measures of 1536 wells."""
ROUNDING = 1e-9
"""Relative; sums of squares divided by group sizes are equal up to this."""


def order_p(values: Floats, order: Floats, seed: int = 0) -> Floats:
    """Test whether values rise or fall along an order (Spearman's statistic, both directions).

    Args:
        values: (n, m) float64, m measures of n wells.
        order: (n,) float64, what they are sorted by.
        seed: of the permutations.

    Returns:
        (m,) p-values.
    """
    ranks, places = _ranks(values), _ranks(order[:, None])
    return _permuted_p(lambda index, some: np.abs(places[index, 0] @ ranks[:, some]), len(ranks), ranks.shape[1], seed)


def group_p(values: Floats, groups: NDArray[np.int64], seed: int = 0) -> Floats:
    """Test whether values differ between groups (Kruskal and Wallis' statistic; with two, Mann and Whitney's).

    Args:
        values: (n, m) float64, m measures of n wells.
        groups: (n,) int64.
        seed: of the permutations.

    Returns:
        (m,) p-values.
    """
    ranks = _ranks(values)
    _, sizes = np.unique(groups, return_counts=True)
    in_groups, starts = np.argsort(groups, kind="stable"), np.cumsum(sizes) - sizes
    everyone = np.arange(len(groups))

    def statistic(index: NDArray[np.int64], some: NDArray[np.bool_]) -> Floats:
        # which well got each place, the places group by group: one gather, whatever the number of groups
        wells = np.empty_like(index)
        np.put_along_axis(wells, index, everyone[None], axis=1)
        sums = np.add.reduceat(ranks[:, some][wells[:, in_groups]], starts, axis=1)
        total = np.zeros((len(index), int(some.sum())))
        for group, size in enumerate(sizes):
            total += sums[:, group] ** 2 / size
        return total

    return _permuted_p(statistic, len(ranks), ranks.shape[1], seed)


def adjust_p(values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number: q, the false discovery rate at which each would be a finding."""
    p = np.asarray(values, np.float64)
    falling = np.argsort(-p, kind="stable")
    scaled = p[falling] * len(p) / np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[falling] = np.minimum(np.minimum.accumulate(scaled), 1) if len(p) else scaled
    return [float(q) for q in adjusted]


def _ranks(values: Floats) -> Floats:
    """Give (n, m) doubled ranks about their mean; equal values share the middle of their ranks."""
    ranks = np.empty(values.shape)
    for column in range(values.shape[1]):
        _, place, counts = np.unique(values[:, column], return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        ranks[:, column] = (2 * ends - counts + 1)[place] - (len(values) + 1)
    return ranks


def _permuted_p(statistic, n_wells: int, n_measures: int, seed: int) -> Floats:  # type: ignore[no-untyped-def]
    p = np.ones(n_measures)
    for draws in DRAWS:
        again = p <= SECOND_LOOK if draws != DRAWS[0] else np.ones(n_measures, bool)
        if not again.any():
            break
        rng = np.random.default_rng([seed, n_wells, draws])
        least = statistic(np.arange(n_wells)[None], again) * (1 - ROUNDING)
        hits = np.zeros(int(again.sum()), np.int64)
        for start in range(0, draws, CHUNK):
            index = np.tile(np.arange(n_wells), (min(CHUNK, draws - start), 1))
            rng.permuted(index, axis=1, out=index)
            hits += (statistic(index, again) >= least).sum(axis=0)
        p[again] = (1 + hits) / (1 + draws)
    return p
