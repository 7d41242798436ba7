"""What stands in metrics.json under `confidence`, and the compounds to test next."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.unit.evaluate.compound_run import CLASSES, compound_run

from kinfast.evaluate.confidence import measure_confidence
from kinfast.evaluate.confidence_verdicts import confidence_verdicts
from kinfast.evaluate.next_compounds import rank_compounds, spell_set
from kinfast.evaluate.odd_sites import mark_new_sites, mark_test_sites
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.verdicts import Verdict


def with_quality(run: Run, seed: int = 0) -> Run:
    """Give each site quality measures of its plate."""
    rng = np.random.default_rng(seed)
    plates = run.table["Metadata_Plate"].astype("category").cat.codes.to_numpy()
    for name in ("mean_DNA", "focus_DNA", "cells"):
        run.table[f"Quality_{name}"] = 50 * plates + rng.normal(size=len(plates))
    return run


def said(run: Run) -> Iterator[Verdict]:
    found = measure_confidence(run, 100)
    return confidence_verdicts({"confidence": found, "about": {"classes": list(run.classes)}})


def test_everything_is_json_and_seeded() -> None:
    first, again = (measure_confidence(with_quality(compound_run(0, controls=10)), 50) for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(again, allow_nan=False)
    assert first is not None
    assert first["odd_sites"]["share"] <= 2 * first["odd_sites"]["rate"]


def test_without_a_validation_part_nothing_is_promised() -> None:
    run = compound_run(0)
    run.table["part"] = run.table["part"].replace({"validation": "train"})
    assert measure_confidence(run) is None
    (verdict,) = confidence_verdicts({"confidence": None})
    assert (verdict.kind, verdict.name) == ("caution", "no_validation_part")


def test_sets_that_exclude_nothing_are_no_support() -> None:
    run = compound_run(0)
    spare = np.flatnonzero(run.table["part"] == "validation")[3:]
    run.table.loc[spare, "part"] = "train"
    (verdict,) = [verdict for verdict in said(run) if verdict.name == "sets_cover"]
    assert verdict.kind == "caution"
    assert "too few to exclude any" in verdict.text


def test_calibration_on_memorised_compounds_is_said_to_fail() -> None:
    run = compound_run(0, compounds=(200, 100, 100))
    assert any("as often as they say" in verdict.text for verdict in said(run))
    run.table["part"] = run.table["part"].replace({"train": "validation", "validation": "train"})
    assert any("less often than they say" in verdict.text for verdict in said(run))


def test_a_mean_below_one_says_how_many_sets_are_empty() -> None:
    found = measure_confidence(compound_run(0))
    assert found is not None
    about = {"classes": list(CLASSES)}
    row = next(row for row in found["coverage"] if (row["level"], row["class"]) == (0.9, ""))
    row |= {"mean_set_size": 0.9, "empty_share": 0.12}
    (text,) = [v.text for v in confidence_verdicts({"about": about, "confidence": found}) if v.name == "sets_are_small"]
    said_of_empty = "and 12% of the sets are empty (unlike all classes), which counts as missed"
    assert text.startswith(f"At 90% a set holds 0.9 of 3 classes on average, {said_of_empty}; classes with 10 calibr")


def test_control_wells_are_not_counted_as_compounds_without_a_word() -> None:
    found = measure_confidence(compound_run(0, controls=20), 20)
    about = {"classes": list(CLASSES), "compounds": 24}
    (text,) = [v.text for v in confidence_verdicts({"about": about, "confidence": found}) if v.name == "sets_cover"]
    assert "; 28 compounds (controls by well), calibrated on" in text


def test_without_draws_calibration_is_not_judged() -> None:
    found = {"confidence": measure_confidence(compound_run(0), 0), "about": {"classes": list(CLASSES)}}
    (verdict,) = [verdict for verdict in confidence_verdicts(found) if verdict.name == "calibrated"]
    assert not verdict.holds
    assert "without draws" in verdict.text


def test_planted_odd_sites_are_marked() -> None:
    run = with_quality(compound_run(2, compounds=(200, 100, 100)))
    table = run.table[run.table["part"] == "test"].drop(columns=["part", "fold", "truth"]).reset_index(drop=True)
    plain = mark_new_sites(run, table, [table[[f"logit_{name}" for name in CLASSES]].to_numpy()])
    table.loc[:4, "Quality_focus_DNA"] += 40
    table.loc[5:9, [f"logit_{name}" for name in CLASSES]] = -30.0
    odd = mark_new_sites(run, table, [table[[f"logit_{name}" for name in CLASSES]].to_numpy()])
    assert odd.marked[:10].all()
    assert odd.rate == pytest.approx(2 / 81)  # of 80 test compounds
    assert plain.marked.mean() <= odd.rate  # the reference is these sites themselves


def test_the_rate_of_false_alarms_is_held_over_seeds() -> None:
    """20 seeds: a share of units of at most the rate, with three standard errors over units."""
    shares, rates, units = [], [], 0
    for seed in range(20):
        run = with_quality(compound_run(seed), seed)
        marked = mark_test_sites(run)
        assert marked is not None
        test = run.table[run.table["part"] == "test"]
        shares.append(pd.Series(marked.marked).groupby(test["Metadata_Compound"].to_numpy()).mean().mean())
        units += test["Metadata_Compound"].nunique()
        rates.append(marked.rate)
    rate = float(np.mean(rates))
    assert np.mean(shares) <= rate + 3 * np.sqrt(rate * (1 - rate) / units)


def test_compounds_without_a_label_come_first_and_ambiguous_ones_lead() -> None:
    found = measure_confidence(compound_run(0, unlabelled=6), 50)
    assert found is not None
    following = found["next_compounds"]
    assert {row["status"] for row in following} == {"unlabelled"}
    assert [row["rank"] for row in following] == list(range(1, 7))
    assert [row["set_size"] for row in following] == sorted((row["set_size"] for row in following), reverse=True)


def test_a_compound_that_fits_no_class_leads() -> None:
    units = pd.DataFrame(
        {
            "Metadata_Compound": ["sure", "torn", "strange"],
            "status": "x",
            "wells": 1,
            "sites": 2,
            "out_of_distribution": 0,
        }
    )
    probabilities = np.array([[0.98, 0.01, 0.01], [0.4, 0.4, 0.2], [0.6, 0.3, 0.1]])
    values = np.array([[0.9, 0.01, 0.01], [0.5, 0.5, 0.05], [0.03, 0.02, 0.01]])
    ranked = rank_compounds(units, probabilities, values, CLASSES)
    assert ranked["Metadata_Compound"].tolist() == ["strange", "torn", "sure"]
    assert ranked["set_90"].tolist() == ["", 'EGFR,"Src,Abl"', "EGFR"]
    assert ranked["reason"][0].startswith("fits no class at 90%")


def test_sets_are_read_back_as_lists_of_classes_are() -> None:
    from kinfast.data.labels import parse_classes

    kept = np.array([True, True, False])
    assert parse_classes(spell_set(kept, CLASSES)) == ("EGFR", "Src,Abl")


def test_tables_of_a_run_without_compounds() -> None:
    run = compound_run(0)
    found = measure_confidence(replace(run, table=run.table.drop(columns="Metadata_Compound")), 20)
    assert found is not None
    assert found["next_compounds"] == []
