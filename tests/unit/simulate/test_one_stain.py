"""Plates whose phenotype lies in one stain: the others' images are those of untreated cells."""

import numpy as np
import pytest

from kinfast.errors import UsageError
from kinfast.simulate.one_stain import STAIN_AXES, target_direction
from kinfast.simulate.phenotype import UNTREATED, Phenotype
from kinfast.simulate.platemap import compounds_of
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import SimulationSettings
from kinfast.simulate.stains import Bank, draw_bank, mix

PLACES = {"DNA": (0, 1), "RNA": (0, 2), "ER": (1, 0), "AGP": (1, 1), "Mito": (1, 2)}
"""Of each stain in what `mix` gives; (0, 0) is how much the cells cover."""


@pytest.fixture(scope="module")
def bank() -> Bank:
    return draw_bank(generator(0, Stream.BANK), 1.3)


@pytest.mark.parametrize("stain", STAIN_AXES)
def test_only_the_stain_changes(bank: Bank, stain: str) -> None:
    untreated = mix(bank, UNTREATED)
    treated = mix(bank, Phenotype.from_vector(target_direction(1, 4, stain)))
    group, plane = PLACES[stain]
    changed = np.zeros(untreated.shape, bool)
    changed[:, group, ..., plane] = True
    assert np.array_equal(untreated[~changed], treated[~changed])
    assert not np.allclose(untreated[changed], treated[changed])


def test_compounds_keep_their_targets_and_lose_their_toxicity() -> None:
    usual = SimulationSettings(plates=1, targets=4, toxic=0.5, inactive=0)
    confined = compounds_of(SimulationSettings(plates=1, targets=4, toxic=0.5, inactive=0, only_stain="ER"))
    assert [c.target for c in confined] == [c.target for c in compounds_of(usual)]
    assert {c.toxicity for c in confined} == {0.0}
    assert all(np.count_nonzero(c.effect) <= 2 for c in confined)


def test_targets_differ() -> None:
    directions = [target_direction(target, 5, "AGP") for target in range(5)]
    gaps = [np.linalg.norm(a - b) for i, a in enumerate(directions) for b in directions[:i]]
    assert min(gaps) > 1


def test_an_unknown_stain_is_named() -> None:
    with pytest.raises(UsageError, match="only_stain is 'GFP': wanted one of DNA, RNA, ER, AGP, Mito"):
        SimulationSettings(only_stain="GFP")
