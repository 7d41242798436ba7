"""A second estimate of the dark offset, from levels: quantiles of many images' brightness in each block of the image.

At every place a quantile of the brightness over many images is offset + field(place) x that quantile of the cells'
light, since cells lie everywhere alike. So once the offset is subtracted, the levels make up a matrix of rank one. The
lowest ones, of gaps between cells, tell most: they are dark, where an offset weighs, and background is even.

The levels of one place err together (more cells there lift all of them), and the high ones by more counts. How, is
known from what smooth surfaces leave of them; levels are weighed by the inverse of that covariance, which makes the sum
of squares beyond rank one a chi-squared of the offset, whose rise by one from the least is a standard error.
Source: total least squares with a known covariance of errors, Van Huffel & Vandewalle 1991, The Total Least Squares
Problem, ch. 8.
"""

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.blocks import BLOCKS, cut_blocks
from kinfast.preprocess.surface import surface_basis

GROUPS = 2
"""Groups of images by brightness: where cells are few, all quantiles are background, and only images differ. Of more
groups each has too few images to tell quantiles at a place, and their errors are taken for too small."""
QUANTILES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9)
POOLED = 256
"""Values that quantiles are taken of, at least, so that those of few images tell: of a cell of the grid and its
neighbours in all images of a group. No more of them than needed: the field itself differs within a block."""
RIDGE = 1e-3
"""Added to each level's variance, as a share of it, so that levels that nearly equal each other can be weighed."""
ROUNDING = 1e-8
"""And as a share of its squared counts; with a thousandth of a count squared for a plate without noise."""


def level_misfits(
    grids: NDArray[np.float32], shape: NDArray[np.float64], candidates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give how badly levels are of one shape for each candidate of the offset: chi-squared above the least, (k,).

    Args:
        grids: (n, gh, gw) float32 counts above 0.
        shape: (gh, gw), the images' common shape, which neighbouring cells are freed of before they are pooled.
        candidates: (k,) counts.

    Returns:
        (k,) float64; scaled down where the least is more than the levels' errors explain.
    """
    order = np.argsort(np.log(grids).mean(axis=(1, 2)), kind="stable")
    whitened, constants = [], []
    for group in np.array_split(order, min(GROUPS, len(order))):
        blocks = cut_blocks(_levels(grids[group], shape)).mean(axis=3)
        levels, basis = blocks.reshape(len(blocks), -1), surface_basis(*blocks.shape[1:])
        surfaces = np.einsum("qb,bt->qt", levels, basis)
        weights = np.linalg.inv(np.linalg.cholesky(_covariance(levels, basis, surfaces)))
        whitened.append(weights @ surfaces)
        constants.append(weights @ np.tile(basis.sum(axis=0), (len(levels), 1)))
    rows, constant = np.concatenate(whitened), np.concatenate(constants)
    misfits = _beyond_rank_one(rows - candidates[:, None, None] * constant)
    freedom = (rows.shape[0] - 1) * (rows.shape[1] - 1)
    above: NDArray[np.float64] = (misfits - misfits.min()) / max(1.0, float(misfits.min()) / freedom)
    return above


def _levels(grids: NDArray[np.float32], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give quantiles over images and a few neighbouring cells at each place, (quantiles, rows, columns) counts."""
    n, height, width = grids.shape
    block = max(1, min(height, width) // BLOCKS)
    side = next(side for side in range(1, block + 1) if block % side == 0 and (n * side**2 >= POOLED or side == block))
    rows, columns = height // side, width // side
    cut = np.s_[..., : rows * side, : columns * side]
    places = (grids / shape.astype(np.float32))[cut].reshape(n, rows, side, columns, side)
    pooled = places.transpose(1, 3, 0, 2, 4).reshape(rows, columns, n * side * side)
    ranks = [round(quantile * (pooled.shape[2] - 1)) for quantile in QUANTILES]
    levels = np.moveaxis(np.sort(pooled, axis=2)[..., ranks], 2, 0).astype(np.float64)
    back: NDArray[np.float64] = shape[cut].reshape(rows, side, columns, side).mean(axis=(1, 3))
    return levels * back


def _covariance(
    levels: NDArray[np.float64], basis: NDArray[np.float64], surfaces: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the covariance of levels' errors, from what their surfaces, (quantiles, terms), leave of them."""
    rest = levels - np.einsum("qt,bt->qb", surfaces, basis)
    covariance: NDArray[np.float64] = np.einsum("qb,rb->qr", rest, rest) / (basis.shape[0] - basis.shape[1])
    least = RIDGE * np.diag(covariance) + ROUNDING * levels.mean(axis=1) ** 2 + 1e-6
    return covariance + np.diag(least)


def _beyond_rank_one(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    singular = np.linalg.svd(matrices, compute_uv=False)
    beyond: NDArray[np.float64] = (singular[:, 1:] ** 2).sum(axis=1)
    return beyond
