"""What is found of a plate x channel's light, and the bounds that every estimator keeps."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast import _native
from kinfast.preprocess.illumination.verdict import Verdict

FLATTEST, STEEPEST = 0.05, 20.0
"""Bounds of a flat-field."""
RESOLUTION = 2.0**-16
"""Step to which a flat-field is rounded, so that machines whose logarithms differ in the last bit agree."""


@dataclass(frozen=True, slots=True)
class Illumination:
    """The fields of a plate x channel.

    Attributes:
        flatfield: (gh, gw) float32, mean 1.
        darkfield: (gh, gw) float32, counts.
        contrast: standard deviation of the flat-field, over its mean.
        error: standard error of the flat-field as two halves of the wells tell it, in the same unit; nan if unknown.
        n_images: images that it was fitted on.
        helped: whether the flat-field is used; where not, it is 1 everywhere.
        verdict: the same in words.
        method: the estimator.
        judged: shading before and after on held-out wells.
    """

    flatfield: NDArray[np.float32]
    darkfield: NDArray[np.float32]
    contrast: float
    error: float
    n_images: int
    helped: bool
    verdict: str
    method: str = "none"
    judged: Verdict = field(default_factory=Verdict)

    def as_json(self) -> dict[str, Any]:
        """Give all but the fields as JSON's types."""
        return {
            "contrast": round(self.contrast, 5),
            "error": None if np.isnan(self.error) else round(self.error, 5),
            "helped": self.helped,
            "verdict": self.verdict,
            "n_images": self.n_images,
            "method": self.method,
            **self.judged.as_json(),
        }


def lay_out_gain(flatfield: NDArray[np.float32], raw: tuple[int, int]) -> NDArray[np.float32]:
    """Give what pass two multiplies each pixel's counts above the dark-field by: the cells' reciprocals, blown up.

    Args:
        flatfield: (gh, gw) float32.
        raw: (H, W) of the images.
    """
    return _native.expand_field(np.reciprocal(flatfield), *raw)


def lay_out_flatfield(flatfield: NDArray[np.float32], raw: tuple[int, int]) -> NDArray[np.float32]:
    """Give the flat-field of each pixel, (H, W) float32: 1 over its gain."""
    gain = lay_out_gain(flatfield, raw)
    return np.reciprocal(gain, out=gain)


def flat_illumination(
    grid: tuple[int, int],
    offset: float,
    verdict: str,
    n_images: int = 0,
    method: str = "none",
    error: float = float("nan"),
    judged: Verdict | None = None,
) -> Illumination:
    """Give fields that only subtract an offset, (gh, gw)."""
    dark, ones = np.full(grid, offset, np.float32), np.ones(grid, np.float32)
    return Illumination(ones, dark, 0.0, error, n_images, False, verdict, method, judged or Verdict())


def normalise(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Give a flat-field of mean 1 from positive values of any scale, within bounds and rounded; same shape."""
    bounded = np.clip(values / values.mean(), FLATTEST, STEEPEST)
    rounded: NDArray[np.float64] = np.round(bounded / bounded.mean() / RESOLUTION) * RESOLUTION
    return rounded.astype(np.float32)
