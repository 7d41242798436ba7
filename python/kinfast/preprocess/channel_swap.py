"""Channels that stand in each other's place, told from how the planes of a site correlate, against its plate."""

import itertools

import numpy as np
from numpy.typing import NDArray

from kinfast.domain import StoreImages

STEP = 2
"""Every second row and column: neighbours are alike, and correlation needs no finer grid."""
LEAST_SPREAD = 0.03
"""Smallest spread of a correlation over a plate: two images of one well differ by as much."""
ALL_ORDERS = 5
"""Channels up to which every order is tried; beyond, exchanges of two."""


def correlate_channels(images: StoreImages) -> NDArray[np.float64]:
    """Correlate the stored planes of each site: (n, h, w, C) uint8 -> (n, C, C) float64, nan without spread.

    Sums of whole numbers below 2^53: the order in which a library adds them up does not matter.
    """
    thin = images[:, ::STEP, ::STEP].astype(np.float64)
    pixels = thin.reshape(len(images), thin.shape[1] * thin.shape[2], thin.shape[3])
    sums = pixels.sum(axis=1)
    products = np.matmul(pixels.transpose(0, 2, 1), pixels)
    covariance = products - sums[:, :, None] * sums[:, None, :] / max(1, pixels.shape[1])
    spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2).clip(0))
    scale = spread[:, :, None] * spread[:, None, :]
    result: NDArray[np.float64] = np.divide(covariance, scale, out=np.full_like(covariance, np.nan), where=scale > 0)
    return result


def swap_evidence(
    correlations: NDArray[np.float64], usual: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Say how much better another order of the channels fits the plate than the one given.

    The misfit of an order is the root mean square, over pairs of channels, of the correlation's distance from the
    plate's median, in robust standard deviations; one is added, as much as chance alone makes.

    Args:
        correlations: (n, C, C).
        usual: (n,) bool, sites that show what is usual.

    Returns:
        (n,) float64, misfit as given over the best order's, 1 and more; nan where a channel has no spread.
        (n, C) int64, for each channel's place the channel that seems to stand in it.
    """
    n, n_channels = correlations.shape[:2]
    identity = np.arange(n_channels)
    evidence, best = np.full(n, np.nan), np.tile(identity, (n, 1))
    rows, columns = np.triu_indices(n_channels, 1)
    if n_channels < 3 or not usual.any():
        return evidence, best  # of two channels, the one correlation stays as it is when they change places
    pairs = correlations[:, rows, columns]
    median = np.median(pairs[usual], axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(pairs[usual] - median), axis=0), LEAST_SPREAD)
    orders = np.array(_orders(n_channels), np.int64)
    moved = correlations[:, orders[:, rows], orders[:, columns]]
    misfit = 1 + np.sqrt((((moved - median) / spread) ** 2).mean(axis=2))
    known = ~np.isnan(misfit).any(axis=1)
    chosen = np.argmin(misfit[known], axis=1)
    evidence[known] = misfit[known, 0] / misfit[known].min(axis=1)
    best[known] = orders[chosen]
    return evidence, best


def _orders(n_channels: int) -> list[tuple[int, ...]]:
    """Give the orders that are tried, the one as given first."""
    if n_channels <= ALL_ORDERS:
        return list(itertools.permutations(range(n_channels)))
    orders = [tuple(range(n_channels))]
    for one, other in itertools.combinations(range(n_channels), 2):
        order = list(range(n_channels))
        order[one], order[other] = other, one
        orders.append(tuple(order))
    return orders
