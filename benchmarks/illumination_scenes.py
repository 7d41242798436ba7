"""Stacks of images as an estimator of the light sees them: cells of the simulator, a known field, camera noise.

Cells go on beyond the border: else the border is dark without any vignetting.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from benchmarks.measuring import SMOKE
from numpy.typing import NDArray

from kinfast.simulate.optics import BACKGROUND_COUNTS, SIGNAL_COUNTS, spread_light, vignette
from kinfast.simulate.phenotype import UNTREATED
from kinfast.simulate.render import draw_debris
from kinfast.simulate.scene import draw_cells, place_cells
from kinfast.simulate.stains import Bank, draw_bank, mix

WORKING_SIDE = 32 if SMOKE else 128
"""BaSiCPy's default working size; both methods get images of this side."""
PIXEL_UM = 2.6
RAW_SIDE = 2 * WORKING_SIDE
"""Pixels drawn along a side: 666 um, as a 20x objective shows on a large camera."""
CHANNEL = 2
"""ER: fills the cell, neither as sparse as DNA nor as even as RNA."""
CELLS = {"sparse": 40.0, "dense": 500.0, "empty-heavy": 40.0}
EMPTY_SHARE = {"sparse": 0.0, "dense": 0.0, "empty-heavy": 0.6}
SPOILT_SHARE = 0.1
"""Share of the images with debris, and of those with saturated spots, where a scenario has them."""
OFFSET_COUNTS = 200.0
READ_NOISE = 4.0
FULL = 65535.0

Scenes = NDArray[np.float32]
"""(n, 3, RAW_SIDE, RAW_SIDE) counts without vignetting: cells and background, debris, saturated spots."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table."""

    images: int
    cells: str
    offset: bool
    spoilt: bool

    @property
    def name(self) -> str:
        """The row in words."""
        return f"{self.images}, {self.cells}, offset {self.offset:d}, debris {self.spoilt:d}"


def all_scenarios(images: tuple[int, ...], spoilt: tuple[bool, ...] = (True,)) -> list[Scenario]:
    """Give every combination, few images first."""
    return [Scenario(n, c, o, s) for n in images for c in CELLS for o in (False, True) for s in spoilt]


def draw_scenes(cells: str, images: int, seed: int) -> Scenes:
    """Draw images' light; scenarios that differ in offset and debris share it, as fewer images are the first of more.

    cells: a key of `CELLS`.
    """
    rng = np.random.default_rng([seed, sorted(CELLS).index(cells)])
    bank = draw_bank(rng, PIXEL_UM)
    mixed = mix(bank, UNTREATED)
    return np.stack([_draw_scene(rng, bank, mixed, cells) for _ in range(images)])


def make_stack(scenario: Scenario, scenes: Scenes, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Take the pictures of a scenario's scenes.

    Returns:
        (images, field): (n, WORKING_SIDE, WORKING_SIDE) float32, mean raw counts of each cell of the grid, and the
        planted flat-field of one image's size, float64 of mean 1.
    """
    rng = np.random.default_rng([seed, scenario.images])
    centre = (float(rng.uniform(0.35, 0.65)), float(rng.uniform(0.35, 0.65)))
    field = vignette((RAW_SIDE, RAW_SIDE), centre, float(rng.uniform(0.3, 0.5)), float(rng.uniform(1.9, 2.6)))
    images = [_record(rng, scene, scenario, field) for scene in scenes[: scenario.images]]
    planted = _shrink(field).astype(np.float64)
    return np.stack(images), planted / planted.mean()


def _draw_scene(rng: np.random.Generator, bank: Bank, mixed: NDArray[np.float32], cells: str) -> NDArray[np.float32]:
    shape = (RAW_SIDE, RAW_SIDE)
    expected = 0.0 if rng.random() < EMPTY_SHARE[cells] else CELLS[cells] * rng.lognormal(0, 0.15)
    drawn = draw_cells(mixed, bank.reaches, place_cells(rng, bank, UNTREATED, shape, float(expected)), shape)[CHANNEL]
    counts = SIGNAL_COUNTS[CHANNEL] * spread_light(drawn, PIXEL_UM) + BACKGROUND_COUNTS[CHANNEL]
    debris = SIGNAL_COUNTS[CHANNEL] * draw_debris(rng, shape, PIXEL_UM)[CHANNEL]
    return np.stack([counts * rng.lognormal(0, 0.12), debris, _spots(rng, shape)]).astype(np.float32)


def _record(
    rng: np.random.Generator, scene: NDArray[np.float32], scenario: Scenario, field: NDArray[np.float32]
) -> NDArray[np.float32]:
    spoil, noise = rng.random(2) < SPOILT_SHARE, rng.standard_normal(field.shape)
    light = scene[0] + scene[1] * (scenario.spoilt and spoil[0]) + scene[2] * (scenario.spoilt and spoil[1])
    lit = light * field
    counts = lit + np.sqrt(lit + READ_NOISE**2) * noise + OFFSET_COUNTS * scenario.offset
    return _shrink(np.clip(counts, 0, FULL).astype(np.float32))


def _spots(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Draw five spots that fill the camera."""
    plane = np.zeros(shape, np.float32)
    for y, x in rng.integers(0, shape[0], (5, 2)):
        cv2.circle(plane, (int(x), int(y)), int(rng.integers(2, 6)), 2 * FULL, cv2.FILLED)
    return plane


def _shrink(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(image, (WORKING_SIDE, WORKING_SIDE), interpolation=cv2.INTER_AREA), np.float32)
