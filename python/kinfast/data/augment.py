"""Augmentation: what may be done to a site in training, and the one place that draws it.

Both loaders get the same numbers: a 2x3 matrix per site that takes output pixels to input pixels, and a gain and an
offset per site and channel. It acts on the whole stack of channels before composites are taken, so that all streams of
a site see one geometry.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinfast.errors import UsageError

CONTRAST_CENTRE = 0.5
"""Intensity, of 0 … 1, that contrast leaves as it is. Source: DALI's brightness_contrast."""


@dataclass(frozen=True, slots=True)
class AugmentationSpec:
    """Ranges from which each site's augmentation is drawn, uniformly unless said. The defaults keep pixels exact.

    Attributes:
        flip: mirror left to right, and top to bottom, each with probability one half.
        quarter_turns: turn by 0, 90, 180 or 270 degrees, equally likely.
        rotation_degrees: free rotation within plus and minus this.
        shear_degrees: shear angle within plus and minus this, along x.
        scale: side of the field that a crop shows, in units of the crop's side: (0.8, 1.25) zooms in and out.
        aspect: height over width of that field, drawn uniformly in its logarithm.
        brightness: each channel is multiplied by 1 plus and minus this.
        contrast: each channel's distance from mid-grey is multiplied by 1 plus and minus this.
        noise: standard deviation of Gaussian noise, in units of the whole range 0 … 1.
    """

    flip: bool = True
    quarter_turns: bool = True
    rotation_degrees: float = 0.0
    shear_degrees: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    aspect: tuple[float, float] = (1.0, 1.0)
    brightness: float = 0.1
    contrast: float = 0.1
    noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rotation_degrees", "shear_degrees", "brightness", "contrast", "noise"):
            if not 0 <= getattr(self, name) < np.inf:
                raise UsageError(f"augmentation {name} is {getattr(self, name)}, wanted 0 or more")
        if not self.shear_degrees < 90 or self.brightness > 1 or self.contrast > 1:
            raise UsageError("augmentation: wanted shear under 90 degrees, brightness and contrast of at most 1")
        for name in ("scale", "aspect"):
            low, high = getattr(self, name)
            if not 0 < low <= high < np.inf:
                raise UsageError(f"augmentation {name} is {low} to {high}, wanted two rising numbers above 0")

    @property
    def exact(self) -> bool:
        """Whether every output pixel is an input pixel: no rotation, shear or scaling, so nothing is interpolated."""
        return not (self.rotation_degrees or self.shear_degrees) and self.scale == self.aspect == (1.0, 1.0)


NO_AUGMENTATION = AugmentationSpec(flip=False, quarter_turns=False, brightness=0.0, contrast=0.0)
"""Only a random crop is left."""


@dataclass(frozen=True, slots=True, eq=False)
class Augmentation:
    """What is done to one batch.

    Attributes:
        matrices: (n, 2, 3) float32; (x, y, 1) of an output pixel to (x, y) in the input, pixel centres at halves.
        gain, offset: (n, C) float32; intensity of 0 … 1 becomes gain * intensity + offset.
        noise: standard deviation, of 0 … 1.
        noise_seed: of the generator that draws the batch's noise on the device.
        exact: every output pixel is an input pixel.
        first, of: the batch that was drawn for has `of` sites, and this one's begin at `first`.
    """

    matrices: NDArray[np.float32]
    gain: NDArray[np.float32]
    offset: NDArray[np.float32]
    noise: float
    noise_seed: int
    exact: bool
    first: int
    of: int

    def part(self, start: int, stop: int) -> "Augmentation":
        """Give what is done to some of the batch's sites."""
        here = slice(start, stop)
        return replace(
            self,
            matrices=self.matrices[here],
            gain=self.gain[here],
            offset=self.offset[here],
            first=self.first + start,
        )


