"""Cells in a field: where they lie, and their light before the microscope has its say."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinfast.simulate.phenotype import LIMITS, Phenotype
from kinfast.simulate.stains import Bank

Planes = NDArray[np.float32]

USUAL_MITOSIS = 0.04
"""Share of untreated cells in mitosis. Source: a few per cent in unsynchronised U2OS."""
USUAL_LOBES = 0.02
USUAL_DYING = 0.01
OPACITY = 0.7
"""How far a cell hides the one under it (not its nucleus): cells of a monolayer rather adjoin than overlap."""
LARGEST_SCALE = 1.45
LARGEST_STRETCH = 1.7
"""Of the usual phenotypes; spindles may be longer by as much as they exceed the usual limit."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells in and around one field.

    Attributes:
        centres: (n, 2) float64 y and x in pixels; the field is 0 … height by 0 … width and cells lie beyond it too.
        templates: (n,) positions in the bank.
        turns: (n,) radians.
        scales: (n,) size against the template.
        stretch: (n,) along over across.
        brightness: (n, 5) factor of each channel.
    """

    centres: NDArray[np.float64]
    templates: NDArray[np.int64]
    turns: NDArray[np.float64]
    scales: NDArray[np.float64]
    stretch: NDArray[np.float64]
    brightness: NDArray[np.float64]

    def count_inside(self, shape: tuple[int, int]) -> int:
        """Count the cells whose nucleus lies in the field."""
        y, x = self.centres[:, 0], self.centres[:, 1]
        return int(((y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])).sum())


def place_cells(
    rng: np.random.Generator, bank: Bank, phenotype: Phenotype, shape: tuple[int, int], cells_per_field: float
) -> Cells:
    """Scatter cells over the field and its surroundings, so that the field's border is like its middle.

    cells_per_field: expected number of nuclei in the field, before the phenotype's losses.
    """
    margin = bank.side * 0.75
    height, width = shape[0] + 2 * margin, shape[1] + 2 * margin
    longest = LARGEST_STRETCH * float(np.exp(max(0.0, phenotype.of("elongation") - LIMITS["elongation"][1])))
    density = cells_per_field * (1 - phenotype.of("death")) / (shape[0] * shape[1])
    n = int(rng.poisson(density * height * width))
    centres = _scatter(rng, n, height, width, bank.side) - margin
    n = len(centres)
    return Cells(
        centres,
        _choose_templates(rng, bank, phenotype, n),
        rng.uniform(0, 2 * np.pi, n),
        np.exp(rng.normal(phenotype.of("cell_size"), 0.09, n)).clip(0.6, LARGEST_SCALE),
        np.exp(rng.normal(phenotype.of("elongation"), 0.08, n)).clip(0.7, longest),
        np.exp(rng.normal(0, 0.12, (n, 1)) + rng.normal(0, 0.14, (n, 5))),
    )


def _scatter(rng: np.random.Generator, n: int, height: float, width: float, reach: float) -> NDArray[np.float64]:
    """Choose n places that keep a distance, in loose patches; (n, 2) y, x.

    Four candidates a cell are drawn; each is taken when no taken one is nearer than the distance.
    """
    if n == 0:
        return np.empty((0, 2))
    spacing = min(0.58 * np.sqrt(height * width / n), 0.36 * reach)
    candidates = rng.uniform(0, 1, (6 * n, 2)) * (height, width)
    patches = cv2.resize(
        rng.standard_normal((9, 9), np.float32), (64, 64), interpolation=cv2.INTER_CUBIC
    )  # about four patches across
    grid = (candidates / (height, width) * 63).astype(int)
    density = np.exp(0.6 * patches[grid[:, 0], grid[:, 1]])
    order = np.argsort(-density * rng.uniform(0.25, 1, 6 * n))
    taken = np.empty((n, 2))
    count = 0
    for position in candidates[order]:
        near = ((taken[:count] - position) ** 2).sum(axis=1) < spacing**2
        if not near.any():
            taken[count] = position
            count += 1
            if count == n:
                break
    return taken[:count]


def _choose_templates(rng: np.random.Generator, bank: Bank, phenotype: Phenotype, n: int) -> NDArray[np.int64]:
    dying = USUAL_DYING + 0.25 * phenotype.of("death")
    mitotic = max(0.0, USUAL_MITOSIS + phenotype.of("mitosis"))
    lobed = min(USUAL_LOBES + phenotype.of("lobes"), 1 - dying - mitotic)
    shares = {"interphase": 1 - mitotic - lobed - dying, "mitotic": mitotic, "lobed": lobed, "dying": dying}
    weights = np.array([max(0.0, shares[kind]) / len(bank.of_kind(kind)) for kind in bank.kinds])
    return rng.choice(len(bank.kinds), n, p=weights / weights.sum())


def draw_cells(mixed: NDArray[np.float32], reaches: NDArray[np.int64], cells: Cells, shape: tuple[int, int]) -> Planes:
    """Stamp every cell into the field.

    mixed: (n templates, 2, side, side, 3) from `stains.mix`; reaches: (n templates,) from the bank.

    Returns:
        (5, H, W) float32: DNA, RNA, ER, AGP, Mito, in units of each channel's usual brightness, no background.
    """
    side = mixed.shape[2]
    largest = LARGEST_SCALE * float(np.sqrt(max(1.0, cells.stretch.max(initial=1.0) / LARGEST_STRETCH)))
    pad = int(np.ceil(side * (0.75 + 0.75 * largest))) + 2
    nuclear = np.zeros((shape[0] + 2 * pad, shape[1] + 2 * pad, 3), np.float32)
    bodies = np.zeros_like(nuclear)
    gains = cells.brightness.astype(np.float32)
    for index, template in enumerate(cells.templates):
        reach = int(reaches[template])
        rows, columns, size, warp = _stamp_at(cells, index, reach, pad)
        inner = slice(side // 2 - reach, side // 2 + reach + 1)
        first = cv2.warpAffine(mixed[template, 0, inner, inner], warp, (size, size))
        second = cv2.warpAffine(mixed[template, 1, inner, inner], warp, (size, size))
        through = 1 - np.float32(OPACITY) * first[..., 0]
        spot = nuclear[rows, columns]
        spot[..., 2] *= through  # DNA is added: a thin cell edge hides no nucleus
        spot += first * np.array((1, gains[index, 0], gains[index, 1]), np.float32)
        spot = bodies[rows, columns]
        spot *= through[..., None]
        spot += second * gains[index, 2:]
    field = (slice(pad, pad + shape[0]), slice(pad, pad + shape[1]))
    return np.stack([nuclear[(*field, 1)], nuclear[(*field, 2)], *(bodies[(*field, c)] for c in range(3))])


def _stamp_at(cells: Cells, index: int, reach: int, pad: int) -> tuple[slice, slice, int, NDArray[np.float64]]:
    """Give the rows and columns of the padded field that a cell covers, their number, and the map from its template."""
    scale, stretch, turn = float(cells.scales[index]), float(cells.stretch[index]), float(cells.turns[index])
    along, across = scale * stretch**0.5, scale / stretch**0.5
    size = int(np.ceil((2 * reach + 1) * max(along, across))) + 2
    y, x = cells.centres[index] + pad
    top, left = int(np.floor(y - size / 2)), int(np.floor(x - size / 2))
    c, s = np.cos(turn), np.sin(turn)
    linear = np.array([[along * c, -across * s], [along * s, across * c]])
    shift = np.array([x - left, y - top]) - linear @ (reach, reach)
    return slice(top, top + size), slice(left, left + size), size, np.column_stack([linear, shift])
