"""How far an observed coverage may lie from its level by chance: the beta-binomial distribution, and its inversion.

Given n exchangeable calibration units, the coverage of a set is itself a beta-distributed number, and the units of a
test part that are covered follow a beta-binomial. Source: Vovk 2012, Conditional validity of inductive conformal
predictors, ACML; Angelopoulos and Bates 2023, Foundations and Trends in Machine Learning 16:494, section 3.2.
"""

from collections.abc import Callable, Sequence

import numpy as np

from kinfast.metrics.arrays import Float

STEPS = 40
"""Halvings of 0 … 1: finer than the numbers of a file are read."""
EDGE = 1e-9


def beta_binomial(n: int, a: float, b: float) -> Float:
    """Give the probability of each number of covered units: (n + 1,)."""
    from scipy.special import betaln, gammaln

    k = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    chances: Float = np.exp(ways + betaln(k + a, n - k + b) - betaln(a, b))
    return chances


def covered_by_rank(n_test: int, n_calibration: int, level: float) -> Float:
    """Give the exact distribution of the covered units of unsmoothed sets at a level: (n_test + 1,).

    A unit is covered where its p-value, rank / (n_calibration + 1), is not below one minus the level.
    """
    ranks = np.arange(1, n_calibration + 2) / (n_calibration + 1)
    kept = int((ranks >= 1 - level).sum())
    if kept == n_calibration + 1:  # too few to exclude anything
        return np.append(np.zeros(n_test), 1.0)
    return beta_binomial(n_test, kept, n_calibration + 1 - kept)


def coverage_interval(covered: int, sizes: Sequence[tuple[int, int]], confidence: float) -> tuple[float, float]:
    """Give the levels that an observed number of covered units does not contradict.

    Args:
        covered: units whose set holds their class.
        sizes: for each fold the units tested and those that calibrated; folds count as independent, which they are
            nearly: their calibration units overlap.
        confidence: 0 … 1.

    Returns:
        Lowest and highest level.
    """
    tail = (1 - confidence) / 2
    total = sum(n for n, _ in sizes)

    def at_most(level: float) -> float:
        return float(_distribution(sizes, level)[: covered + 1].sum())

    def at_least(level: float) -> float:
        return float(_distribution(sizes, level)[covered:].sum())

    high = 1.0 if covered == total else _last(lambda level: at_most(level) >= tail)
    low = 0.0 if covered == 0 else 1 - _last(lambda level: at_least(1 - level) >= tail)
    return low, high


def _distribution(sizes: Sequence[tuple[int, int]], level: float) -> Float:
    chances: Float = np.ones(1)
    for n, n_calibration in sizes:
        a = level * (n_calibration + 1)
        chances = np.convolve(chances, beta_binomial(n, max(a, EDGE), max(n_calibration + 1 - a, EDGE)))
    return chances


def _last(holds: Callable[[float], bool]) -> float:
    """Find where a condition that holds at 0 ceases to hold."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
