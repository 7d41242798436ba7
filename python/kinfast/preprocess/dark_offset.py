"""The camera's dark offset: what a pixel reads without any light, in counts.

Where a plate has frames that the lamp missed, they are the offset. Elsewhere it is found from this: at every place of
the image the brightness is offset + field(place) × light, and only the offset does not follow the field. So for
images of several brightnesses ("levels": quantiles over groups of sites) the right offset is the one after whose
subtraction all levels have the same shape, that is, make up a matrix of rank one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.surface import project, surface_basis

GROUPS = 6
"""Groups of images by brightness; and five levels within each."""
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
STEPS = 200
"""Candidates between zero and the darkest grid cell: half a count where that is a hundred."""
MIN_IMAGES = 12
"""Fewer tell a level's shape from the cells' places too badly."""
WHITE_RATIO = 3.0
"""Variance over grid cells of a frame with nothing but white noise is its pixels' variance over the cell's pixels; a
sensor's fixed pattern adds to it. A lit frame without any cell is well above, since the field itself shows."""
FLAT_COUNTS, FLAT_SHARE = 1.0, 0.02
"""A frame is flat, too, where its grid varies by less than a count, as a sensor's fixed pattern does, and by less than
this share of what the plate's frames usually do."""
SPOTS = (2, 98)
"""Percentiles of a frame's grid cells that stand for its darkest and brightest spots."""
MISFIT_SHARE = 0.02
"""By how much more than the best offset another one may fail to fit, and still be as good; where cells are confluent,
the true one's misfit was up to 1.7 % above the best one's."""
NEAR_SHARE = 0.3
"""How far from the offset to the darkest spot of lit frames an unlit frame may be: a shutter that opened a little."""
FLAT_BLOCKS = 16
"""Blocks a side over which a frame's flatness is judged: enough pixels in each for the noise to average out."""
NOISE_BLOCKS = 8
"""Blocks a side over which a level's noise is measured: coarser than a cell, finer than the field."""


@dataclass(frozen=True, slots=True)
class LightLevels:
    """How dark and how bright the frames of a plate x channel are.

    Attributes:
        offset: dark offset, counts.
        dark_below: a frame whose mean is below this was not lit, counts; -inf where that cannot be judged.
        dark: (n,) bool, which of the sampled frames were not lit.
        blank: (n,) bool, which of them are constant.
    """

    offset: float
    dark_below: float
    dark: NDArray[np.bool_]
    blank: NDArray[np.bool_]


def find_light_levels(
    thumbnails: NDArray[np.float32], samples: NDArray[np.uint16], pixels_per_cell: float
) -> LightLevels:
    """Find the dark offset and the unlit frames of a plate x channel.

    Args:
        thumbnails: (n, gh, gw) float32, mean raw counts of each grid cell.
        samples: (n, sh, sw) uint16, raw pixels of the same frames.
        pixels_per_cell: raw pixels that went into a cell of the thumbnails.

    Returns:
        The levels; an offset of 0 and nothing dark where there is no frame.
    """
    n = len(thumbnails)
    if n == 0:
        return LightLevels(0.0, -np.inf, np.zeros(0, bool), np.zeros(0, bool))
    pixels = samples.reshape(n, -1)
    grids = thumbnails.reshape(n, -1).astype(np.float64)
    blank = (pixels.min(axis=1) >= pixels.max(axis=1)) & (np.ptp(grids, axis=1) < 1e-3)
    if blank.all():
        return LightLevels(0.0, -np.inf, np.zeros(n, bool), blank)
    flat = ~blank & _is_flat(thumbnails, pixels, pixels_per_cell, ~blank)
    if (flat | blank).all():  # nothing but noise in every frame of the channel
        return LightLevels(float(np.median(grids[flat])), np.inf, flat, blank)
    low, high = np.percentile(grids, SPOTS, axis=1)
    unlit = flat & (high < low[~flat & ~blank].min())
    judged = np.flatnonzero(~blank & ~unlit)
    offset = None
    if len(judged) >= MIN_IMAGES:
        fit = _OffsetFit.of(thumbnails[judged])
        offset = fit.best
        unlit[judged[_far_below(grids[judged].mean(axis=1), low[judged], high[judged], fit)]] = True
    return _levels_of(thumbnails, low, unlit, blank, offset)


