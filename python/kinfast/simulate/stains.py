"""What each stain shows of a cell, as layers that a phenotype weighs against one another.

A template is one cell's layers on a small square. Templates are drawn once per seed; a well's phenotype mixes their
layers into the five channels (`mix`), and a site stamps the mixed cells turned, scaled and dimmed (`scene`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinfast.simulate.outline import KINDS, Grid, Outline, Plane, as_plane, blur, draw_outline, standardise
from kinfast.simulate.phenotype import Phenotype

LAYERS = (
    "cover",
    "nucleus",
    "chromatin",
    "nucleoli",
    "cytoplasm",
    "reticulum",
    "body",
    "cortex",
    "fibres",
    "golgi",
    "filaments",
    "fragments",
)
TEMPLATES = {"interphase": 26, "mitotic": 6, "lobed": 8, "dying": 4}
"""How many cells of each kind are drawn: turned, mirrored, scaled and dimmed, no two look alike in a field."""
NUCLEAR = ("nucleus", "chromatin", "nucleoli")


@dataclass(frozen=True, slots=True)
class Bank:
    """The cells of one seed.

    Attributes:
        layers: {layer: (n, side, side) float32}, about 1 where the structure is bright.
        kinds: the kind of each of the n templates.
        side: pixels of a template's square.
        reaches: (n,) pixels from a template's middle within which all of its cell lies.
    """

    layers: dict[str, NDArray[np.float32]]
    kinds: tuple[str, ...]
    side: int
    reaches: NDArray[np.int64]

    def of_kind(self, kind: str) -> NDArray[np.int64]:
        """Give the positions of one kind's templates."""
        return np.flatnonzero(np.array(self.kinds) == kind)


def draw_bank(rng: np.random.Generator, pixel_um: float) -> Bank:
    """Draw all templates of a seed at a pixel size in um."""
    grid = Grid.of(pixel_um)
    kinds = tuple(kind for kind in KINDS for _ in range(TEMPLATES[kind]))
    cells = [_draw_cell(rng, grid, kind) for kind in kinds]
    layers = {name: np.stack([cell[name] for cell in cells]) for name in LAYERS}
    return Bank(layers, kinds, grid.side, _reaches(layers["cover"]))


def _reaches(cover: NDArray[np.float32]) -> NDArray[np.int64]:
    middle = cover.shape[1] // 2
    away = np.abs(np.arange(cover.shape[1]) - middle)
    box = np.maximum(away[:, None], away[None, :])
    return np.array([int(box[plane > 0.002].max()) + 1 for plane in cover]).clip(max=middle)


def _draw_cell(rng: np.random.Generator, grid: Grid, kind: str) -> dict[str, Plane]:
    shape = draw_outline(rng, grid, kind)
    # thin at the edge, thick about the nucleus: what every stain of a widefield microscope is weighed with
    near = np.exp(-((grid.radius / np.float32(1.55 * shape.nucleus_radius_um + 1)) ** 2))
    thick = shape.mask * (0.22 + 0.2 * np.clip(1 - shape.rho**2, 0, 1) + 0.58 * near)
    layers = {
        "cover": blur(shape.mask, 0.8 * grid.px_per_um),
        "nucleus": shape.nucleus,
        "chromatin": _chromatin(rng, grid, shape),
        "nucleoli": _nucleoli(rng, grid, shape),
        "cytoplasm": thick * (1 + 0.13 * grid.noise(rng, 0.9) + 0.1 * grid.noise(rng, 3.0)),
        "reticulum": _reticulum(rng, grid, shape, thick),
        "body": shape.mask * (0.35 + 0.65 * thick),
        "cortex": _cortex(rng, grid, shape),
        "fibres": _fibres(rng, grid, shape),
        "golgi": _golgi(rng, grid, shape),
        "filaments": _filaments(rng, grid, shape),
        "fragments": _fragments(rng, grid, shape),
    }
    bright = {"interphase": 1.0, "lobed": 1.0, "mitotic": 1.5, "dying": 0.8}[kind]
    nuclear = {"interphase": 1.0, "lobed": 0.95, "mitotic": 2.0, "dying": 2.2}[kind]
    return {
        name: np.ascontiguousarray(layer * (1 if name == "cover" else nuclear if name == "nucleus" else bright)).astype(
            np.float32
        )
        for name, layer in layers.items()
    }


def _chromatin(rng: np.random.Generator, grid: Grid, shape: Outline) -> Plane:
    """Signed: what the chromatin's grain adds to and takes from an even nucleus."""
    return shape.nucleus * (0.7 * grid.noise(rng, 0.8) + 0.5 * grid.noise(rng, 2.0)).astype(np.float32)


