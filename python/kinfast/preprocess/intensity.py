"""The intensity window of a plate x channel: which corrected intensities become 0 and 255.

One window serves all images of the plate, never one per image: brightness is signal.
"""

import numpy as np
from numpy.typing import NDArray

MIN_WINDOW_IMAGES = 3
"""Control images that a window is taken from at least; with fewer, all images serve."""


MIN_JUDGED_IMAGES = 12
GLARING_FACTOR = 2.0
"""An image whose brightest pixels are this many times as bright as those of nine tenths of the images is no guide."""


def fit_window(corrected: NDArray[np.float32], percentiles: tuple[float, float]) -> tuple[float, float]:
    """Give the window: two percentiles of the corrected intensities, counts above the offset.

    Args:
        corrected: any shape, float32, corrected intensities of a sample of pixels.
        percentiles: percent, rising.

    Returns:
        (low, high) with low < high; (0, 1) where there is no pixel.
    """
    if corrected.size == 0:
        return 0.0, 1.0
    low, high = (round(float(v), 2) for v in np.percentile(corrected, percentiles))
    if not high > low:
        high = low + 1.0
    return low, high


def glaring_images(corrected: NDArray[np.float32], usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find images with something far brighter than cells in them (fibres, dust, too much light).

    Args:
        corrected: (n, sh, sw) float32, samples of corrected intensities.
        usable: (n,) bool, images that say what is usual.

    Returns:
        (n,) bool; nothing where there are too few images to tell.
    """
    if usable.sum() < MIN_JUDGED_IMAGES:
        return np.zeros(len(corrected), bool)
    median, top = np.percentile(corrected, (50, 99.9), axis=(1, 2))
    reach = top - median
    glaring: NDArray[np.bool_] = reach > GLARING_FACTOR * np.percentile(reach[usable], 90)
    return glaring


def window_images(usable: NDArray[np.bool_], control: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Choose the images that a window is taken from: usable controls, else all usable ones, else all.

    Args:
        usable: (n,) bool, lit and unspoilt.
        control: (n,) bool, in a negative control well.
    """
    chosen = usable & control
    if chosen.sum() >= MIN_WINDOW_IMAGES:
        return chosen
    return usable if usable.any() else np.ones_like(usable)


def saturation_value(samples: NDArray[np.uint16]) -> int:
    """Tell at which count the camera is full, from a sample of a plate's raw pixels.

    It is the end of the smallest usual range (8, 10, 12, 14 bits) in which all of them lie, if some lie at that very
    end; else 65535.
    """
    highest = int(samples.max(initial=0))
    for bits in (8, 10, 12, 14):
        if highest == 2**bits - 1:
            return highest
    return 65535