def _far_below(
    means: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], fit: "_OffsetFit"
) -> NDArray[np.int64]:
    """Find frames whose brightest spots are darker than the darkest spots of all others, and that are at the offset.

    At the offset is what is near the best one, or fits the plate's images nearly as well in its place.

    A shutter that opened a little leaves a trace of the cells, so that such a frame is not flat.
    """
    order = np.argsort(means, kind="stable")
    brightest = np.maximum.accumulate(high[order])[:-1]
    darkest_above = np.minimum.accumulate(low[order][::-1])[::-1][1:]
    for count in np.flatnonzero(brightest < darkest_above) + 1:
        brightest_unlit = float(means[order[:count]].max())
        near = brightest_unlit - fit.best < NEAR_SHARE * (darkest_above[count - 1] - fit.best)
        if (near or fit.allows(brightest_unlit)) and count <= len(means) // 2:
            return order[:count]
    return order[:0]


def _levels_of(
    thumbnails: NDArray[np.float32],
    low: NDArray[np.float64],
    unlit: NDArray[np.bool_],
    blank: NDArray[np.bool_],
    fitted: float | None,
) -> LightLevels:
    lit = ~unlit & ~blank
    means = thumbnails.mean(axis=(1, 2), dtype=np.float64)
    if unlit.any():
        offset = float(np.median(thumbnails[unlit], axis=(1, 2)).min())
        return LightLevels(offset, 0.5 * float(means[unlit].max() + means[lit].min()), unlit, blank)
    if fitted is None:
        return LightLevels(0.0, -np.inf, unlit, blank)
    return LightLevels(fitted, fitted + NEAR_SHARE * max(0.0, float(low[lit].min()) - fitted), unlit, blank)


def _is_flat(
    thumbnails: NDArray[np.float32],
    pixels: NDArray[np.uint16],
    pixels_per_cell: float,
    judged: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    blocks, cells_per_block = _block_means(thumbnails.astype(np.float64), FLAT_BLOCKS)
    spread = blocks.reshape(len(blocks), -1).std(axis=1)
    noise = pixels.std(axis=1) / np.sqrt(pixels_per_cell * cells_per_block)
    usual = float(np.median(spread[judged]))
    averaged = pixels_per_cell * cells_per_block >= 4  # else noise and structure look alike
    flat: NDArray[np.bool_] = (averaged & (spread**2 < WHITE_RATIO * noise**2)) | (
        spread < min(FLAT_COUNTS, FLAT_SHARE * usual)
    )
    return flat


def _block_means(grids: NDArray[np.float64], blocks: int) -> tuple[NDArray[np.float64], float]:
    """Average (n, gh, gw) over at most `blocks` blocks a side; the second value is the cells of a block."""
    height, width = grids.shape[1:]
    rows, columns = (np.arange(0, side, -(-side // blocks)) for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(grids, rows, axis=1), columns, axis=2)
    sizes = np.outer(np.diff(rows, append=height), np.diff(columns, append=width))
    return sums / sizes, height * width / sizes.size


def fit_dark_offset(thumbnails: NDArray[np.float32]) -> float:
    """Find the offset after whose subtraction images of all brightnesses have one shape.

    Args:
        thumbnails: (n, gh, gw) float32, mean raw counts of grid cells, of lit frames.

    Returns:
        Counts, from 0 to the darkest grid cell.
    """
    return _OffsetFit.of(thumbnails).best


@dataclass(frozen=True, slots=True)
class _OffsetFit:
    """How badly the levels' shapes agree for each candidate of the offset (counts)."""

    candidates: NDArray[np.float64]
    misfits: NDArray[np.float64]

    @classmethod
    def of(cls, thumbnails: NDArray[np.float32]) -> "_OffsetFit":
        n, height, width = thumbnails.shape
        basis = surface_basis(height, width)
        levels, variances = _level_images(thumbnails.reshape(n, -1), (height, width), basis)
        constant = project(basis, np.ones(len(basis)))
        candidates = np.linspace(0.0, max(float(thumbnails.min()), 0.0), STEPS)
        weights = 1.0 / np.sqrt(variances)[:, None]
        misfits = [_beyond_rank_one((levels - offset * constant) * weights) for offset in candidates]
        return cls(candidates, np.array(misfits))

    @property
    def best(self) -> float:
        """The candidate that fits best."""
        return float(self.candidates[int(np.argmin(self.misfits))])

    def allows(self, offset: float) -> bool:
        """Tell whether an offset fits nearly as well as the best one."""
        misfit = float(np.interp(offset, self.candidates, self.misfits))
        return misfit <= (1 + MISFIT_SHARE) * float(self.misfits.min())


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
    blocks, cells_per_block = _block_means(rest[None], NOISE_BLOCKS)
    return float(np.var(blocks)) * cells_per_block


def _beyond_rank_one(matrix: NDArray[np.float64]) -> float:
    singular = np.linalg.svd(matrix, compute_uv=False)
    return float((singular[1:] ** 2).sum())
