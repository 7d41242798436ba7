"""What compounds do to cells: the axes of change, each kinase's signature, and compounds made of both."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AXES = (
    "nucleus_size",
    "lobes",
    "chromatin",
    "mitosis",
    "nucleoli",
    "rna",
    "er",
    "er_net",
    "membrane",
    "fibres",
    "golgi",
    "mito",
    "mito_fragments",
    "cell_size",
    "elongation",
    "death",
)
"""The ways in which a cell can change. Sizes and brightnesses are natural logarithms of the ratio to an untreated cell;
`lobes`, `mitosis` and `death` are shares of the cells; `mito_fragments` is 1 when most mitochondria are broken."""

Limits = Mapping[str, tuple[float, float]]
LIMITS = {
    "nucleus_size": (-0.35, 0.45),
    "lobes": (0.0, 0.85),
    "chromatin": (-1.0, 1.2),
    "mitosis": (-0.04, 0.5),
    "death": (0.0, 0.98),
    "cell_size": (-0.35, 0.3),
    "elongation": (-0.3, 0.45),
    "mito_fragments": (-1.0, 2.0),
}
"""Smallest and largest value of an axis, so that every cell stays drawable; the others lie in -1.6 … 1.2."""
USUAL_LIMITS = (-1.6, 1.2)

TARGET_EFFECTS: dict[str, dict[str, float]] = {
    "AuroraKinase": {"nucleus_size": 0.35, "lobes": 0.7, "cell_size": 0.22, "death": 0.25},
    "EGFR": {"mito_fragments": 1.5, "membrane": -0.9, "chromatin": -0.5},
    "mTOR": {"nucleoli": -1.5, "rna": -0.2, "cell_size": -0.25, "nucleus_size": -0.15, "er_net": -0.6},
    "Src": {"fibres": -1.6, "membrane": 1.0, "elongation": -0.25, "golgi": -1.0},
    "CDK": {"nucleoli": -1.5, "chromatin": 0.8, "rna": -0.6, "death": 0.45},
    "PI3K": {"golgi": 0.9, "er_net": -0.9, "mito": -0.4, "elongation": 0.2},
    "VEGrFR": {"er": 0.7, "er_net": 0.5, "mito": -0.4},
    "PLK": {"mitosis": 0.4, "death": 0.4, "chromatin": 0.4},
    "FAK": {"fibres": -1.0, "elongation": 0.4, "cell_size": -0.15, "membrane": 0.3},
    "Akt": {"mito": 0.8, "mito_fragments": 0.7, "rna": -0.2},
    "CHK": {"nucleus_size": 0.3, "chromatin": -0.7, "nucleoli": 0.5},
    "JAK": {"er": -0.7, "nucleoli": 0.35},
    "ERK": {"membrane": 0.9, "cell_size": 0.2, "nucleoli": -0.5},
    "Raf": {"fibres": 0.9, "elongation": 0.3, "golgi": 0.4},
    "Bcr-Abl": {"golgi": -1.0, "fibres": 0.5, "er_net": -0.7},
    "PAK": {"fibres": 0.8, "membrane": -0.7, "elongation": 0.3},
    "AMPK": {"mito": 0.9, "er": 0.3, "cell_size": -0.15},
    "Syk": {"golgi": 0.9, "membrane": 0.4},
    "FGFR": {"rna": 0.5, "nucleoli": 0.6, "er": 0.4},
    "PDGFR": {"elongation": -0.25, "fibres": -0.7, "mito_fragments": 0.6},
}
"""What full inhibition of a kinase looks like here. Drawn after what is known in part (Aurora: large lobed nuclei; PLK:
mitotic arrest; CDK and mTOR: small nucleoli; Src and FAK: loss of stress fibres) and invented for the rest, so that
every target has a signature of its own: the simulator's truth, not a claim about biology."""

SIGNATURES = ("known", "shape")
"""Where a target's effect comes from: `TARGET_EFFECTS`, or `shape_effect`."""
SPINDLE = 1.2
"""Elongation that the last target of the signatures `shape` aims at; of half an effect and more doses, some 0.7."""
SHAPE_LIMITS = LIMITS | {"elongation": (-0.3, 0.9)}
"""Spindles may be drawn: 2.5 times as long as wide, beside what their templates are."""

FIRST_TARGETS = (
    "EGFR",
    "AuroraKinase",
    "mTOR",
    "Src",
    "CDK",
    "VEGrFR,Src",
    "PI3K",
    "PLK",
    "FAK",
    "VEGrFR",
    "Akt",
    "CHK",
    "PI3K,mTOR",
    "JAK",
    "ERK",
    "VEGrFR,Src,Raf,Bcr-Abl",
    "Raf",
    "CDK,AuroraKinase",
    "Bcr-Abl",
    "PAK",
    "AMPK",
    "JAK,EGFR",
    "Syk",
    "FGFR",
    "PDGFR",
    "PDGFR,VEGrFR",
)
MOST_TARGETS = 112
"""Source: the thesis, 3.8: 112 families and the control, 113 classes."""


