"""Plates whose compounds change a single stain: what an explanation of a model must find."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kinfast.simulate.phenotype import AXES, TARGETS, Compound, Vector

STAIN_AXES = {
    "DNA": ("chromatin",),
    "RNA": ("nucleoli", "rna"),
    "ER": ("er_net", "er"),
    "AGP": ("fibres", "golgi"),
    "Mito": ("mito_fragments", "mito"),
}
"""Axes that change one channel's image and no other's. Sizes, mitosis and death show in all of them."""
FULL = 1.1
"""Length of a target's change, in the axes' own units: about that of the usual targets."""


def confine(compounds: Sequence[Compound], stain: str, n_targets: int, effect: float) -> tuple[Compound, ...]:
    """Give compounds effects in one stain alone, each target a direction of its own, and take their toxicity.

    Args:
        compounds: as they were made; strength and dose of half effect stay.
        stain: one of `STAIN_AXES`.
        n_targets: how many targets there are.
        effect: factor on every effect.
    """
    return tuple(
        replace(
            compound,
            toxicity=0.0,
            effect=effect * compound.strength * target_direction(TARGETS.index(compound.target), n_targets, stain),
        )
        for compound in compounds
    )


def target_direction(target: int, n_targets: int, stain: str) -> Vector:
    """Spread the targets over the stain's axes: round a circle of two axes, along a line of one; (16,)."""
    axes, change = STAIN_AXES[stain], np.zeros(len(AXES))
    if len(axes) == 1:
        change[AXES.index(axes[0])] = FULL * (1 - 2 * target / max(1, n_targets - 1))
        return change
    angle = 2 * np.pi * (target + 0.5) / n_targets
    for axis, share in zip(axes, (np.cos(angle), np.sin(angle)), strict=True):
        change[AXES.index(axis)] = FULL * share
    return change
