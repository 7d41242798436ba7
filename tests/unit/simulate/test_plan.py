"""The plan: controls, doses, shared targets, and compounds that differ from one another."""

import dataclasses

import numpy as np
import pytest

from kinfast.simulate.phenotype import AXES, UNTREATED, target_effect
from kinfast.simulate.plan import make_plan
from kinfast.simulate.platemap import compounds_of
from kinfast.simulate.settings import SimulationSettings
from kinfast.simulate.truth import metadata_table

SETTINGS = SimulationSettings(plates=2, sites=1, seed=1)


def test_every_treatment_has_its_well_and_every_plate_its_controls() -> None:
    table = metadata_table(make_plan(SETTINGS, compounds_of(SETTINGS)))
    assert len(table) == 120
    roles = table.groupby(["Metadata_Plate", "Metadata_Role"]).size()
    assert roles.tolist() == [12, 48, 12, 48]
    controls = table.Metadata_Role == "negcon"
    assert set(table.Metadata_Compound[controls]) == {"DMSO"}
    assert (table.Metadata_Dose_um[controls] == 0).all()
    doses = table[~controls].groupby("Metadata_Compound").Metadata_Dose_um.apply(sorted)
    assert all(found == [4, 5, 6, 10] for found in doses)
    assert table.Metadata_Compound[~controls].str.fullmatch(r"CBK\d{6}").all()


def test_compounds_of_a_target_share_a_direction_and_are_not_the_same() -> None:
    """Cosine similarity within a target exceeds that between targets by far, and is not 1."""
    settings = dataclasses.replace(SETTINGS, inactive=0.0, toxic=0.0)
    compounds = compounds_of(settings)
    unit = np.stack([c.effect / np.linalg.norm(c.effect) for c in compounds])
    same = np.array([[a.target == b.target for a in compounds] for b in compounds])
    np.fill_diagonal(same, False)
    between = ~same & ~np.eye(len(compounds), dtype=bool)
    similarity = unit @ unit.T
    assert similarity[same].mean() > 0.6
    assert similarity[same].max() < 0.999
    assert similarity[between].mean() < 0.3


def test_a_higher_dose_does_more() -> None:
    compound = next(c for c in compounds_of(SETTINGS) if c.activity == "strong")
    sizes = [np.abs(compound.at_dose(dose).values).sum() for dose in (0.1, 1.0, 10.0)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.2 * sizes[2]


def test_an_inactive_compound_does_nothing() -> None:
    settings = dataclasses.replace(SETTINGS, inactive=1.0, toxic=0.0)
    assert all(c.at_dose(10.0) == UNTREATED for c in compounds_of(settings))


def test_toxic_compounds_kill() -> None:
    settings = dataclasses.replace(SETTINGS, inactive=0.0, toxic=1.0)
    assert all(c.at_dose(10.0).of("death") > 0.3 for c in compounds_of(settings))


def test_several_kinases_add_up() -> None:
    both = target_effect("PI3K,mTOR")
    assert both[AXES.index("nucleoli")] == pytest.approx(target_effect("mTOR")[AXES.index("nucleoli")] / np.sqrt(2))
    assert both[AXES.index("golgi")] == pytest.approx(target_effect("PI3K")[AXES.index("golgi")] / np.sqrt(2))
