"""The slow and obvious warp: one output pixel after the other, bilinear, the border held."""

import numpy as np
from numpy.typing import NDArray


def warp(image: NDArray[np.uint8], matrix: NDArray[np.float32], output_size: int) -> NDArray[np.float64]:
    """(h, w, C) to (S, S, C) counts; the matrix takes output pixels to input pixels, centres at halves."""
    height, width, channels = image.shape
    out = np.zeros((output_size, output_size, channels))
    for row in range(output_size):
        for column in range(output_size):
            x, y = matrix.astype(np.float64) @ [column + 0.5, row + 0.5, 1.0]
            x = min(max(x - 0.5, 0.0), width - 1.0)
            y = min(max(y - 0.5, 0.0), height - 1.0)
            left, top = int(np.floor(x)), int(np.floor(y))
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            upper = (1 - (x - left)) * image[top, left] + (x - left) * image[top, right]
            lower = (1 - (x - left)) * image[bottom, left] + (x - left) * image[bottom, right]
            out[row, column] = (1 - (y - top)) * upper + (y - top) * lower
    return out
