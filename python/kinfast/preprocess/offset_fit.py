"""The dark offset of lit frames: after its subtraction dark and bright places have one shape.

At every place of the image the brightness is offset + field(place) x light, and only the offset does not follow the
field. So log(brightness - offset) is log field + log light, and its shape over the image does not depend on how bright
it is; with too little subtracted dark places look flatter than bright ones, with too much less flat.

Each image gives four rows: quantiles of the brightness in each of 8 x 8 blocks. The lowest one for the gaps between
confluent cells, none far above the middle, where debris, saturated spots and bright cells are. Within and over images,
`association` is the covariance of a row's mean with its shape, along the one direction in which an offset changes
shapes. Its noise is known from the other directions, in which nothing but the cells' places makes a covariance: that
holds for few images as for many. From 12 images on it is weighed together with the estimate by levels
(`level_offset`), each by its own error: the one tells more where cells are few, the other where they are confluent.
Where images do not determine an offset, little or nothing is subtracted.
Source: Gao & Bruce 1997, Statistica Sinica 7:855 (firm shrinkage).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.blocks import cut_blocks
from kinfast.preprocess.level_offset import level_misfits
from kinfast.preprocess.surface import project, surface_basis, term_degrees

SIDE = 64
"""Cells a side that are looked at: of finer grids means of neighbours, so that noise does not pass for brightness."""
QUANTILES = (0.02, 0.2, 0.4, 0.6)
"""Chosen among five sets on simulated confluent stacks of 64 to 270 images, close to a tie with (0.02, 0.3, 0.7)."""
STEPS = 50
"""Candidates between zero and the darkest grid cell; between them the association is nearly a line."""
LEVELS_FROM = 12
"""Images from which `level_offset` helps: fewer tell a level's shape from the cells' places too badly."""
AT_ONCE = 1 << 17
"""Numbers looked at at once: of few images all candidates, of many one by one, so that they stay in the cache."""
LEAST = 0.5
"""Counts above the offset that a block has at least, so that its logarithm exists."""
ALLOWED = 2.0
"""Standard errors from zero within which an association is noise (95 %)."""


def fit_dark_offset(thumbnails: NDArray[np.float32]) -> float:
    """Find the offset after whose subtraction dark and bright places have one shape.

    Args:
        thumbnails: (n, gh, gw) float32, mean raw counts of grid cells, of lit frames.

    Returns:
        Counts, from 0 to the darkest grid cell.
    """
    return OffsetFit.of(thumbnails).best


@dataclass(frozen=True, slots=True)
class OffsetFit:
    """What speaks against each candidate of the offset.

    Attributes:
        candidates: (k,) counts, rising from 0.
        associations: (k,) of brightness and shape, in their standard errors.
        misfits: (k,) of the levels, chi-squared above the least; None where too few images tell levels.
    """

    candidates: NDArray[np.float64]
    associations: NDArray[np.float64]
    misfits: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, thumbnails: NDArray[np.float32]) -> "OffsetFit":
        """Look at frames, (n, gh, gw) float32 counts."""
        grids = _coarse(thumbnails)
        shape = _common_shape(grids)
        rows, grid = _block_rows(grids, shape)
        basis = surface_basis(*grid)[:, 1:]
        if basis.shape[1] < 2 or len(thumbnails) < 2:  # no second direction to tell noise by
            return cls(np.zeros(1), np.zeros(1))
        candidates = np.linspace(0.0, max(float(thumbnails.min()), 0.0), STEPS)
        associations = _associations(rows, candidates, basis)
        if len(thumbnails) < LEVELS_FROM:
            return cls(candidates, associations)
        return cls(candidates, associations, level_misfits(grids, shape, candidates))

    @property
    def contradiction(self) -> float:
        """By how many standard errors the images contradict that there is no offset.

        Both estimates look at the same images, so what they say together counts as their mean, not as their sum.
        """
        if self.misfits is None:
            return -float(self.associations[0])
        against = self._against
        return float(np.sqrt(0.5 * (against[0] - against.min())))

    @property
    def best(self) -> float:
        """What images speak least against, shrunk where they hardly contradict 0."""
        if self.misfits is None:
            return self._shrunk(self._crossing(0.0))
        return self._shrunk(_lowest(self.candidates, self._against))

    @property
    def _against(self) -> NDArray[np.float64]:
        total: NDArray[np.float64] = self.associations**2 + (0.0 if self.misfits is None else self.misfits)
        return total

    def _shrunk(self, offset: float) -> float:
        """Shrink firmly: nothing is left up to one standard error, all from `ALLOWED` on."""
        if not self.contradiction > 1.0:
            return 0.0
        return offset * min(1.0, (1.0 - self.contradiction**-2) / (1.0 - ALLOWED**-2))

    def _crossing(self, association: float) -> float:
        """Give the lowest candidate of an association at least so high; the highest where there is none."""
        above = np.flatnonzero(self.associations >= association)
        if len(above) == 0 or above[0] == 0:
            return float(self.candidates[-1 if len(above) == 0 else 0])
        pair = slice(above[0] - 1, above[0] + 1)
        return float(np.interp(association, self.associations[pair], self.candidates[pair]))

    def allows(self, offset: float) -> bool:
        """Tell whether images do not contradict an offset."""
        return abs(float(np.interp(offset, self.candidates, self.associations))) <= ALLOWED


def _coarse(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    n, height, width = thumbnails.shape
    step = max(1, min(height, width) // SIDE)
    rows, columns = height // step, width // step
    cells = thumbnails[:, : rows * step, : columns * step].reshape(n, rows, step, columns, step)
    means: NDArray[np.float32] = np.maximum(cells.mean(axis=(2, 4)), np.float32(LEAST))
    return means


def _common_shape(grids: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give the smooth shape that images share before any offset is subtracted, (gh, gw) about 1."""
    n, height, width = grids.shape
    basis = surface_basis(height, width)
    logs = np.log(grids).reshape(n, -1)
    ranked = np.sort((logs - logs.mean(axis=1)[:, None]).T.copy(), axis=1)  # np.median along images: five times as long
    shape = ranked[:, [(n - 1) // 2, n // 2]].mean(axis=1)
    common: NDArray[np.float64] = np.exp((basis * project(basis, shape)).sum(axis=1).reshape(height, width))
    return common


def _block_rows(grids: NDArray[np.float32], shape: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Give the quantiles in each block, (quantiles, n, blocks) counts, and how many blocks there are down and across.

    The images' common shape is divided out within blocks, else quantiles lie apart where it is steep.
    """
    blocks = cut_blocks(grids / shape.astype(np.float32))
    grid = (blocks.shape[1], blocks.shape[2])
    cells = blocks.reshape(len(grids), grid[0] * grid[1], -1)
    last = cells.shape[2] - 1
    places = [round(quantile * last) for quantile in QUANTILES]
    ranked = np.sort(cells, axis=2)[..., places].astype(np.float64)  # ten times as fast as np.partition
    back = np.exp(cut_blocks(np.log(shape)[None]).reshape(1, cells.shape[1], -1).mean(axis=2))
    return np.moveaxis(ranked, 2, 0) * back, grid


def _lowest(places: NDArray[np.float64], heights: NDArray[np.float64]) -> float:
    """Give where a curve is lowest: the vertex of the parabola through its least value and both neighbours."""
    at = int(np.argmin(heights))
    if at in (0, len(heights) - 1):
        return float(places[at])
    left, middle, right = heights[at - 1 : at + 2]
    bend = left - 2 * middle + right
    return float(places[at] + 0.5 * (places[1] - places[0]) * (left - right) / bend) if bend > 0 else float(places[at])


def _associations(
    rows: NDArray[np.float64], candidates: NDArray[np.float64], basis: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give each candidate's covariance of brightness and shape in its standard errors, (k,): below zero where too low.

    Args:
        rows: (quantiles, n, blocks), counts.
        candidates: (k,) counts.
        basis: (blocks, terms), orthonormal, without a constant.
    """
    at_once = max(1, AT_ONCE // rows.size)
    parts = [candidates[first : first + at_once] for first in range(0, len(candidates), at_once)]
    return np.concatenate([_associations_of(rows, part, basis) for part in parts])


def _associations_of(
    rows: NDArray[np.float64], candidates: NDArray[np.float64], basis: NDArray[np.float64]
) -> NDArray[np.float64]:
    logs = np.log(np.maximum(rows - candidates[:, None, None, None], LEAST))
    levels = logs.mean(axis=3)
    shapes = np.einsum("kqnb,bt->kqnt", logs, basis)
    like_a_constant = np.exp(levels[..., None] - logs).mean(axis=(1, 2))  # 1 / field, which an added count looks like
    towards = np.einsum("kb,bt->kt", like_a_constant, basis)
    towards /= np.maximum(np.sqrt((towards**2).sum(axis=1, keepdims=True)), 1e-12)
    weights = 1.0 / np.maximum(shapes.var(axis=2).sum(axis=2), 1e-12)  # of a quantile: how little images differ in it
    weights /= weights.sum(axis=1, keepdims=True) * rows.shape[1]
    levels -= (weights[..., None] * levels).sum(axis=(1, 2), keepdims=True)
    shapes -= np.einsum("kq,kqnt->kt", weights, shapes)[:, None, None]
    products = np.einsum("kqn,kqnt->kt", weights[..., None] * levels, shapes)
    along = (products * towards).sum(axis=1)
    errors = _errors_along(products - along[:, None] * towards, towards)
    associations: NDArray[np.float64] = along / np.maximum(errors, 1e-12)
    return associations


def _errors_along(rest: NDArray[np.float64], towards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the standard error along each direction from what lies across it; (k, terms), (k, terms) -> (k,).

    Cells' places make more of low degrees than of high ones, and `towards` is mostly low: each degree counts as much as
    it has of that direction. That is told by few terms, so that of all terms together is the least.
    """
    degrees = term_degrees(towards.shape[1] + 1)[1:]
    mean = (rest**2).sum(axis=1) / (rest.shape[1] - 1)
    by_degree = np.zeros(len(rest))
    for degree in np.unique(degrees):
        of = degrees == degree
        share = (towards[:, of] ** 2).sum(axis=1)
        by_degree += share * (rest[:, of] ** 2).sum(axis=1) / np.maximum(of.sum() - share, 1e-3)
    errors: NDArray[np.float64] = np.sqrt(np.maximum(mean, by_degree))
    return errors
