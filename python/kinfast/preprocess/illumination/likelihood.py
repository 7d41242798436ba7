"""The mean image, smoothed, made proof against cells: what `auto` estimates by.

CellProfiler's CorrectIlluminationCalculate takes the mean image of a plate and smooths it (Gaussian, or a polynomial).
So does this, with three precautions, because cells are bright, few and somewhere else in each image:

1. the dark offset is found and subtracted first (`dark_offset`), for it does not follow the light;
2. each image is divided by its own level, so that a bright image does not outvote the others;
3. the mean over images is a weighted one. With x = log((raw - offset) / level) the model is x = log field(place) + s,
   where s (background, cytoplasm, nuclei, …) has the same distribution at every place. That distribution is estimated
   from all the pixels together, and the field's surface is the one of greatest likelihood under it: pixels on the sharp
   peak of the background count much, those in the wide tail of the cells little. Where the cells are confluent there
   is no peak, and the estimate is the mean.

The smooth function is a fourth-order surface of log field. The fit is repeated on both halves of the wells: what
they differ by is the error, and terms that do not stand out of it are shrunk.
Source: Singh et al. 2014, J. Microscopy 256:231 (mean image, smoothed); Stone 1975, Ann. Statist. 3:267 (the adaptive
estimate of a location).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kinfast import _native
from kinfast.preprocess.illumination.field import normalise
from kinfast.preprocess.surface import project, surface_basis, term_degrees

BANDWIDTHS = (2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25)
"""Smoothing of the density in each iteration, in units of its spread: wide first, so that no side peak catches it."""
FINE_ITERATIONS = 2
"""The last ones look at every cell of the thumbnails (of very many, at each fifth); those before at fewer."""
FINE_STEPS = ((2_000_000, 5),)
COARSE_STEPS = ((500_000, 13), (20_000, 5))
"""From so many values on, one cell of so many; odd, so that neighbouring rows of an even grid give other columns."""
DARKEST = 0.5
"""Counts above the offset that a cell is taken to have at least, so that its logarithm exists."""

Start = tuple[NDArray[np.float32], NDArray[np.float64]]
"""Levels of the images, (n,), and the surface's terms."""


def fit_fields(
    thumbnails: NDArray[np.float32], offset: float, even: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32]], float]:
    """Fit the flat-field of a plate x channel, and that of each half of its images.

    Args:
        thumbnails: (n, gh, gw) float32, mean raw counts of grid cells, of lit and unspoilt images.
        offset: dark offset, counts.
        even: (n,) bool, which images are in the first half; each half has one at least.

    Returns:
        (flat-field, (of the first half, of the second), standard error of the first): (gh, gw) float32 of mean 1.
    """
    grid, logs = (thumbnails.shape[1], thumbnails.shape[2]), _logs(thumbnails, offset)
    whole = _fit_surface(logs, grid)
    one, other = (_fit_surface(logs[half], grid, fine_iterations=0) for half in (even, ~even))
    terms, error = _shrink(whole, 0.5 * (one - other), logs.shape[1])
    flat, first, second = (_field_of(surface_basis(*grid), of).reshape(grid) for of in (terms, one, other))
    return flat, (first, second), error


def image_surfaces(thumbnails: NDArray[np.float32], offset: float) -> NDArray[np.float64]:
    """Give each image's pull on the field of all: how it would move the field in one more step of the fit.

    A pull tells departures apart that are far too small to see in an image, but it is no measure of large ones.

    Args:
        thumbnails: (n, gh, gw) float32, mean raw counts of grid cells, of lit and unspoilt images.
        offset: dark offset, counts.

    Returns:
        (n, terms) float64, on an orthonormal basis.
    """
    grid, logs = (thumbnails.shape[1], thumbnails.shape[2]), _logs(thumbnails, offset)
    levels, terms = _begin(logs, grid)
    levels, terms = _Design.every(COARSE_STEPS, logs, grid).climb(levels, terms, BANDWIDTHS)
    fine = _Design.every(FINE_STEPS, logs, grid)
    return _native.image_pulls(fine.logs, fine.basis, fine.inverse, BANDWIDTHS[-1], levels, terms)


