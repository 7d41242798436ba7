"""BaSiC: a low-rank light and sparse cells, fitted image by image.

Peng et al. 2017, doi 10.1038/ncomms14836: image = baseline * flat-field + dark-field + sparse rest, the fields sparse
in cosine waves. The paper holds all images at once (augmented Lagrangian); here the same kind of objective is minimised
by reweighted least squares in passes, and what is kept is a few numbers a grid cell, whatever the number of images.
`_native.BasicFitter` says where it differs otherwise.

The method `basic` takes the flat-field alone, and the plate's offset (`dark_offset`) for its dark-field as every method
does: a dark-field of its own is told from the light only by images that differ much in brightness. Where they do not it
goes up to the darkest count, and spoils the flat-field.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kinfast import _native

MAX_PASSES = 40
"""Ten of them lead to the paper's weights; sparse cells are done soon after, crowded ones may never quite settle."""


def basic_field(thumbnails: NDArray[np.float32], offset: float) -> NDArray[np.float64]:
    """Give the flat-field of thumbnails (n, gh, gw) counts from which `offset` is still to be subtracted; (gh, gw)."""
    return fit_basic(thumbnails, darkfield=False, offset=offset)[0].astype(np.float64)


def fit_basic(
    thumbnails: NDArray[np.float32] | Iterable[NDArray[np.float32]], darkfield: bool, offset: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit both fields; images are taken one at a time, each once a pass.

    Args:
        thumbnails: (n, gh, gw) float32 counts, or anything that gives the same images in the same order each time it
            is gone through; one image at least.
        darkfield: whether to look for it; else it is 0.
        offset: counts that are subtracted first.

    Returns:
        (flat-field of mean 1, dark-field in counts), (gh, gw) float32 each.
    """
    height, width = next(iter(thumbnails)).shape
    fitter = _native.BasicFitter(height, width, darkfield)
    for _ in range(1 + MAX_PASSES):  # the first only looks for the level
        fitter.begin_pass()
        for image in thumbnails:
            fitter.add(np.ascontiguousarray(image - np.float32(offset)))
        if fitter.end_pass():
            break
    return fitter.flatfield, fitter.darkfield
