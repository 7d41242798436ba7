"""The brightness from which a pixel of the nuclear stain belongs to a nucleus, for a whole plate."""

import numpy as np
from numpy.typing import NDArray

NOISE_SIGMAS = 6.0
"""A pixel that stands out of its image's background by this many standard deviations of it is no noise."""
HALF_HEIGHT = 0.5
"""A nucleus ends at half its height above the background."""
MIN_PIXELS = 50
"""Bright pixels that a threshold is judged from at least."""
OTSU_BINS = 256
NUCLEUS_UM2 = 30.0
"""Smallest nucleus: a quarter of a U2OS nucleus, so that one cut by the border counts and debris does not."""
NUCLEUS_SHARE = 3e-5
"""The same where the pixel's size is unknown, as a share of the field: two pixels of a 256 x 256 image."""


def fit_nuclei_threshold(corrected: NDArray[np.float32]) -> float:
    """Find the threshold of the corrected nuclear stain.

    The background and its noise are each image's median and lower half; the pixels that stand out are split in two
    by Otsu's rule on the logarithm, since cytoplasm stands out too; the threshold is half the height of the brighter.

    Args:
        corrected: (n, pixels) float32, corrected intensities of a sample of pixels of lit images.

    Returns:
        Counts above the offset; inf where nothing stands out (then there is no nucleus).
        Source: Otsu 1979, IEEE Trans. SMC 9:62.
    """
    if corrected.size == 0:
        return float("inf")
    quarter, background = np.percentile(corrected, (16, 50), axis=1)
    floor = float(np.median(background))
    noise = float(np.median(background - quarter))
    above = (corrected - background[:, None].astype(np.float32)).ravel()
    bright = np.sort(above[above > max(NOISE_SIGMAS * noise, 1e-3)])
    if len(bright) < MIN_PIXELS:
        return float("inf")
    bright = bright[: max(MIN_PIXELS, round(0.999 * len(bright)))]  # without hot pixels and fibres
    height = float(np.median(bright[bright >= split_brightness(bright)]))
    return floor + max(HALF_HEIGHT * height, NOISE_SIGMAS * noise)


def split_brightness(values: NDArray[np.float32]) -> float:
    """Split positive values in two by Otsu's rule on their logarithm."""
    logs = np.log(values)
    counts, edges = np.histogram(logs, OTSU_BINS)
    centres = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts).astype(np.float64)
    weight = below * (below[-1] - below)
    sums = np.cumsum(counts * centres)
    gap = sums[-1] * below / below[-1] - sums
    between = np.divide(gap**2, weight, out=np.zeros_like(gap), where=weight > 0)
    return float(np.exp(edges[int(np.argmax(between)) + 1]))


def min_nucleus_area(stored: tuple[int, int], raw: tuple[int, int], pixel_um: float | None) -> int:
    """Give the stored pixels that a nucleus has at least.

    Args:
        stored: (h, w) of the stored image.
        raw: (H, W) of the raw one.
        pixel_um: of a raw pixel, where known.
    """
    if pixel_um is None:
        return max(2, round(NUCLEUS_SHARE * stored[0] * stored[1]))
    stored_um2 = pixel_um**2 * (raw[0] / stored[0]) * (raw[1] / stored[1])
    return max(2, round(NUCLEUS_UM2 / stored_um2))