def part_surfaces(thumbnails: NDArray[np.float32], offset: float, parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Fit each part of the images for itself, quickly; see `image_surfaces`.

    parts: (n,) int64, 0 … k - 1.

    Returns:
        (k, terms) float64 of the logarithm; the root of the sum of their squares is the RMS over the image.
    """
    grid, logs = (thumbnails.shape[1], thumbnails.shape[2]), _logs(thumbnails, offset)
    fits = [_fit_surface(logs[parts == part], grid, fine_iterations=0) for part in range(int(parts.max()) + 1)]
    scaled: NDArray[np.float64] = np.stack(fits) / np.sqrt(logs.shape[1])
    return scaled


def _logs(thumbnails: NDArray[np.float32], offset: float) -> NDArray[np.float32]:
    light = thumbnails.reshape(len(thumbnails), -1) - np.float32(offset)
    logs: NDArray[np.float32] = np.log(np.maximum(light, np.float32(DARKEST)))
    return logs


def _field_of(basis: NDArray[np.float64], terms: NDArray[np.float64]) -> NDArray[np.float32]:
    return normalise(np.exp((basis[:, 1:] * terms).sum(axis=1)))


def _shrink(terms: NDArray[np.float64], errors: NDArray[np.float64], n_cells: int) -> tuple[NDArray[np.float64], float]:
    """Shrink each degree's terms by the share of noise in them (James-Stein); give the field's standard error too."""
    noise = float(np.mean(errors**2))
    degrees = term_degrees(len(terms) + 1)[1:]
    kept = terms.copy()
    for degree in np.unique(degrees):
        of = degrees == degree
        kept[of] *= max(0.0, 1.0 - of.sum() * noise / max(float((terms[of] ** 2).sum()), 1e-30))
    return kept, float(np.sqrt(noise * len(terms) / n_cells))


def _begin(logs: NDArray[np.float32], grid: tuple[int, int]) -> Start:
    """Give each image's mean for its level, and the mean image's surface."""
    levels = logs.mean(axis=1)
    mean = logs.mean(axis=0, dtype=np.float64) - levels.mean(dtype=np.float64)
    return levels, project(surface_basis(*grid)[:, 1:], mean)


def _fit_surface(
    logs: NDArray[np.float32], grid: tuple[int, int], fine_iterations: int = FINE_ITERATIONS
) -> NDArray[np.float64]:
    """Fit log field's terms, without the constant, by iterated steps towards the greatest likelihood.

    Args:
        logs: (n, cells) float32, logarithm of counts above the offset.
        grid: rows and columns of the cells.
        fine_iterations: of the last ones, how many look at every cell.

    Returns:
        (terms,) float64.
    """
    levels, terms = _begin(logs, grid)
    fine_from = len(BANDWIDTHS) - fine_iterations
    levels, terms = _Design.every(COARSE_STEPS, logs, grid).climb(levels, terms, BANDWIDTHS[:fine_from])
    if fine_iterations:
        levels, terms = _Design.every(FINE_STEPS, logs, grid).climb(levels, terms, BANDWIDTHS[fine_from:])
    return terms


@dataclass(frozen=True, slots=True)
class _Design:
    """What a step looks at.

    Attributes:
        logs: (n, cells) float32.
        basis: (cells, terms) float64.
        inverse: (terms, terms), of the basis' Gram matrix; not the identity where cells were left out.
    """

    logs: NDArray[np.float32]
    basis: NDArray[np.float64]
    inverse: NDArray[np.float64]

    @classmethod
    def every(cls, steps: tuple[tuple[int, int], ...], logs: NDArray[np.float32], grid: tuple[int, int]) -> "_Design":
        """Look at one cell of as many as `steps` says for so many values."""
        step = next((step for least, step in steps if logs.size > least), 1)
        return cls(np.ascontiguousarray(logs[:, ::step]), *_stepped_basis(grid, step))

    def climb(self, levels: NDArray[np.float32], terms: NDArray[np.float64], bandwidths: Sequence[float]) -> Start:
        """Make one scoring step for each bandwidth, halved until it does not lower the likelihood."""
        return _native.climb_likelihood(self.logs, self.basis, self.inverse, bandwidths, levels, terms)


@lru_cache(maxsize=16)
def _stepped_basis(grid: tuple[int, int], step: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give every `step`-th row of the surfaces' basis without its constant, and the inverse of its Gram matrix."""
    basis = np.ascontiguousarray(surface_basis(*grid)[::step, 1:])
    gram = np.stack([project(basis, basis[:, i]) for i in range(basis.shape[1])])
    inverse: NDArray[np.float64] = np.linalg.inv(gram).astype(np.float64)
    basis.flags.writeable = inverse.flags.writeable = False
    return basis, inverse
