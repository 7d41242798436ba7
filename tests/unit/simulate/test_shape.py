"""Plates whose targets change shapes: what any histogram of a stain shows is left as it was."""

import numpy as np
import pytest

from kinfast.errors import UsageError
from kinfast.simulate.phenotype import AXES, FULL_SHAPE, SHAPE, UNTREATED, Phenotype, shape_effect
from kinfast.simulate.platemap import compounds_of
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import SimulationSettings
from kinfast.simulate.stains import draw_bank, mix


def test_a_shape_changes_no_stain() -> None:
    bank = draw_bank(generator(0, Stream.BANK), 2.0)
    untreated = mix(bank, UNTREATED)
    for target in range(3):
        assert np.array_equal(mix(bank, Phenotype.from_vector(shape_effect(target, 3))), untreated)


def test_a_target_changes_shapes_alone_and_a_compound_what_it_likes() -> None:
    asked = {"plates": 1, "targets": 3, "signatures": "shape", "toxic": 0.0}
    others = [place for place, axis in enumerate(AXES) if axis not in SHAPE]
    of_targets = compounds_of(SimulationSettings(**asked, own_share=0.0))  # type: ignore[arg-type]
    assert all(not compound.effect[others].any() for compound in of_targets)
    assert any(compound.effect.any() for compound in of_targets)
    assert any(c.effect[others].any() for c in compounds_of(SimulationSettings(**asked)))  # type: ignore[arg-type]


def test_targets_lie_on_a_quarter_circle_of_what_can_be_reached() -> None:
    places = [AXES.index(axis) for axis in SHAPE]
    effects = np.array([shape_effect(target, 5)[places] / FULL_SHAPE for target in range(5)])
    assert np.allclose(effects @ effects.T, np.cos(np.pi / 8 * np.subtract.outer(range(5), range(5))))
    assert np.linalg.norm(shape_effect(0, 1)) > 0  # one target has a shape, too


def test_signatures_that_cannot_be_are_named() -> None:
    with pytest.raises(UsageError, match="signatures are 'size': wanted one of known, shape"):
        SimulationSettings(signatures="size")
    with pytest.raises(UsageError, match="choose one"):
        SimulationSettings(signatures="shape", only_stain="ER")
