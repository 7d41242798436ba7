"""A second estimate of the dark offset, from levels: quantiles of many images' brightness in each block of the image.

At every place a quantile of the brightness over many images is offset + field(place) x that quantile of the cells'
light, since cells lie everywhere alike. So once the offset is subtracted, the levels make up a matrix of rank one. The
lowest ones, of gaps between cells, tell most: they are dark, where an offset weighs, and the background in them is even.

The levels of one place err together (more cells there lift all of them), and the high ones by more counts. How, is known
from what smooth surfaces leave of them; levels are weighed by the inverse of that covariance, which makes the sum of
squares beyond rank one a chi-squared of the offset, whose rise by one from the least is a standard error.
Source: total least squares with a known covariance of errors, Van Huffel & Vandewalle 1991, The Total Least Squares
Problem, ch. 8.
"""

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.surface import surface_basis

GROUPS = 2
"""Groups of images by brightness: where cells are few, all quantiles are background, and only images differ. Of more
groups each has too few images to tell quantiles at a place, and their errors are taken for too small."""
RIDGE = 1e-3
"""Added to each level's variance, as a share of it, so that levels that nearly equal each other can be weighed."""
ROUNDING = 1e-8
"""And as a share of its squared counts; with a thousandth of a count squared for a plate without noise."""


def level_misfits(
    cells: NDArray[np.float32],
    back: NDArray[np.float64],
    grid: tuple[int, int],
    quantiles: tuple[float, ...],
    candidates: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give how badly levels are of one shape for each candidate of the offset: chi-squared above the least, (k,).

    Args:
        cells: (n, blocks, cells of a block) float32 counts; within blocks the images' common shape is divided out.
        back: (blocks,), what levels are multiplied by to have that shape again.
        grid: rows and columns of the blocks.
        quantiles: that are looked at, rising.
        candidates: (k,) counts.

    Returns:
        (k,) float64; scaled down where the least is more than the levels' errors explain.
    """
    basis = surface_basis(*grid)
    order = np.argsort(np.log(cells).mean(axis=(1, 2)), kind="stable")
    whitened, constants = [], []
    for group in np.array_split(order, min(GROUPS, len(order))):
        levels = _levels(cells[group], quantiles) * back
        surfaces = np.einsum("qb,bt->qt", levels, basis)
        weights = np.linalg.inv(np.linalg.cholesky(_covariance(levels, basis, surfaces)))
        whitened.append(weights @ surfaces)
        constants.append(weights @ np.tile(basis.sum(axis=0), (len(levels), 1)))
    rows, constant = np.concatenate(whitened), np.concatenate(constants)
    misfits = np.array([_beyond_rank_one(rows - offset * constant) for offset in candidates])
    freedom = (rows.shape[0] - 1) * (rows.shape[1] - 1)
    return (misfits - misfits.min()) / max(1.0, float(misfits.min()) / freedom)


def _levels(cells: NDArray[np.float32], quantiles: tuple[float, ...]) -> NDArray[np.float64]:
    """Give quantiles over images and cells of each block, (quantiles, blocks)."""
    pooled = cells.swapaxes(0, 1).reshape(cells.shape[1], -1)
    places = [round(quantile * (pooled.shape[1] - 1)) for quantile in quantiles]
    return np.partition(pooled, places, axis=1)[:, places].T.astype(np.float64)


def _covariance(
    levels: NDArray[np.float64], basis: NDArray[np.float64], surfaces: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the covariance of levels' errors, from what their surfaces, (quantiles, terms), leave of them."""
    rest = levels - np.einsum("qt,bt->qb", surfaces, basis)
    covariance: NDArray[np.float64] = np.einsum("qb,rb->qr", rest, rest) / (basis.shape[0] - basis.shape[1])
    least = RIDGE * np.diag(covariance) + ROUNDING * levels.mean(axis=1) ** 2 + 1e-6
    return covariance + np.diag(least)


def _beyond_rank_one(matrix: NDArray[np.float64]) -> float:
    singular = np.linalg.svd(matrix, compute_uv=False)
    return float((singular[1:] ** 2).sum())
