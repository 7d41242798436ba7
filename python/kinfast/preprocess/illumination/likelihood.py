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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.illumination.field import normalise
from kinfast.preprocess.surface import project, surface_basis, term_degrees

BINS = 600
"""Of the density of s."""
SPREAD_VALUES = 5_000
"""Values, evenly picked, that the density's spread is measured on."""
BANDWIDTHS = (2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25)
"""Smoothing of the density in each iteration, in units of its spread: wide first, so that no side peak catches it."""
FINE_ITERATIONS = 2
"""The last ones look at every cell of the thumbnails (of very many, at each fifth); those before at fewer."""
FINE_STEPS = ((2_000_000, 5),)
COARSE_STEPS = ((500_000, 13), (20_000, 5))
"""From so many values on, one cell of so many; odd, so that neighbouring rows of an even grid give other columns."""
DARKEST = 0.5
"""Counts above the offset that a cell is taken to have at least, so that its logarithm exists."""


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
    height, width = thumbnails.shape[1:]
    basis = surface_basis(height, width)
    logs = _logs(thumbnails, offset)
    whole = _fit_surface(logs, basis)
    one, other = (_fit_surface(logs[half], basis, fine_iterations=0) for half in (even, ~even))
    terms, error = _shrink(whole, 0.5 * (one - other), len(basis))
    flat, first, second = (_field_of(basis, of).reshape(height, width) for of in (terms, one, other))
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
    basis, logs = surface_basis(*thumbnails.shape[1:]), _logs(thumbnails, offset)
    fine, coarse = (_Design.every(steps, logs, basis[:, 1:]) for steps in (FINE_STEPS, COARSE_STEPS))
    levels = logs.mean(axis=1)
    terms = project(basis[:, 1:], (logs - levels[:, None]).mean(axis=0, dtype=np.float64))
    for bandwidth in BANDWIDTHS:
        levels, terms = _step(coarse, levels, terms, bandwidth)
    rest = fine.residuals(levels, terms)
    density = _Density.of(rest.ravel(), BANDWIDTHS[-1])
    return np.stack([fine.terms_of(image.astype(np.float64)) for image in density.score[density.bins(rest)]])