def _blobs(grid: Grid, centres: NDArray[np.float64], sigma_um: NDArray[np.float64]) -> Plane:
    """Sum of round spots of height 1; centres: (n, 2) in um, sigma_um: (n,)."""
    total = np.zeros_like(grid.radius)
    for (x, y), sigma in zip(centres, sigma_um, strict=True):
        dx, dy = grid.xy((float(x), float(y)))
        total += np.exp(-(dx**2 + dy**2) / np.float32(2 * sigma**2))
    return total


def _nucleoli(rng: np.random.Generator, grid: Grid, shape: Outline) -> Plane:
    if shape.kind in ("mitotic", "dying"):  # nucleoli dissolve in mitosis
        return np.zeros_like(grid.radius)
    n = int(rng.integers(2, 5))
    where = rng.uniform(-0.5, 0.5, (n, 2)) * shape.nucleus_radius_um
    return as_plane(shape.nucleus * np.minimum(_blobs(grid, where, rng.uniform(0.9, 1.5, n)), 1.2))


def _reticulum(rng: np.random.Generator, grid: Grid, shape: Outline, thick: Plane) -> Plane:
    """A net of tubules: the zero lines of a random texture, densest about the nucleus, and the nuclear envelope."""
    net = np.exp(-((grid.noise(rng, 0.75) / np.float32(0.55)) ** 2))
    sheets = np.clip(0.6 + 0.5 * grid.noise(rng, 2.5), 0, 1.6)
    envelope = blur(shape.nucleus, 0.9 * grid.px_per_um) - shape.nucleus
    return as_plane(thick * net * sheets + 1.2 * np.clip(envelope, 0, 1) * thick)


def _cortex(rng: np.random.Generator, grid: Grid, shape: Outline) -> Plane:
    """Membrane and cortical actin: a line along the edge, ruffled in places."""
    line = np.exp(-shape.depth_um / np.float32(1.1)) * shape.mask
    ruffles = np.exp(-shape.depth_um / np.float32(3.5)) * shape.mask * np.clip(grid.noise(rng, 6.0), 0, 2)
    return as_plane(line * np.clip(0.75 + 0.3 * grid.noise(rng, 5.0), 0.2, 1.8) + 0.5 * ruffles)


def _fibres(rng: np.random.Generator, grid: Grid, shape: Outline) -> Plane:
    """Stress fibres: noise drawn out along the cell's long axis, only its bright ridges kept."""
    if shape.kind in ("mitotic", "dying"):
        return np.zeros_like(grid.radius)
    long_px, thin_px = 7.0 * grid.px_per_um, max(0.45 * grid.px_per_um, 0.5)
    white = rng.standard_normal((grid.side, grid.side), np.float32)
    lines = cv2.GaussianBlur(white, (0, 0), sigmaX=long_px, sigmaY=thin_px, borderType=cv2.BORDER_REFLECT)
    middle = grid.side // 2
    turn = cv2.getRotationMatrix2D((middle, middle), -np.degrees(shape.axis + rng.normal(0, 0.2)), 1.0)
    lines = standardise(cv2.warpAffine(lines, turn, (grid.side, grid.side), borderMode=cv2.BORDER_REFLECT))
    ridges = np.clip(lines - 0.5, 0, None) ** 1.2
    outwards = 0.35 + 0.65 * np.clip(shape.rho, 0, 1)
    return as_plane(shape.mask * ridges * outwards * np.clip(0.7 + 0.6 * grid.noise(rng, 7.0), 0, 2))


def _golgi(rng: np.random.Generator, grid: Grid, shape: Outline) -> Plane:
    """A cluster of bright stacks on one side of the nucleus; scattered in mitosis."""
    n = int(rng.integers(7, 13))
    arc = 3.1 if shape.kind == "mitotic" else 0.55
    turns = rng.uniform(0, 2 * np.pi) + rng.normal(0, arc, n)
    away = shape.nucleus_radius_um * rng.uniform(0.75, 1.3, n)
    centres = np.stack([np.cos(turns) * away, np.sin(turns) * away], axis=1)
    return as_plane(shape.mask * np.minimum(_blobs(grid, centres, rng.uniform(0.7, 1.5, n)), 1.8))


def _mitochondrial_seeds(rng: np.random.Generator, grid: Grid, shape: Outline, n: int) -> NDArray[np.float64]:
    """(n, 2) places in um about the nucleus, thinning out towards the edge."""
    turns = rng.uniform(0, 2 * np.pi, n)
    away = shape.nucleus_radius_um * 0.85 + rng.exponential(4.2, n)
    return np.stack([np.cos(turns) * away, np.sin(turns) * away], axis=1)


