"""Did correction help? Shading that is left on wells which the field was not fitted on, before and after.

Wells are parted in two; each part is judged by the field of the other, so every well is judged once and none by a field
that saw it. Shading of a well: a quartile of log brightness in each of 8 x 8 blocks, its mean over the well's images,
and the fourth-order surface through it; of the three quartiles the one in which wells differ least, which is background
where cells are few and cells where they are confluent. What wells have in common is the light: `before` and `after` are
the root of the mean product of two different wells' surfaces, so that a well's own cells cancel and noise does not pass
for shading.

Whether correction helps is asked well by well, where cells are the same before and after: by how much its squared
shading fell. The interval of the mean over wells is drawn with a fixed seed (bootstrap), and its root is given.

Coefficient of joint variation of two classes of pixels, here background and cells: (std_b + std_c) / |mean_b - mean_c|;
less is better. Source: Likar et al. 2001, IEEE Trans. Med. Imaging 20:1398.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.blocks import cut_blocks
from kinfast.preprocess.surface import project, surface_basis

JUDGED_SIDE = 64
"""Grid cells a side that are looked at: of finer grids every second one."""
DRAWS = 200
INTERVAL = (2.5, 97.5)
MIN_UNITS = 4
"""Wells (or images, of a plate with fewer wells) below which no interval is given."""
DARKEST = 0.5
"""Counts above the offset that a cell of the grid has at least, so that its logarithm exists."""
BINS = 256
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Shading on held-out wells: RMS of log brightness over the image, so 0.05 is about 5 %; nan where not judged.

    Attributes:
        before, after: without and with the flat-field; the dark offset is subtracted in both.
        gain_low, gain_high: 95 % interval of the shading that correction removes, below zero where it adds some.
        units: wells, or images of a plate with fewer wells, that were judged.
        joint_variation: class of wells -> (before, after), see the module.
    """

    before: float = NAN
    after: float = NAN
    gain_low: float = NAN
    gain_high: float = NAN
    units: int = 0
    joint_variation: dict[str, tuple[float, float]] = field(default_factory=dict)

    def words(self) -> str:
        """Say both numbers."""
        if np.isnan(self.before):
            return "too few wells to judge"
        return (
            f"shading on held-out wells {self.before:.2%} before, {self.after:.2%} after "
            f"(removed: {self.gain_low:.2%} to {self.gain_high:.2%})"
        )

    def as_json(self) -> dict[str, Any]:
        """Give the numbers as JSON's types, null where unknown."""
        numbers = {
            "shading_before": self.before,
            "shading_after": self.after,
            "shading_gain_low": self.gain_low,
            "shading_gain_high": self.gain_high,
        }
        rounded = {name: None if np.isnan(v) else round(v, 5) for name, v in numbers.items()}
        pairs = {name: [round(before, 4), round(after, 4)] for name, (before, after) in self.joint_variation.items()}
        return {**rounded, "judged_units": self.units, "joint_variation": pairs}


def part_units(wells: Sequence[str], n: int) -> NDArray[np.int64]:
    """Number the units (wells; images, where there are fewer than `MIN_UNITS` wells) of n images, (n,) int64."""
    if not wells or len(set(wells)) < MIN_UNITS:
        return np.arange(n)
    return np.unique(np.array(wells), return_inverse=True)[1].astype(np.int64)


