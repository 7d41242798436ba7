"""Cells: as many as asked for, everywhere alike, and changed by what the compound does."""

import numpy as np
import pytest

from kinfast.simulate.phenotype import AXES, UNTREATED, Phenotype
from kinfast.simulate.scene import draw_cells, place_cells
from kinfast.simulate.stains import Bank, draw_bank, mix

SHAPE = (160, 200)
PIXEL_UM = 1.3


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Templates at a coarse pixel, so that the tests are quick."""
    return draw_bank(np.random.default_rng(0), PIXEL_UM)


def with_effect(axis: str, value: float) -> Phenotype:
    """Change one axis."""
    vector = np.zeros(len(AXES))
    vector[AXES.index(axis)] = value
    return Phenotype.from_vector(vector)


def draw(bank: Bank, phenotype: Phenotype, cells: float = 25.0, seed: int = 1) -> np.ndarray:
    """Draw one field as (5, H, W)."""
    placed = place_cells(np.random.default_rng(seed), bank, phenotype, SHAPE, cells)
    return draw_cells(mix(bank, phenotype), bank.reaches, placed, SHAPE)


def test_the_number_of_cells_is_what_was_asked_for(bank: Bank) -> None:
    """60 fields of 25 expected: the mean's standard error is 5/sqrt(60) = 0.65; four of them, and jamming's 3 %."""
    counts = [place_cells(np.random.default_rng(i), bank, UNTREATED, SHAPE, 25).count_inside(SHAPE) for i in range(60)]
    assert abs(np.mean(counts) - 25) < 4 * 0.65 + 0.75


def test_cells_go_on_beyond_the_border(bank: Bank) -> None:
    """The mean of 80 fields is as bright in the outer ring as inside: no dark frame.

    A field's ring mean varies by about a quarter (some six cells in it); over 80 fields by 3 %; four of those.
    """
    mean = np.mean([draw(bank, UNTREATED, seed=seed) for seed in range(80)], axis=0)
    ring = np.ones(SHAPE, bool)
    ring[12:-12, 12:-12] = False
    ratio = mean[:, ring].mean(axis=1) / mean[:, ~ring].mean(axis=1)
    np.testing.assert_allclose(ratio, 1, atol=0.12)


def test_dna_lies_in_nuclei_and_mitochondria_outside(bank: Bank) -> None:
    light = draw(bank, UNTREATED)
    dna, _, er, agp, mito = light
    nuclei = dna > 0.4
    assert 0.02 < nuclei.mean() < 0.3
    cells = agp > 0.1
    assert cells[nuclei].mean() > 0.95
    assert mito[nuclei].mean() < mito[cells & ~nuclei].mean() < er.max()


def test_each_axis_changes_its_channel(bank: Bank) -> None:
    """Every axis of brightness moves the mean of its own channel in its own direction, and no other channel's."""
    base = draw(bank, UNTREATED).mean(axis=(1, 2))
    for axis, channel in {"rna": 1, "er": 2, "membrane": 3, "fibres": 3, "golgi": 3, "mito": 4, "nucleoli": 1}.items():
        change = draw(bank, with_effect(axis, 0.8)).mean(axis=(1, 2)) / base - 1
        assert change[channel] > 0.02, axis
        assert np.abs(np.delete(change, channel)).max() < 1e-6, axis


def test_larger_nuclei_cover_more(bank: Bank) -> None:
    small, large = (draw(bank, with_effect("nucleus_size", v))[0] for v in (0.0, 0.4))
    ratio = (large > 0.25).sum() / (small > 0.25).sum()
    assert 1.6 < ratio < 2.6  # exp(0.4)^2 = 2.2, less for the crowded and the dimmed rim


def test_death_thins_out(bank: Bank) -> None:
    placed = [
        place_cells(np.random.default_rng(i), bank, with_effect("death", 0.8), SHAPE, 25).count_inside(SHAPE)
        for i in range(40)
    ]
    assert np.mean(placed) == pytest.approx(5, abs=4 * np.sqrt(5 / 40))


def test_no_cells_is_black(bank: Bank) -> None:
    assert draw(bank, UNTREATED, cells=0.0).max() == 0
