"""Does the light change within a plate: between its rows, or over its acquisition?

Whether: each well pulls at the plate's field (`likelihood.image_surfaces`), and parts of a plate are compared by the
mean pull of their wells. Wells differ by their cells as well, so the same is asked of wells that change places at
random (seeded): how often that gives as much is p.

By how much, where p is small: each part is fitted for itself. What parts differ by is the root mean square, over wells,
of the distance between their part's field and the mean of all; chance is the same of wells that changed places once.
Where p is not small, nothing is fitted anew, so a plate without a change costs little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast.config import SEED
from kinfast.preprocess.illumination.likelihood import image_surfaces, part_surfaces
from kinfast.preprocess.illumination.parts import MIN_IMAGES, row_parts, stretches

MIN_WELLS = 8
"""Fewer can change places in too few ways for a small p."""
THIRDS = 3
DRAWS = 999
FALSE_ALARMS = 0.05
"""Share of plates without a change on which one may be said to be found, over all their channels and both tests."""
SMALLEST = 0.005
"""RMS beyond chance below which nothing is said: a field of the plate is hardly more exact than that."""
ROWS, ORDER = "rows", "order"
WORDS = {ROWS: "between rows", ORDER: "over the order of wells"}


@dataclass(frozen=True, slots=True)
class Difference:
    """What a plate's parts differ by, as a share of the light (RMS), and what chance gives; both None where not asked.

    p: of wells that change places. found: p is small, and more than chance is left.
    """

    parts: int
    p: float
    differ: float | None = None
    chance: float | None = None
    found: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON's types."""
        sizes = (None if size is None else round(size, 5) for size in (self.differ, self.chance))
        differ, chance = sizes
        return {"parts": self.parts, "p": round(self.p, 6), "differ": differ, "chance": chance, "found": self.found}


@dataclass(frozen=True, slots=True)
class Change:
    """What was found of a plate x channel; None where it was not looked for, which `why` then explains."""

    rows: Difference | None = None
    order: Difference | None = None
    why: str = "nothing is corrected"

    def words(self) -> str:
        """Say it in one sentence."""
        known = {name: of for name, of in ((ROWS, self.rows), (ORDER, self.order)) if of is not None}
        if not known:
            return f"drift of the light not looked for: {self.why}"
        found = [
            f"{WORDS[name]} by {of.differ:.1%} (chance: {of.chance:.1%})" for name, of in known.items() if of.found
        ]
        if found:
            return f"light differs {' and '.join(found)}"
        return f"no drift of the light found ({', '.join(f'{WORDS[n]}: p = {of.p:.2g}' for n, of in known.items())})"

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON's types: {"rows", "order", "text"}."""
        rows, order = (None if of is None else of.as_json() for of in (self.rows, self.order))
        return {ROWS: rows, ORDER: order, "text": self.words()}


def find_change(thumbnails: NDArray[np.float32], offset: float, wells: Sequence[str], n_channels: int = 1) -> Change:
    """Compare the light of a plate's rows, and of the thirds of its acquisition.

    Args:
        thumbnails: (n, gh, gw) float32, mean raw counts of grid cells, of lit and unspoilt images.
        offset: dark offset, counts.
        wells: of each image.
        n_channels: channels of the plate, which share its false alarms.
    """
    names, units = np.unique(np.array(wells, str), return_inverse=True)
    if len(names) < MIN_WELLS:
        return Change(why=f"{len(names)} wells, wanted {MIN_WELLS}")
    ways = {ROWS: row_parts(names.tolist(), wells), ORDER: stretches(names.tolist(), THIRDS)}
    ways = {name: part_of for name, part_of in ways.items() if _enough(part_of, wells)}
    if not ways:
        return Change(why=f"{len(wells)} images, wanted two parts of {MIN_IMAGES}")
    pulls = image_surfaces(thumbnails, offset)
    by_well = np.stack([pulls[units == unit].mean(axis=0) for unit in range(len(names))])
    found: dict[str, Difference] = {}
    for name, part_of in ways.items():
        parts = np.unique([part_of[well] for well in names.tolist()], return_inverse=True)[1].astype(np.int64)
        n_parts, p = int(parts.max()) + 1, _p_of(by_well, parts)
        found[name] = Difference(n_parts, p)
        if p <= FALSE_ALARMS / (len(ways) * n_channels):
            exchanged = parts[np.random.default_rng(SEED).permutation(len(parts))]
            differ, chance = (_differ(part_surfaces(thumbnails, offset, of[units]), of) for of in (parts, exchanged))
            clear = differ**2 - chance**2 > SMALLEST**2
            found[name] = Difference(n_parts, p, differ, chance, clear)
    return Change(found.get(ROWS), found.get(ORDER))


def _enough(part_of: dict[str, str], wells: Sequence[str]) -> bool:
    _, images = np.unique([part_of[well] for well in wells], return_counts=True)
    return len(images) > 1 and int(images.min()) >= MIN_IMAGES


def _p_of(by_well: NDArray[np.float64], parts: NDArray[np.int64]) -> float:
    """Give the share of random exchanges of wells that let the parts' means differ as much."""
    centred = (by_well - by_well.mean(axis=0))[np.argsort(parts, kind="stable")]
    sizes = np.bincount(parts)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def between(values: NDArray[np.float64]) -> float:
        sums = np.add.reduceat(values, starts, axis=0)
        return float(((sums**2).sum(axis=1) / sizes).sum())

    rng = np.random.default_rng(SEED)
    seen = between(centred) * (1 - 1e-9)  # an exchange within parts gives the same up to rounding
    hits = sum(between(centred[rng.permutation(len(centred))]) >= seen for _ in range(DRAWS))
    return (1 + hits) / (1 + DRAWS)


def _differ(surfaces: NDArray[np.float64], parts: NDArray[np.int64]) -> float:
    """Give the RMS over wells of the distance of their part's surface, (k, terms), from the mean of all."""
    of_wells = surfaces[parts]
    return float(np.sqrt(((of_wells - of_wells.mean(axis=0)) ** 2).sum(axis=1).mean()))