def _filaments(rng: np.random.Generator, grid: Grid, shape: Outline) -> Plane:
    """Mitochondria as a net of bent threads about the nucleus."""
    total = np.zeros((grid.side, grid.side), np.float32)
    for _ in range(3):  # three sheets, so that crossing threads add up
        sheet = np.zeros((grid.side, grid.side), np.uint8)
        for seed in _mitochondrial_seeds(rng, grid, shape, 34):
            thread = _thread(rng, seed)
            points = np.round((thread * grid.px_per_um + grid.side // 2) * 16).astype(np.int32)
            cv2.polylines(sheet, [points], False, int(rng.integers(110, 255)), 1, cv2.LINE_AA, shift=4)
        total += sheet.astype(np.float32) / np.float32(255)
    inside = shape.mask * np.clip((1.0 - shape.rho) * 5, 0, 1) * (1 - 0.55 * shape.nucleus)
    haze = np.exp(-((grid.radius / np.float32(1.5 * shape.nucleus_radius_um)) ** 2)) * shape.mask
    return as_plane(inside * blur(total, max(0.35 * grid.px_per_um, 0.45)) + 0.12 * haze)


def _thread(rng: np.random.Generator, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """A random walk in um that starts outwards and bends: (points, 2)."""
    heading = np.arctan2(start[1], start[0]) + rng.normal(0, 0.9)
    turns = heading + np.cumsum(rng.normal(0, 0.35, int(rng.integers(5, 13))))
    steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * 0.9
    return np.vstack([start, start + np.cumsum(steps, axis=0)])


def _fragments(rng: np.random.Generator, grid: Grid, shape: Outline) -> Plane:
    """The same mitochondria broken into swollen dots."""
    dots = np.zeros((grid.side, grid.side), np.float32)
    places = np.round(_mitochondrial_seeds(rng, grid, shape, 85) * grid.px_per_um).astype(int) + grid.side // 2
    places = np.clip(places, 0, grid.side - 1)
    np.add.at(dots, (places[:, 1], places[:, 0]), rng.uniform(0.6, 1.6, len(places)).astype(np.float32))
    sigma_px = 0.75 * grid.px_per_um
    spots = blur(dots, sigma_px) * np.float32(2 * np.pi * max(sigma_px, 0.4) ** 2)
    return as_plane(shape.mask * (1 - 0.55 * shape.nucleus) * np.minimum(spots, 2.5))


def mix(bank: Bank, phenotype: Phenotype) -> NDArray[np.float32]:
    """Weigh the layers of every template into what a phenotype's cells show.

    Returns:
        (n, 2, side, side, 3) float32: the first three are cover, DNA, RNA, the last three ER, AGP, Mito, each in
        units of its channel's usual brightness.
    """
    layers = {**bank.layers, **_scale_nuclei(bank, phenotype)}
    effect, out = phenotype.of, np.empty((len(bank.kinds), 2, bank.side, bank.side, 3), np.float32)
    nucleus = np.clip(layers["nucleus"], 0, 1)
    grain = np.float32(0.22 * np.exp(effect("chromatin")))
    out[:, 0, ..., 0] = layers["cover"]
    out[:, 0, ..., 1] = np.clip(layers["nucleus"] + grain * layers["chromatin"], 0, None) * np.exp(
        -effect("nucleus_size")
    )
    out[:, 0, ..., 2] = (
        0.62 * np.exp(effect("rna")) * layers["cytoplasm"]
        + 0.12 * nucleus
        + 0.8 * np.exp(effect("nucleoli")) * layers["nucleoli"]
    )
    er = 0.55 * layers["cytoplasm"] + 0.95 * np.exp(effect("er_net")) * layers["reticulum"]
    out[:, 1, ..., 0] = np.exp(effect("er")) * er * (1 - 0.5 * nucleus)
    out[:, 1, ..., 1] = (
        0.42 * layers["body"]
        + 0.42 * np.exp(effect("membrane")) * layers["cortex"]
        + 0.22 * np.exp(effect("fibres")) * layers["fibres"]
        + 0.6 * np.exp(effect("golgi")) * layers["golgi"]
    )
    broken = np.float32(1 / (1 + np.exp(2.2 - 2.6 * effect("mito_fragments"))))
    out[:, 1, ..., 2] = np.exp(effect("mito")) * (
        (1 - broken) * layers["filaments"] + broken * 0.8 * layers["fragments"] + 0.1 * layers["cytoplasm"]
    )
    return out


def _scale_nuclei(bank: Bank, phenotype: Phenotype) -> dict[str, NDArray[np.float32]]:
    """Enlarge or shrink the nuclear layers about the middle, apart from the cell's own size."""
    scale = float(np.exp(phenotype.of("nucleus_size") - phenotype.of("cell_size")))
    if abs(scale - 1) < 0.01:
        return {}
    middle = bank.side // 2
    warp = cv2.getRotationMatrix2D((middle, middle), 0.0, scale)
    return {
        name: np.stack([cv2.warpAffine(layer, warp, (bank.side, bank.side)) for layer in bank.layers[name]])
        for name in NUCLEAR
    }
