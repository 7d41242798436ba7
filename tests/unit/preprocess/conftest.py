"""Small synthetic plates as pass one sees them: grids of mean counts, with a known field and offset."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Grid = NDArray[np.float32]
GRID = 48
MARGIN = 12


def make_field(seed: int, grid: int = GRID) -> NDArray[np.float64]:
    """A vignette off the centre, with a tilt; mean 1, (grid, grid)."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[0:grid, 0:grid] + 0.5) / grid - 0.5
    cy, cx = rng.uniform(-0.12, 0.12, 2)
    field = 1 / (1 + 0.8 * ((y - cy) ** 2 + (x - cx) ** 2)) ** 2 * (1 + 0.06 * x)
    return np.asarray(field / field.mean())


def make_light(rng: np.random.Generator, cells: float, radius: float, background: float, bright: float) -> Grid:
    """Light of one image: background and soft discs whose centres lie beyond the border, too."""
    side = GRID + 2 * MARGIN
    count = rng.poisson(cells * (side / GRID) ** 2)
    light = np.zeros((side, side), np.float32)
    places = rng.integers(0, side, (count, 2))
    np.add.at(light, (places[:, 0], places[:, 1]), np.exp(0.3 * rng.standard_normal(count)).astype(np.float32))
    reach = int(2 * radius) + 1
    yy, xx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (1 / (1 + np.exp((np.hypot(yy, xx) - radius) / 0.5))).astype(np.float32)
    light = cv2.filter2D(light, -1, disc, borderType=cv2.BORDER_CONSTANT)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    level = background * np.exp(0.05 * rng.standard_normal())
    return np.asarray(level + bright * np.exp(0.2 * rng.standard_normal()) * light, np.float32)


@pytest.fixture(scope="session")
def make_thumbnails() -> Callable[..., tuple[Grid, NDArray[np.float64]]]:
    """(thumbnails, field) of n images: `cells` of `radius` grid cells, `offset`, noise as after averaging."""

    def make(
        n: int,
        cells: float,
        offset: float,
        *,
        radius: float = 3.0,
        background: float = 200.0,
        bright: float = 1500.0,
        seed: int = 0,
    ) -> tuple[Grid, NDArray[np.float64]]:
        rng = np.random.default_rng(seed)
        field = make_field(seed)
        light = np.stack([make_light(rng, cells, radius, background, bright) for _ in range(n)])
        noise = 0.5 * rng.standard_normal(light.shape)
        return (offset + field * light + noise).astype(np.float32), field

    return make
