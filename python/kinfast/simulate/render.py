"""One site from its plan to five raw planes."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinfast.simulate.optics import BACKGROUND_COUNTS, SIGNAL_COUNTS, Optics, record, spread_light
from kinfast.simulate.plan import SitePlan
from kinfast.simulate.scene import Cells, Planes, draw_cells, place_cells
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import SimulationSettings
from kinfast.simulate.stains import Bank

RawPlanes = NDArray[np.uint16]
DARK_LIGHT = (0.001, 0.008)
"""Light left at a dark site, as a share: a shutter that hardly opened."""
SATURATED_LIGHT = (25.0, 40.0)
DEFOCUS_UM = (4.0, 7.0)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a well's sites share: its cells' looks and the plate's optics."""

    settings: SimulationSettings
    bank: Bank
    mixed: NDArray[np.float32]
    optics: tuple[Optics, ...]


def cells_of(settings: SimulationSettings, bank: Bank, plan: SitePlan) -> Cells:
    """Give a site's cells; the same each time. A blank or empty site has none."""
    rng = generator(settings.seed, Stream.CELLS, *plan.place)
    expected = 0.0 if plan.condition in ("blank", "empty") else plan.cells
    return place_cells(rng, bank, plan.well.treatment.phenotype, settings.shape, expected)


def render_site(stage: Stage, plan: SitePlan, cells: Cells) -> RawPlanes:
    """Take the site's picture.

    Returns:
        (5, H, W) uint16 raw counts: DNA, RNA, ER, AGP, Mito.
    """
    settings, shape = stage.settings, stage.settings.shape
    rng = generator(settings.seed, Stream.CAMERA, *plan.place)
    if plan.condition == "blank":  # the camera sent nothing, or the same count everywhere
        value = 0 if rng.random() < 0.5 else round(stage.optics[0].dark_counts)
        return np.full((len(SIGNAL_COUNTS), *shape), value, np.uint16)
    light = draw_cells(stage.mixed, stage.bank.reaches, cells, shape)
    if plan.condition == "debris":
        light += draw_debris(generator(settings.seed, Stream.DEBRIS, *plan.place), shape, settings.pixel_um)
    share = rng.uniform(*{"dark": DARK_LIGHT, "saturated": SATURATED_LIGHT}.get(plan.condition, (1.0, 1.0)))
    defocus_um = rng.uniform(*DEFOCUS_UM) if plan.condition == "blurred" else 0.0
    raw = np.empty(light.shape, np.uint16)
    for channel, optics in enumerate(stage.optics):
        spread = spread_light(light[channel], settings.pixel_um, defocus_um)
        spread *= np.float32(SIGNAL_COUNTS[channel])
        spread += np.float32(settings.background * BACKGROUND_COUNTS[channel])
        spread *= np.float32(settings.exposure * share * plan.light[channel])
        raw[channel] = record(rng, spread, optics, settings.read_noise)
    return raw


def draw_debris(rng: np.random.Generator, shape: tuple[int, int], pixel_um: float) -> Planes:
    """Draw a clump of dust and a lint fibre that shine in every channel; (5, H, W) float32."""
    plane = np.zeros(shape, np.float32)
    middle = rng.uniform(0.2, 0.8, 2) * shape
    for _ in range(14):
        centre = np.round(middle + rng.normal(0, 13 / pixel_um, 2)).astype(int)
        axes = np.round(rng.uniform(3, 16, 2) / pixel_um).astype(int).clip(1)
        cv2.ellipse(
            plane,
            (int(centre[1]), int(centre[0])),
            (int(axes[0]), int(axes[1])),
            float(rng.uniform(0, 180)),
            0,
            360,
            float(rng.uniform(4, 9)),
            cv2.FILLED,
        )
    turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.2, 60))
    steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * 4 / pixel_um
    line = np.round(rng.uniform(0.2, 0.8, 2) * (shape[1], shape[0]) + np.cumsum(steps, axis=0)).astype(np.int32)
    cv2.polylines(plane, [line], False, float(rng.uniform(3, 6)), max(1, round(4 / pixel_um)))
    lumps = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), 2.5 / pixel_um)
    lumps = np.clip(0.7 + 0.5 * lumps / lumps.std(), 0.1, 2.5)
    soft = np.asarray(cv2.GaussianBlur(plane * lumps, (0, 0), 1.2 / pixel_um), np.float32)
    return soft * rng.uniform(0.6, 1.4, (len(SIGNAL_COUNTS), 1, 1)).astype(np.float32)
