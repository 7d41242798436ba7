"""The camera's dark offset: what a pixel reads without any light, in counts.

Where a plate has frames that the lamp missed, they are the offset. Elsewhere `offset_fit` tells it from the shapes of
dark and bright places.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.blocks import block_means
from kinfast.preprocess.offset_fit import OffsetFit

MIN_IMAGES = 4
"""Fewer are not corrected at all."""
WHITE_RATIO = 3.0
"""Variance over grid cells of a frame with nothing but white noise is its pixels' variance over the cell's pixels; a
sensor's fixed pattern adds to it. A lit frame without any cell is well above, since the field itself shows."""
FLAT_COUNTS, FLAT_SHARE = 1.0, 0.02
"""A frame is flat, too, where its grid varies by less than a count, as a sensor's fixed pattern does, and by less than
this share of what the plate's frames usually do."""
SPOTS = (2, 98)
"""Percentiles of a frame's grid cells that stand for its darkest and brightest spots."""
NEAR_SHARE = 0.3
"""How far from the offset to the darkest spot of lit frames an unlit frame may be: a shutter that opened a little."""
FLAT_BLOCKS = 16
"""Blocks a side over which a frame's flatness is judged: enough pixels in each for the noise to average out."""


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
        fit = OffsetFit.of(thumbnails[judged])
        offset = fit.best
        unlit[judged[_far_below(grids[judged].mean(axis=1), low[judged], high[judged], fit)]] = True
    return _levels_of(thumbnails, low, unlit, blank, offset)


def _far_below(
    means: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], fit: OffsetFit
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
    blocks, cells_per_block = block_means(thumbnails.astype(np.float64), FLAT_BLOCKS)
    spread = blocks.reshape(len(blocks), -1).std(axis=1)
    noise = pixels.std(axis=1) / np.sqrt(pixels_per_cell * cells_per_block)
    usual = float(np.median(spread[judged]))
    averaged = pixels_per_cell * cells_per_block >= 4  # else noise and structure look alike
    flat: NDArray[np.bool_] = (averaged & (spread**2 < WHITE_RATIO * noise**2)) | (
        spread < min(FLAT_COUNTS, FLAT_SHARE * usual)
    )
    return flat
