"""Plates whose targets change shapes: what any histogram of a stain shows is left as it was."""

import numpy as np
import pytest

from kinfast.errors import UsageError
from kinfast.simulate.phenotype import AXES, LIMITS, SHAPE_LIMITS, SPINDLE, UNTREATED, Phenotype, shape_effect
from kinfast.simulate.platemap import compounds_of
from kinfast.simulate.scene import draw_cells, place_cells
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import SimulationSettings
from kinfast.simulate.stains import Bank, draw_bank, mix

ELONGATION = AXES.index("elongation")
FIELD = (300, 300)


@pytest.fixture(scope="module")
def bank() -> Bank:
    return draw_bank(generator(0, Stream.BANK), 2.0)


def test_spindles_are_longer_and_have_the_light_of_round_cells(bank: Bank) -> None:
    spindle = Phenotype.from_vector(shape_effect(1, 2), SHAPE_LIMITS)
    mixed = mix(bank, UNTREATED)
    assert np.array_equal(mix(bank, spindle), mixed)
    round_, long = (place_cells(np.random.default_rng(3), bank, p, FIELD, 60) for p in (UNTREATED, spindle))
    assert long.stretch.min() > round_.stretch.max()
    assert np.median(long.stretch / round_.stretch) == pytest.approx(np.exp(SHAPE_LIMITS["elongation"][1]), rel=0.02)
    light = [draw_cells(mixed, bank.reaches, cells, FIELD)[0].sum() for cells in (round_, long)]
    assert light[1] == pytest.approx(light[0], rel=0.05)  # DNA: few of 60 nuclei cross the border


def test_the_longest_and_largest_cell_fits_beyond_the_border(bank: Bank) -> None:
    vector = np.zeros(len(AXES))
    vector[[ELONGATION, AXES.index("cell_size")]] = 9.0
    phenotype = Phenotype.from_vector(vector, SHAPE_LIMITS)
    for seed in range(5):
        cells = place_cells(np.random.default_rng(seed), bank, phenotype, (64, 64), 20)
        assert np.isfinite(draw_cells(mix(bank, phenotype), bank.reaches, cells, (64, 64))).all()


def test_a_target_changes_shapes_alone_and_a_compound_what_it_likes() -> None:
    asked = {"plates": 1, "targets": 3, "signatures": "shape", "toxic": 0.0, "inactive": 0.0}
    others = np.arange(len(AXES)) != ELONGATION
    of_targets = compounds_of(SimulationSettings(**asked, own_share=0.0))  # type: ignore[arg-type]
    assert all(not compound.effect[others].any() for compound in of_targets)
    assert any(c.effect[others].any() for c in compounds_of(SimulationSettings(**asked)))  # type: ignore[arg-type]
    longest = max(compound.at_dose(10.0).of("elongation") for compound in of_targets)
    assert LIMITS["elongation"][1] < longest <= SHAPE_LIMITS["elongation"][1]


def test_targets_lie_between_round_and_spindle() -> None:
    assert [shape_effect(target, 3)[ELONGATION] for target in range(3)] == [0, SPINDLE / 2, SPINDLE]
    assert shape_effect(0, 1)[ELONGATION] == SPINDLE  # one target has a shape, too


def test_signatures_that_cannot_be_are_named() -> None:
    with pytest.raises(UsageError, match="signatures are 'size': wanted one of known, shape"):
        SimulationSettings(signatures="size")
    with pytest.raises(UsageError, match="choose one"):
        SimulationSettings(signatures="shape", only_stain="ER")