def sample_augmentation(
    rng: np.random.Generator,
    n_sites: int,
    n_channels: int,
    image_size: tuple[int, int],
    output_size: int,
    spec: AugmentationSpec,
) -> Augmentation:
    """Draw a batch's augmentation. The same generator state gives the same numbers whichever loader asks."""
    linear = _sample_linear(rng, n_sites, spec)
    centre = _sample_centre(rng, linear, image_size, output_size, spec)
    shift = centre - linear @ np.full(2, output_size / 2)
    gain, offset = _sample_intensity(rng, n_sites, n_channels, spec)
    matrices = np.concatenate([linear, shift[:, :, None]], axis=2).astype(np.float32)
    return Augmentation(matrices, gain, offset, spec.noise, int(rng.integers(2**63)), spec.exact, 0, n_sites)


def check_output_size(image_size: tuple[int, int], output_size: int) -> None:
    """Refuse crops that are larger than the stored images.

    Raises:
        UsageError: they are.
    """
    if not 1 <= output_size <= min(image_size):
        raise UsageError(
            f"input size {output_size} does not fit the store's {image_size[0]} x {image_size[1]} pixels: "
            f"wanted 1 to {min(image_size)}, or preprocess with a larger --size"
        )


def _sample_linear(rng: np.random.Generator, n: int, spec: AugmentationSpec) -> NDArray[np.float64]:
    """(n, 2, 2) output directions in input pixels: scale, then shear, then turn, then mirror."""
    turns = rng.integers(4, size=n) if spec.quarter_turns else np.zeros(n, np.int64)
    mirror = np.where(rng.random((2, n)) < 0.5, -1.0, 1.0) if spec.flip else np.ones((2, n))
    angle = np.deg2rad(rng.uniform(-1, 1, n) * spec.rotation_degrees)
    shear = np.tan(np.deg2rad(rng.uniform(-1, 1, n) * spec.shear_degrees))
    scale = np.exp(_uniform_log(rng, spec.scale, n))
    aspect = np.exp(_uniform_log(rng, spec.aspect, n) / 2)
    quarter = _rotations(np.array([1.0, 0.0, -1.0, 0.0])[turns], np.array([0.0, 1.0, 0.0, -1.0])[turns])
    stretch = _matrices(scale / aspect, np.zeros(n), np.zeros(n), scale * aspect)
    slant = _matrices(np.ones(n), shear, np.zeros(n), np.ones(n))
    flip = _matrices(mirror[0], np.zeros(n), np.zeros(n), mirror[1])
    return flip @ quarter @ _rotations(np.cos(angle), np.sin(angle)) @ slant @ stretch


def _uniform_log(rng: np.random.Generator, limits: tuple[float, float], n: int) -> NDArray[np.float64]:
    return rng.uniform(np.log(limits[0]), np.log(limits[1]), n)


def _matrices(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.stack([a, b, c, d], axis=1).reshape(-1, 2, 2)


def _rotations(cosine: NDArray[np.float64], sine: NDArray[np.float64]) -> NDArray[np.float64]:
    return _matrices(cosine, -sine, sine, cosine)


def _sample_centre(
    rng: np.random.Generator,
    linear: NDArray[np.float64],
    image_size: tuple[int, int],
    output_size: int,
    spec: AugmentationSpec,
) -> NDArray[np.float64]:
    """(n, 2) where in the input (x, y) the crop's middle lies: as far out as keeps the crop inside, where it fits."""
    size = np.array(image_size[::-1], np.float64)
    reach: NDArray[np.float64] = np.abs(linear).sum(axis=2) * output_size / 2
    room: NDArray[np.float64] = np.maximum(size - 2 * reach, 0)
    share = rng.random((len(linear), 2))
    if spec.exact:
        # whole pixels, each corner equally likely, so that nothing is interpolated
        whole: NDArray[np.float64] = np.floor(share * (room + 1))
        return reach + whole
    return np.asarray(size / 2 + (share - 0.5) * room)


def _sample_intensity(
    rng: np.random.Generator, n_sites: int, n_channels: int, spec: AugmentationSpec
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    brightness = 1 + rng.uniform(-1, 1, (n_sites, n_channels)) * spec.brightness
    contrast = 1 + rng.uniform(-1, 1, (n_sites, n_channels)) * spec.contrast
    gain = brightness * contrast
    offset = brightness * (1 - contrast) * CONTRAST_CENTRE
    return gain.astype(np.float32), offset.astype(np.float32)
