"""Planted active compounds are found, inactive ones are not called active more often than stated."""

import numpy as np
import pandas as pd
import pytest
from tests.unit.evaluate.planted_plates import FEATURES, planted_plates

from kinfast.errors import InputError
from kinfast.evaluate.activity import ACTIVITY_COLUMNS, find_activity
from kinfast.evaluate.run_activity import activity_entries, activity_verdicts
from kinfast.metrics.activity import compare_with_controls, replicate_precision

SEEDS = 6


def number_of(frame: pd.DataFrame) -> np.ndarray:
    return frame["Metadata_Compound"].str[1:].astype(int).to_numpy()


def test_the_false_discovery_rate_is_held_and_most_active_compounds_are_found() -> None:
    """Mean share of false discoveries over seeds, with three of its own standard errors."""
    false, found = [], []
    for seed in range(SEEDS):
        frame = find_activity(planted_plates(seed, compounds=24, active=8), FEATURES).compounds
        assert tuple(frame.columns) == ACTIVITY_COLUMNS
        active, called = number_of(frame) < 8, frame["active"].to_numpy()
        false.append((called & ~active).sum() / max(1, called.sum()))
        found.append((called & active).sum() / active.sum())
    assert np.mean(false) <= 0.05 + 3 * np.std(false) / np.sqrt(SEEDS)
    assert np.mean(found) > 0.8


def test_p_values_are_uniform_where_nothing_acts() -> None:
    """180 compounds; the largest gap to the uniform has its 0.1 % point at 1.95 / sqrt(n) (Kolmogorov)."""
    p = np.concatenate(
        [find_activity(planted_plates(50 + seed, active=0), FEATURES).compounds["p_value"] for seed in range(SEEDS)]
    )
    gap = np.abs(np.sort(p) - np.arange(1, len(p) + 1) / len(p)).max()
    assert gap < 1.95 / np.sqrt(len(p)) + 1 / len(p)


def test_high_doses_act_where_low_ones_do_not() -> None:
    found = find_activity(planted_plates(3, compounds=8, active=4, doses=4, effect=10.0), FEATURES)
    frame = found.compounds
    assert frame["active"].tolist() == [True] * 4 + [False] * 4
    doses = found.doses[number_of(found.doses) < 4]
    assert doses.loc[doses["dose"] == "4", "active"].all()
    assert not doses.loc[doses["dose"] == "1", "active"].any()


def test_the_same_seed_gives_the_same_table() -> None:
    sites = planted_plates(1, compounds=5, active=2)
    pd.testing.assert_frame_equal(find_activity(sites, FEATURES).compounds, find_activity(sites, FEATURES).compounds)


def test_too_few_wells_are_said_not_judged() -> None:
    found = find_activity(planted_plates(0, compounds=6, active=6, wells=1, plates=1, effect=50.0), FEATURES)
    assert not found.compounds["active"].any()
    np.testing.assert_allclose(found.doses["least_p"], 1 / 13)
    assert any("too few wells" in note for note in found.notes)


def test_a_plate_without_controls_is_left_out_and_named() -> None:
    sites = planted_plates(0, compounds=5, active=2)
    sites = sites[(sites["Metadata_Plate"] != "P1") | (sites["Metadata_Role"] != "negcon")]
    found = find_activity(sites, FEATURES)
    assert any("P1" in note for note in found.notes)
    assert (found.doses["wells"] == 2).all()


def test_positive_controls_are_tested_and_dmso_is_no_compound() -> None:
    sites = planted_plates(0, compounds=4, active=2)
    sites.loc[sites["Metadata_Compound"] == "C01", "Metadata_Role"] = "poscon"
    assert find_activity(sites, FEATURES).compounds["Metadata_Compound"].tolist() == ["C00", "C01", "C02", "C03"]


def test_without_controls_it_says_what_is_wanted() -> None:
    sites = planted_plates(0, compounds=3, active=1)
    with pytest.raises(InputError, match="negative control wells"):
        find_activity(sites[sites["Metadata_Role"] != "negcon"], FEATURES)


def test_the_statistic_is_the_distance_of_means() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(9, 3))
    doses = np.array([-1] * 6 + [0] * 3)
    values[6:] += 8
    found = compare_with_controls(values, np.zeros(9, np.int64), doses, np.eye(3), np.random.default_rng(1))
    observed = np.linalg.norm(values[6:].mean(axis=0) - values[:6].mean(axis=0))
    dealt = []
    for _ in range(2000):
        order = rng.permutation(9)
        dealt.append(np.linalg.norm(values[order[6:]].mean(axis=0) - values[order[:6]].mean(axis=0)))
    assert found.distance == pytest.approx(observed / np.median(dealt), rel=0.1)
    assert found.least_p == pytest.approx(1 / 84)  # 9 over 3
    assert found.p_value == pytest.approx(1 / 84, rel=0.3)


def test_few_replicates_give_plain_distances() -> None:
    assert (replicate_precision(np.ones((3, 4)), 4, fewest=10) == np.eye(4)).all()


def test_inactive_low_doses_are_named() -> None:
    found = find_activity(planted_plates(3, compounds=4, active=1, doses=4, effect=10.0), FEATURES)
    entries = activity_entries(found)
    texts = [verdict.text for verdict in activity_verdicts({"activity": entries})]
    (low,) = [text for text in texts if text.startswith("Inactive low doses")]
    assert "C00 1" in low
    assert "C01" not in low  # nothing of it is active: the sentence before names it
