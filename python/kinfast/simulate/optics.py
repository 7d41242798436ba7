"""The microscope: uneven light, background, blur, and a camera with an offset and noise."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinfast.domain import FloatImage, RawImage
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import CHANNELS, SimulationSettings

CAMERA_MAXIMUM = 65535
SIGNAL_COUNTS = (4200.0, 3200.0, 3600.0, 3000.0, 4200.0)
"""Counts of a bright structure in each channel (DNA, RNA, ER, AGP, Mito) at exposure 1."""
BACKGROUND_COUNTS = (220.0, 380.0, 320.0, 520.0, 260.0)
"""Counts of the background fluorescence. Source: the ratio to the signal in public Phenix and ImageXpress fields."""
HAZE_UM = 7.0
HAZE = 0.16
"""Share of the light that a widefield microscope spreads over about `HAZE_UM`."""
FOCUS_UM = 0.3
"""Blur in focus (standard deviation)."""


@dataclass(frozen=True, slots=True)
class Optics:
    """One plate x channel.

    Attributes:
        flatfield: (H, W) float32 of mean 1, what share of the mean light each pixel gets.
        dark_counts: the camera's offset, the same for all pixels.
    """

    flatfield: FloatImage
    dark_counts: float


def draw_optics(settings: SimulationSettings, plate_index: int) -> tuple[Optics, ...]:
    """Give a plate's light and offset for each channel: the microscope's own, and a little of the plate's day."""
    drawn = []
    for channel in range(len(CHANNELS)):
        microscope = generator(settings.seed, Stream.OPTICS, channel)
        dark_counts = float(np.round(microscope.uniform(*settings.dark_counts)))
        centre = microscope.uniform(0.32, 0.68, 2)
        depth, power = settings.vignetting * microscope.uniform(0.75, 1.0), microscope.uniform(1.9, 2.6)
        day = generator(settings.seed, Stream.OPTICS, channel, 1 + plate_index)
        centre = centre + day.normal(0, 0.02, 2)
        field = vignette(settings.shape, (float(centre[0]), float(centre[1])), depth * day.uniform(0.93, 1.0), power)
        drawn.append(Optics(field, dark_counts))
    return tuple(drawn)


def vignette(shape: tuple[int, int], centre: tuple[float, float], depth: float, power: float) -> FloatImage:
    """Make a smooth field of mean 1, brightest at `centre` and darker by `depth` in the furthest corner.

    centre: y and x as shares of height and width. depth: 0 … 1. power: 2 is a parabola.
    """
    y = (np.arange(shape[0]) + 0.5) / shape[0] - centre[0]
    x = (np.arange(shape[1]) + 0.5) / shape[1] - centre[1]
    away = np.hypot(y[:, None], x[None, :])
    field = 1 - depth * (away / away.max()) ** power
    return np.asarray(field / field.mean(), np.float32)


def spread_light(light: FloatImage, pixel_um: float, defocus_um: float = 0.0) -> FloatImage:
    """Blur one plane of light (H, W) as a widefield objective does: a sharp part and a wide haze.

    defocus_um: standard deviation of the blur that is added to the sharp part.
    """
    sharp_px = float(np.hypot(FOCUS_UM, defocus_um)) / pixel_um
    sharp = light if sharp_px < 0.25 else cv2.GaussianBlur(light, (0, 0), sharp_px, borderType=cv2.BORDER_REFLECT)
    small = cv2.resize(light, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(small, (0, 0), max(HAZE_UM / pixel_um / 4, 0.3), borderType=cv2.BORDER_REFLECT)
    haze = cv2.resize(wide, (light.shape[1], light.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray((1 - HAZE) * sharp + HAZE * haze, dtype=np.float32)


def record(rng: np.random.Generator, light: FloatImage, optics: Optics, read_noise: float) -> RawImage:
    """Turn light into raw counts: vignetting, photon noise, read noise, offset, digitisation.

    light: (H, W) float32, counts that an evenly lit, noiseless camera would give, at least 0.
    Photon noise is drawn as a normal of the same variance: above some ten photons no histogram tells it from Poisson's.
    """
    lit = light * optics.flatfield
    noise = rng.standard_normal(light.shape, np.float32)
    noise *= np.sqrt(lit + np.float32(read_noise**2))
    lit += noise
    lit += np.float32(optics.dark_counts + 0.5)
    return np.clip(lit, 0, CAMERA_MAXIMUM, out=lit).astype(np.uint16)


def stack_fields(optics: tuple[Optics, ...]) -> NDArray[np.float32]:
    """Give the flat-fields of a plate as (5, H, W)."""
    return np.stack([channel.flatfield for channel in optics])
