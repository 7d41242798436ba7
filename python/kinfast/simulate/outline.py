"""The shapes of cells and nuclei, drawn once per seed on a small square whose middle is the nucleus."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinfast.domain import AnyArray

Plane = NDArray[np.float32]

CELL_RADIUS_UM = 19.0
"""Mean radius of a spread U2OS cell. Source: cells of 35 to 45 um in public U2OS Cell Painting fields."""
NUCLEUS_RADIUS_UM = 8.0
"""Mean radius of an interphase U2OS nucleus (16 um across)."""
LARGEST_RADIUS_UM = 27.0
"""No outline reaches further from its nucleus, so that every cell fits its template."""
KINDS = ("interphase", "mitotic", "lobed", "dying")


@dataclass(frozen=True, slots=True)
class Grid:
    """Polar coordinates of a square template about its middle.

    Attributes:
        side: pixels of the square.
        px_per_um: pixels a micrometre.
        radius: (side, side) distance from the middle in um.
        angle: (side, side) direction in radians.
    """

    side: int
    px_per_um: float
    radius: Plane
    angle: Plane

    @classmethod
    def of(cls, pixel_um: float) -> "Grid":
        """Make the grid on which a cell of the largest radius fits."""
        side = 2 * int(np.ceil((LARGEST_RADIUS_UM + 1.5) / pixel_um)) + 1
        offset = (np.arange(side, dtype=np.float32) - side // 2) * np.float32(pixel_um)
        y, x = offset[:, None], offset[None, :]
        return cls(side, 1.0 / pixel_um, np.hypot(x, y).astype(np.float32), np.arctan2(y, x).astype(np.float32))

    def xy(self, centre: tuple[float, float] = (0.0, 0.0), turn: float = 0.0) -> tuple[Plane, Plane]:
        """Give coordinates in um about a centre, along and across the direction `turn`."""
        x = self.radius * np.cos(self.angle) - np.float32(centre[0])
        y = self.radius * np.sin(self.angle) - np.float32(centre[1])
        c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        return x * c + y * s, y * c - x * s

    def noise(self, rng: np.random.Generator, scale_um: float) -> Plane:
        """Give a (side, side) random texture of mean 0 and variance 1 whose grain is about scale_um."""
        return standardise(blur(rng.standard_normal((self.side, self.side), np.float32), scale_um * self.px_per_um))


@dataclass(frozen=True, slots=True)
class Outline:
    """One cell's outer shape.

    Attributes:
        kind: one of `KINDS`.
        axis: the direction of the cell's long axis, radians.
        mask: (side, side) 1 inside and 0 outside, with an edge about a pixel soft.
        rho: (side, side) distance from the middle over the outline's in that direction; 1 at the edge.
        depth_um: (side, side) distance to the nearest edge inside the cell.
        nucleus: (side, side) soft mask of the nucleus or what is left of it.
        nucleus_radius_um: mean radius of the nucleus.
    """

    kind: str
    axis: float
    mask: Plane
    rho: Plane
    depth_um: Plane
    nucleus: Plane
    nucleus_radius_um: float


def blur(image: Plane, sigma_px: float) -> Plane:
    """Smooth with a Gaussian; below a fifth of a pixel nothing happens."""
    if sigma_px < 0.2:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT), dtype=np.float32)


def as_plane(values: AnyArray) -> Plane:
    """Give values as float32."""
    return np.asarray(values, np.float32)


def standardise(image: AnyArray) -> Plane:
    """Shift and scale to mean 0 and variance 1."""
    return as_plane((image - image.mean()) / max(float(image.std()), 1e-9))


def soft_step(distance_px: AnyArray) -> Plane:
    """Rise from 0 to 1 over a pixel and a half about distance 0: an antialiased edge."""
    return as_plane(np.clip(distance_px / 1.5 + 0.5, 0.0, 1.0))


def draw_outline(rng: np.random.Generator, grid: Grid, kind: str) -> Outline:
    """Draw one cell's outline and nucleus.

    kind: one of `KINDS`; mitotic cells are round, lobed ones large, dying ones small and ragged.
    """
    axis = float(rng.uniform(0, np.pi))
    reach = _reach(rng, grid, kind, axis)
    mask = soft_step((reach - grid.radius) * grid.px_per_um)
    inside = (mask > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5).astype(np.float32) / np.float32(grid.px_per_um)
    nucleus, radius = _NUCLEI[kind](rng, grid, axis)
    nucleus *= mask
    rho = (grid.radius / np.maximum(reach, 1e-3)).astype(np.float32)
    return Outline(kind, axis, mask, rho, depth, nucleus, radius)


def _reach(rng: np.random.Generator, grid: Grid, kind: str, axis: float) -> Plane:
    """Distance in um from the middle to the outline, for the direction of each pixel."""
    mean, stretch, wobble, horns = {
        "interphase": (CELL_RADIUS_UM, 0.22, 0.10, 2.2),
        "mitotic": (0.58 * CELL_RADIUS_UM, 0.03, 0.015, 0.0),
        "lobed": (1.12 * CELL_RADIUS_UM, 0.15, 0.10, 1.5),
        "dying": (0.45 * CELL_RADIUS_UM, 0.05, 0.12, 1.0),
    }[kind]
    turn = grid.angle - np.float32(axis)
    reach = np.full_like(turn, mean * rng.uniform(0.88, 1.1))
    reach *= 1 + np.float32(stretch * rng.uniform(0.3, 1.5)) * np.cos(2 * turn)
    for order in range(1, 7):
        size = np.float32(rng.normal(0, wobble / order**0.6))
        reach *= 1 + size * np.cos(order * turn + np.float32(rng.uniform(0, 2 * np.pi)))
    for _ in range(rng.poisson(horns)):
        away = np.angle(np.exp(1j * (turn - rng.uniform(-np.pi, np.pi)))).astype(np.float32)
        reach += np.float32(mean * rng.uniform(0.12, 0.4)) * np.exp(-((away / np.float32(rng.uniform(0.1, 0.3))) ** 2))
    return np.clip(reach, 4.0, LARGEST_RADIUS_UM).astype(np.float32)


def _ellipse(grid: Grid, centre: tuple[float, float], turn: float, long_um: float, short_um: float) -> Plane:
    along, across = grid.xy(centre, turn)
    radius = np.sqrt((along / np.float32(long_um)) ** 2 + (across / np.float32(short_um)) ** 2)
    return soft_step((1 - radius) * np.float32(short_um * grid.px_per_um))


def _interphase_nucleus(rng: np.random.Generator, grid: Grid, axis: float) -> tuple[Plane, float]:
    radius = NUCLEUS_RADIUS_UM * rng.uniform(0.86, 1.12)
    aspect = np.sqrt(rng.uniform(1.08, 1.6))
    turn = axis + rng.normal(0, 0.35)
    bend = 1 + 0.05 * np.cos(3 * grid.angle + rng.uniform(0, 6.3)) + 0.05 * np.cos(2 * grid.angle + rng.uniform(0, 6.3))
    along, across = grid.xy((0.0, 0.0), turn)
    rho = np.sqrt((along / (radius * aspect)) ** 2 + (across * aspect / radius) ** 2) * bend
    return soft_step(((1 - rho) * radius * grid.px_per_um).astype(np.float32)), radius


def _mitotic_nucleus(rng: np.random.Generator, grid: Grid, axis: float) -> tuple[Plane, float]:
    gap = 0.0 if rng.random() < 0.5 else rng.uniform(3.0, 5.5)  # a metaphase plate, or two anaphase plates apart
    normal = (-np.sin(axis), np.cos(axis))
    plates = [
        _ellipse(grid, (side * gap * normal[0], side * gap * normal[1]), axis, 6.5 - 0.3 * gap, 2.4 - 0.1 * gap)
        for side in ((-1.0, 1.0) if gap else (0.0,))
    ]
    return as_plane(np.maximum.reduce(plates)), 5.0


def _lobed_nucleus(rng: np.random.Generator, grid: Grid, axis: float) -> tuple[Plane, float]:
    spread = NUCLEUS_RADIUS_UM * 0.95
    turns = axis + np.arange(int(rng.integers(2, 5))) * 2.2 + rng.normal(0, 0.3)
    lobes = [
        _ellipse(
            grid,
            (float(np.cos(turn) * spread * rng.uniform(0.5, 1)), float(np.sin(turn) * spread * rng.uniform(0.5, 1))),
            float(rng.uniform(0, np.pi)),
            NUCLEUS_RADIUS_UM * rng.uniform(0.65, 0.95),
            NUCLEUS_RADIUS_UM * rng.uniform(0.5, 0.75),
        )
        for turn in turns
    ]
    return as_plane(np.maximum.reduce(lobes)), NUCLEUS_RADIUS_UM * 1.3


def _dying_nucleus(rng: np.random.Generator, grid: Grid, axis: float) -> tuple[Plane, float]:
    pieces = [
        _ellipse(
            grid, (float(rng.normal(0, 2.2)), float(rng.normal(0, 2.2))), axis, rng.uniform(1.5, 3), rng.uniform(1.2, 2)
        )
        for _ in range(int(rng.integers(1, 5)))
    ]
    return as_plane(np.maximum.reduce(pieces)), 3.0


_NUCLEI = {
    "interphase": _interphase_nucleus,
    "mitotic": _mitotic_nucleus,
    "lobed": _lobed_nucleus,
    "dying": _dying_nucleus,
}
