"""The mean image, smoothed: CellProfiler's CorrectIlluminationCalculate, "Regular", in its three usual ways.

Unlike CellProfiler, the dark offset is subtracted first, since it is subtracted when images are corrected; and the
field's mean is 1 where CellProfiler's minimum is. Cells are part of the mean: it takes hundreds of images to even them
out.
Source: CellProfiler manual, CorrectIlluminationCalculate ("Fit Polynomial", "Gaussian Filter", "Median Filter"); Singh
et al. 2014, J. Microscopy 256:231.
"""

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.surface import project, surface_basis

POLYNOMIAL_DEGREE = 2
"""CellProfiler's polynomial has the terms x2, y2, xy, x, y and 1."""
FILTER_SHARE = 0.25
"""Filter's width (a Gaussian's at half height), as a share of the shorter side. Source: Cell Painting's own pipelines
smooth by some 500 pixels of 2160."""
WIDTH_OF_SIGMA = 2.35


def mean_field(thumbnails: NDArray[np.float32], offset: float) -> NDArray[np.float64]:
    """Give the mean image's second-order polynomial; thumbnails (n, gh, gw) counts -> (gh, gw) float64, counts."""
    image = _mean_image(thumbnails, offset)
    height, width = image.shape
    basis = surface_basis(height, width, POLYNOMIAL_DEGREE)
    surface: NDArray[np.float64] = (basis * project(basis, image.ravel())).sum(axis=1).reshape(image.shape)
    return _positive(surface, image)


def gaussian_field(thumbnails: NDArray[np.float32], offset: float) -> NDArray[np.float64]:
    """Give the mean image under a Gaussian; thumbnails (n, gh, gw) counts -> (gh, gw) float64, counts."""
    import cv2  # only who asks for it waits for it

    image = _mean_image(thumbnails, offset)
    sigma = FILTER_SHARE * min(image.shape) / WIDTH_OF_SIGMA
    return _positive(np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)), image)


def median_field(thumbnails: NDArray[np.float32], offset: float) -> NDArray[np.float64]:
    """Give the mean image under a median filter; thumbnails (n, gh, gw) counts -> (gh, gw) float64, counts."""
    image = _mean_image(thumbnails, offset)
    reach = max(1, round(FILTER_SHARE * min(image.shape) / 2))
    padded = np.pad(image, min(reach, *(side - 1 for side in image.shape)), mode="symmetric")
    size = tuple(p - s + 1 for p, s in zip(padded.shape, image.shape, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    return _positive(np.median(windows, axis=(2, 3)), image)


def _mean_image(thumbnails: NDArray[np.float32], offset: float) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = thumbnails.mean(axis=0, dtype=np.float64) - offset
    return mean


def _positive(smooth: NDArray[np.float64], image: NDArray[np.float64]) -> NDArray[np.float64]:
    least = max(1e-3 * float(np.abs(image).mean()), 1e-6)
    positive: NDArray[np.float64] = np.maximum(smooth, least)
    return positive
