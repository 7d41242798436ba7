"""A second estimate of the dark offset, from levels: quantiles over groups of images at each place.

The right offset is the one after whose subtraction all levels have the same shape, that is, make up a matrix of rank
one. See `offset_fit`, which bounds it.
"""

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.blocks import block_means
from kinfast.preprocess.surface import project, surface_basis

GROUPS = 6
"""Groups of images by brightness; and five levels within each."""
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
STEPS = 200
"""Candidates between zero and the darkest grid cell: half a count where that is a hundred."""


def fit_levels_offset(thumbnails: NDArray[np.float32]) -> float:
    """Find the offset, 0 to the darkest grid cell, for (n, gh, gw) float32 counts of lit frames."""
    n, height, width = thumbnails.shape
    basis = surface_basis(height, width)
    levels, variances = _level_images(thumbnails.reshape(n, -1), (height, width), basis)
    constant = project(basis, np.ones(len(basis)))
    candidates = np.linspace(0.0, max(float(thumbnails.min()), 0.0), STEPS)
    weights = 1.0 / np.sqrt(variances)[:, None]
    misfits = [_beyond_rank_one((levels - offset * constant) * weights) for offset in candidates]
    return float(candidates[int(np.argmin(misfits))])


def _level_images(
    pixels: NDArray[np.float32], grid: tuple[int, int], basis: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give each level's surface, (levels, terms), and the variance of the noise in each of its terms, (levels,)."""
    order = np.argsort(np.median(pixels, axis=1), kind="stable")
    surfaces, variances = [], []
    for group in np.array_split(order, min(GROUPS, max(1, len(order) // 2))):
        ranked = np.sort(pixels[group], axis=0).astype(np.float64)
        for quantile in QUANTILES:
            level = ranked[round(quantile * (len(group) - 1))]
            surface = project(basis, level)
            rest = (level - (basis * surface).sum(axis=1)).reshape(grid)
            surfaces.append(surface)
            variances.append(_term_variance(rest) + 1e-8 * float(level.mean()) ** 2 + 1e-6)
    return np.stack(surfaces), np.array(variances)


def _term_variance(rest: NDArray[np.float64]) -> float:
    """Variance of an orthonormal surface term that noise like `rest` gives rise to: of blocks, times cells a block."""
    blocks, cells_per_block = block_means(rest[None])
    return float(np.var(blocks)) * cells_per_block


def _beyond_rank_one(matrix: NDArray[np.float64]) -> float:
    singular = np.linalg.svd(matrix, compute_uv=False)
    return float((singular[1:] ** 2).sum())