def part_surfaces(thumbnails: NDArray[np.float32], offset: float, parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Fit each part of the images for itself, quickly; see `image_surfaces`.

    parts: (n,) int64, 0 … k - 1.

    Returns:
        (k, terms) float64 of the logarithm; the root of the sum of their squares is the RMS over the image.
    """
    basis, logs = surface_basis(*thumbnails.shape[1:]), _logs(thumbnails, offset)
    fits = [_fit_surface(logs[parts == part], basis, fine_iterations=0) for part in range(int(parts.max()) + 1)]
    scaled: NDArray[np.float64] = np.stack(fits) / np.sqrt(len(basis))
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


def _fit_surface(
    logs: NDArray[np.float32], basis: NDArray[np.float64], fine_iterations: int = FINE_ITERATIONS
) -> NDArray[np.float64]:
    """Fit log field's terms, without the constant, by iterated steps towards the greatest likelihood.

    Args:
        logs: (n, cells) float32, logarithm of counts above the offset.
        basis: (cells, terms + 1), orthonormal, constant first.
        fine_iterations: of the last ones, how many look at every cell.

    Returns:
        (terms,) float64.
    """
    levels = logs.mean(axis=1)
    terms = project(basis[:, 1:], (logs - levels[:, None]).mean(axis=0, dtype=np.float64))
    fine, coarse = (_Design.every(steps, logs, basis[:, 1:]) for steps in (FINE_STEPS, COARSE_STEPS))
    for i, bandwidth in enumerate(BANDWIDTHS):
        design = fine if i >= len(BANDWIDTHS) - fine_iterations else coarse
        levels, terms = _step(design, levels, terms, bandwidth)
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
    def of(cls, logs: NDArray[np.float32], basis: NDArray[np.float64]) -> "_Design":
        gram = np.stack([project(basis, basis[:, i]) for i in range(basis.shape[1])])
        inverse: NDArray[np.float64] = np.linalg.inv(gram).astype(np.float64)
        return cls(np.ascontiguousarray(logs), basis, inverse)

    @classmethod
    def every(
        cls, steps: tuple[tuple[int, int], ...], logs: NDArray[np.float32], basis: NDArray[np.float64]
    ) -> "_Design":
        """Look at one cell of as many as `steps` says for so many values."""
        step = next((step for least, step in steps if logs.size > least), 1)
        return cls.of(logs[:, ::step], basis[::step])

    def residuals(self, levels: NDArray[np.float32], terms: NDArray[np.float64]) -> NDArray[np.float32]:
        """Give what is left of the logs, (n, cells)."""
        rest: NDArray[np.float32] = self.logs - levels[:, None]
        rest -= (self.basis * terms).sum(axis=1).astype(np.float32)
        return rest

    def terms_of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fit values, (cells,), by the basis in least squares."""
        terms: NDArray[np.float64] = self.inverse @ project(self.basis, values)
        return terms


def _step(
    design: _Design, levels: NDArray[np.float32], terms: NDArray[np.float64], bandwidth: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Make one scoring step, halved until it does not lower the likelihood."""
    rest = design.residuals(levels, terms)
    density = _Density.of(rest.ravel(), bandwidth)
    bins = density.bins(rest)
    pull = density.score[bins]
    information = max(float(np.mean(np.square(pull), dtype=np.float64)), 1e-12)
    towards = design.terms_of(pull.mean(axis=0, dtype=np.float64) / information)
    lift = (pull.mean(axis=1, dtype=np.float64) / information).astype(np.float32)
    before = density.log[bins].mean(dtype=np.float64)
    for size in (1.0, 0.5, 0.25, 0.125, 0.0625):
        new_levels, new_terms = levels + np.float32(size) * lift, terms + size * towards
        after = density.log[density.bins(design.residuals(new_levels, new_terms))].mean(dtype=np.float64)
        if after >= before:
            return new_levels, new_terms
    return levels, terms


@dataclass(frozen=True, slots=True)
class _Density:
    """A smoothed histogram's logarithm, and minus its slope (the score), bin by bin."""

    low: float
    per_unit: float
    log: NDArray[np.float32]
    score: NDArray[np.float32]

    @classmethod
    def of(cls, values: NDArray[np.float32], bandwidth: float) -> "_Density":
        some = np.sort(values[:: max(1, len(values) // SPREAD_VALUES)])
        ends = np.quantile(some, [0.001, 0.999])
        low = float(ends[0] - 0.2 * (ends[1] - ends[0]))
        width = max(float(1.4 * (ends[1] - ends[0])), 1e-4) / BINS
        counts = np.bincount(np.clip((values - low) / width, 0, BINS - 1).astype(np.int64), minlength=BINS)
        half = len(some) // 2
        spread = float((some[half:] - some[: len(some) - half]).min()) / 1.35  # of the densest half
        kernel = _gaussian(max(1.0, bandwidth * spread / width))
        smooth = np.convolve(counts, kernel, "full")[len(kernel) // 2 :][:BINS]
        log = np.log(smooth / smooth.sum() + 1e-3 / BINS)
        score = -np.gradient(log, width)
        return cls(low, 1.0 / width, log.astype(np.float32), score.astype(np.float32))

    def bins(self, values: NDArray[np.float32]) -> NDArray[np.int32]:
        """Find each value's bin."""
        scaled = (values - np.float32(self.low)) * np.float32(self.per_unit)
        return np.clip(scaled, 0, BINS - 1, out=scaled).astype(np.int32)


def _gaussian(sigma: float) -> NDArray[np.float64]:
    reach = min(int(4 * sigma) + 1, BINS)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    normal: NDArray[np.float64] = kernel / kernel.sum()
    return normal