def _with_pairs(first: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Add pairs of kinases, those far apart in the list first, until there are `most` target strings."""
    kinases, seen = list(TARGET_EFFECTS), {frozenset(target.split(",")) for target in first}
    pairs = [(a, b) for step in range(7, len(kinases)) for a, b in zip(kinases, kinases[step:], strict=False)]
    more = [f"{a},{b}" for a, b in pairs if frozenset((a, b)) not in seen]
    return (*first, *more)[:most]


TARGETS = _with_pairs(FIRST_TARGETS, MOST_TARGETS)
"""Target strings in the order in which `targets=N` takes them; those with a comma inhibit several kinases at once, and
the later ones are pairs made up so that there are as many classes as in the thesis."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Phenotype:
    """How the cells of one well differ from untreated ones.

    Attributes:
        values: one number for each of `AXES`, within `LIMITS`.
    """

    values: tuple[float, ...]

    def of(self, axis: str) -> float:
        """Give one axis' value."""
        return self.values[AXES.index(axis)]

    @classmethod
    def from_vector(cls, vector: Vector, limits: Limits = LIMITS) -> "Phenotype":
        """Clip a (16,) vector into what can be drawn."""
        return cls(tuple(float(np.clip(v, *limits.get(a, USUAL_LIMITS))) for a, v in zip(AXES, vector, strict=True)))


UNTREATED = Phenotype((0.0,) * len(AXES))


@dataclass(frozen=True, slots=True)
class Compound:
    """One made-up compound.

    Attributes:
        name: an identifier such as CBK013406.
        target: the target string, one of `TARGETS`.
        activity: "strong", "weak" or "inactive".
        strength: share of the full effect at a saturating dose, 0 for an inactive one.
        ec50_um: dose of half the effect, uM.
        toxicity: share of the cells lost at a saturating dose, besides what the target's effect kills.
        effect: (16,) change along `AXES` at a saturating dose.
        signatures: one of `SIGNATURES`.
    """

    name: str
    target: str
    activity: str
    strength: float
    ec50_um: float
    toxicity: float
    effect: Vector
    signatures: str = "known"

    def at_dose(self, dose_um: float) -> Phenotype:
        """Give what the cells look like at a dose: a Hill curve of slope 1.5 scales the effect.

        dose_um: uM, above zero.
        """
        response = dose_um**1.5 / (dose_um**1.5 + self.ec50_um**1.5)
        effect = self.effect.copy()
        effect[AXES.index("death")] += self.toxicity
        return Phenotype.from_vector(response * effect, SHAPE_LIMITS if self.signatures == "shape" else LIMITS)


def target_effect(target: str) -> Vector:
    """Add up what a target string's kinases do, dampened where they are several; (16,)."""
    kinases = target.split(",")
    total = np.zeros(len(AXES))
    for kinase in kinases:
        for axis, value in TARGET_EFFECTS[kinase].items():
            total[AXES.index(axis)] += value
    return total / float(np.sqrt(len(kinases)))


def shape_effect(place: int, n_targets: int) -> Vector:
    """Spread targets from cells as round as untreated ones to spindles; (16,).

    A cell is stretched at the area and the light that it has, so that neither brightness nor counts nor the grain of a
    stain change.

    place: 0-based position among `n_targets` targets.
    """
    total = np.zeros(len(AXES))
    total[AXES.index("elongation")] = SPINDLE * (place / (n_targets - 1) if n_targets > 1 else 1.0)
    return total


def make_compounds(
    rng: np.random.Generator,
    *,
    signatures: str = "known",
    n_compounds: int,
    n_targets: int,
    own_share: float,
    effect: float,
    inactive: float,
    toxic: float,
    toxicity: tuple[float, float],
) -> tuple[Compound, ...]:
    """Make compounds: shared by target in part, each with something of its own.

    signatures: one of `SIGNATURES`: what the targets do to cells. A compound's own part may always change anything.
    n_targets: how many of `TARGETS` occur; compounds take them in turn.
    own_share: 0 … 1, how much of an effect is the compound's own and not its target's.
    effect: factor on every effect.
    inactive, toxic: shares of the compounds, each chosen at random.
    toxicity: smallest and largest share of the cells that a toxic one takes at a saturating dose.
    """
    names = rng.choice(np.arange(13_000, 320_000), n_compounds, replace=False)
    n_inactive, n_toxic = round(inactive * n_compounds), round(toxic * n_compounds)
    fate = rng.permutation(n_compounds)
    made = []
    for index in range(n_compounds):
        target = TARGETS[index % n_targets]
        activity, strength = _activity(rng, fate[index] < n_inactive)
        own = _own_effect(rng)
        shared = shape_effect(index % n_targets, n_targets) if signatures == "shape" else target_effect(target)
        change = effect * strength * ((1 - own_share) * 1.35 * shared + own_share * own)
        poison = float(rng.uniform(*toxicity)) if n_inactive <= fate[index] < n_inactive + n_toxic else 0.0
        ec50_um = float(np.exp(rng.normal(np.log(2.5), 0.4)))
        name = f"CBK{names[index]:06d}"
        made.append(Compound(name, target, activity, strength, ec50_um, poison, change, signatures))
    return tuple(made)


def _activity(rng: np.random.Generator, inactive: bool) -> tuple[str, float]:
    draw = float(rng.random())
    if inactive:
        return "inactive", 0.0
    return ("strong", 0.9 + 0.4 * draw) if draw > 0.3 else ("weak", 0.35 + draw)


def _own_effect(rng: np.random.Generator) -> Vector:
    """Change three axes at random by about as much as a target does; (16,)."""
    effect = np.zeros(len(AXES))
    for axis in rng.choice(len(AXES) - 1, 3, replace=False):  # never death: that is `toxicity`
        low, high = LIMITS.get(AXES[axis], USUAL_LIMITS)
        effect[axis] = rng.uniform(0.4, 0.9) * (high if rng.random() < 0.5 else low)
    return effect