def judge(
    thumbnails: NDArray[np.float32],
    offset: float,
    fields: tuple[NDArray[np.float32], NDArray[np.float32]],
    units: NDArray[np.int64],
    classes: dict[str, NDArray[np.bool_]],
) -> Verdict:
    """Judge two fields, each on the units that the other was fitted on.

    Args:
        thumbnails: (n, gh, gw) float32, counts.
        offset: dark offset, counts.
        fields: flat-fields (gh, gw) fitted on the even and on the odd units.
        units: (n,) int64.
        classes: name of a class of wells -> (n,) bool.
    """
    step = max(1, min(thumbnails.shape[1:]) // JUDGED_SIDE)
    thumbnails, fields = thumbnails[:, ::step, ::step], (fields[0][::step, ::step], fields[1][::step, ::step])
    light = np.maximum(thumbnails - np.float32(offset), np.float32(DARKEST))
    held_out = np.stack(fields)[1 - units % 2] if len(units) else np.empty_like(light)
    corrected = light / held_out
    pairs = {name: _joint_variations(light[of], corrected[of]) for name, of in classes.items() if of.any()}
    n_units = int(units.max(initial=-1)) + 1
    if n_units < MIN_UNITS:
        return Verdict(units=n_units, joint_variation=pairs)
    afters = [_unit_surfaces(blocks, units, n_units) for blocks in block_quartiles(corrected)]
    quietest = int(np.argmin([float(surfaces.var(axis=0).sum()) for surfaces in afters]))
    after, before = afters[quietest], _unit_surfaces(block_quartiles(light)[quietest], units, n_units)
    removed = (before**2).sum(axis=1) - (after**2).sum(axis=1)
    draws = np.random.default_rng(n_units).integers(0, n_units, (DRAWS, n_units))
    low, high = np.percentile(removed[draws].mean(axis=1), INTERVAL)
    return Verdict(_shading(before), _shading(after), _signed_root(low), _signed_root(high), n_units, pairs)


def _unit_surfaces(blocks: NDArray[np.float64], units: NDArray[np.int64], n_units: int) -> NDArray[np.float64]:
    """Give each unit's surface of log brightness without its constant, scaled to RMS over the image, (units, terms)."""
    basis = surface_basis(*blocks.shape[1:])[:, 1:]
    surfaces = np.stack([project(basis, image.ravel()) for image in blocks]) / np.sqrt(len(basis))
    return np.stack([surfaces[units == unit].mean(axis=0) for unit in range(n_units)])


def block_quartiles(light: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give the quartiles of log brightness in at most 8 x 8 blocks; (n, gh, gw) -> (3, n, 8, 8)."""
    blocks = cut_blocks(light)
    places = [blocks.shape[3] * quarter // 4 for quarter in (1, 2, 3)]
    quartiles = np.sort(blocks, axis=3)[..., places].astype(np.float64)  # ten times as fast as np.partition
    logs: NDArray[np.float64] = np.log(np.moveaxis(quartiles, 3, 0))
    return logs


def _shading(surfaces: NDArray[np.float64]) -> float:
    """Give the RMS shading that units share.

    Only units of one half are paired: they were judged by one field, whose errors would cancel across the halves.
    """
    products, pairs = 0.0, 0
    for own in (surfaces[::2], surfaces[1::2]):
        products += float((own.sum(axis=0) ** 2).sum() - (own**2).sum())
        pairs += len(own) * (len(own) - 1)
    return float(np.sqrt(max(products, 0.0) / pairs))


def _signed_root(value: float) -> float:
    return float(np.sign(value) * np.sqrt(abs(value)))


def _joint_variations(light: NDArray[np.float32], corrected: NDArray[np.float32]) -> tuple[float, float]:
    """Give the coefficient before and after; which pixels are cells is decided once, after correction."""
    cells = corrected > _threshold(corrected)
    return _joint_variation(light, cells), _joint_variation(corrected, cells)


def _joint_variation(light: NDArray[np.float32], cells: NDArray[np.bool_]) -> float:
    if not cells.any() or cells.all():
        return 0.0
    means, spreads = zip(
        *((of.mean(dtype=np.float64), of.std(dtype=np.float64)) for of in (light[cells], light[~cells])), strict=True
    )
    return float(sum(spreads) / max(abs(means[0] - means[1]), 1e-9))


def _threshold(light: NDArray[np.float32]) -> float:
    """Part log brightness in two classes of greatest difference (Otsu 1979, IEEE Trans. SMC 9:62); counts."""
    logs = np.log(light[:, ::2, ::2])
    counts, edges = np.histogram(logs, BINS)
    share = np.cumsum(counts) / counts.sum()
    centres = 0.5 * (edges[1:] + edges[:-1])
    mass = np.cumsum(counts * centres) / counts.sum()
    between = (mass[-1] * share - mass) ** 2 / np.maximum(share * (1 - share), 1e-12)
    return float(np.exp(edges[1 + int(np.argmax(between[:-1]))]))
