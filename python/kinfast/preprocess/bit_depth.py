"""Images that were taken, or scaled, in another bit depth than most of their plate."""

import numpy as np
from numpy.typing import NDArray

OTHER = 4.0
"""Factor between two grids of counts that is no accident of an image with few levels: two bits."""


def depth_factors(
    steps: NDArray[np.float64], bits: NDArray[np.float64], usable: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Say by which factor an image's grid of counts differs from the usual one of its plate x channel.

    Args:
        steps: (n, C) smallest distance of two levels that occur; 0 where unknown.
        bits: (n, C) of a sample in the file.
        usable: (n,) bool, sites that show what is usual.

    Returns:
        (n, C), 1 and more: the steps' ratio, or two to the power of the bits' difference where that is larger.
    """
    if not usable.any():
        return np.ones_like(steps)
    usual_step, usual_bits = _most_common(steps[usable]), _most_common(bits[usable])
    known = (steps > 0) & (usual_step > 0)
    ratio = np.divide(steps, usual_step, out=np.ones_like(steps), where=known)
    grid = np.maximum(ratio, np.divide(1.0, ratio, out=np.ones_like(ratio), where=ratio > 0))
    result: NDArray[np.float64] = np.maximum(grid, 2.0 ** np.abs(bits - usual_bits))
    return result


def _most_common(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give each column's most common value, the smallest of equally common ones."""
    found = []
    for column in values.T:
        levels, counts = np.unique(column, return_counts=True)
        found.append(levels[np.argmax(counts)])
    return np.array(found)
