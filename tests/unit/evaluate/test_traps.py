"""Traps planted in synthetic runs are named, and runs without them are clear."""

import json
from pathlib import Path

import pandas as pd
import pytest
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.evaluate.run import Evaluation, evaluate_run
from kinfast.evaluate.traps import _dead
from kinfast.report.detail_contents import PER_CLASS, detail_tables

DRAWS = 60


def holds(evaluation: Evaluation, name: str) -> bool:
    found = [verdict for verdict in evaluation.metrics["verdicts"] if verdict["name"] == name]
    assert len(found) == 1, name
    assert set(found[0]) == {"kind", "name", "holds", "text"}
    assert (found[0]["text"] in evaluation.verdicts) == (found[0]["kind"] != "clear")
    return bool(found[0]["holds"])


@pytest.fixture(scope="module")
def ignorant(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """A run that knows the class sizes only, overfits, has dead units, and was tested on its validation part."""
    run = make_run(tmp_path_factory.mktemp("runs") / "a", Layout(n_classes=12, skill=0.0, sizes="zipf"), seed=1)
    rows = [
        {
            "fold": fold, "epoch": epoch, "train_loss": 3 - 0.1 * epoch, "validation_loss": 2 + 0.05 * abs(epoch - 6),
            "dead_relus": {"features.0": 0.0, "features.3": 0.4 if epoch > 2 else 0.1},
        }
        for fold in range(2)
        for epoch in range(1, 16)
    ]  # fmt: skip
    (run / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = pd.read_parquet(run / "predictions.parquet")
    reused = table[table["part"] == "test"].head(5).assign(part="validation")
    pd.concat([table, reused], ignore_index=True).to_parquet(run / "predictions.parquet", index=False)
    return evaluate_run(run, draws=DRAWS)


@pytest.fixture(scope="module")
def skilled(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    layout = Layout(n_classes=6, skill=2.5, split_by="compound", compounds_per_class=6)
    return evaluate_run(make_run(tmp_path_factory.mktemp("runs") / "b", layout), draws=DRAWS)


TRAPS = (
    "binary_accuracy_at_prior", "loss_at_label_entropy", "micro_explained_by_class_sizes",
    "class_areas_scattered_around_half", "dead_relus", "loss_not_flat", "overfitting", "validation_used_for_testing",
)  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_that_is_met_is_named(ignorant: Evaluation, name: str) -> None:
    assert holds(ignorant, name)


@pytest.mark.parametrize("name", [name for name in TRAPS if name not in ("dead_relus", "loss_not_flat")])
def test_a_trap_that_is_not_met_is_clear(skilled: Evaluation, name: str) -> None:
    assert not holds(skilled, name)


def test_the_epoch_and_the_layer_are_said(ignorant: Evaluation) -> None:
    assert any("from epoch 7 (fold 1), 7 (fold 2)" in text for text in ignorant.verdicts)
    assert any(
        "in 1 of 2 layers" in text and "features.3 40% (10% after epoch 1); they died while" in text
        for text in ignorant.verdicts
    )
    assert any("5 test rows were the validation part" in text for text in ignorant.verdicts)


def test_units_that_were_dead_from_the_beginning_are_told_from_those_that_died() -> None:
    fold = {
        "late_fall": None,
        "overfits_from_epoch": None,
        "dead_relus": {"a": 0.5},
        "dead_relus_at_first": {"a": 0.45},
    }
    (verdict,) = [said for said in _dead([fold]) if said.name == "dead_relus"]
    assert verdict.holds
    assert "a 50% (45% after epoch 1); they were so after the first epoch already" in verdict.text


def test_small_classes_are_not_judged(skilled: Evaluation, ignorant: Evaluation) -> None:
    tables = {table.name: table for table in detail_tables(ignorant.metrics)}
    frame = tables["per_class"].raw
    assert tuple(frame.columns) == PER_CLASS
    assert not frame.loc[frame["n_compounds"].between(1, 4), "judged"].any()  # three compounds a class
    assert frame.loc[0, "judged"]  # controls, by their wells
    assert holds(ignorant, "classes_too_small_to_judge")
    assert not holds(ignorant, "classes_differ")
    assert all(row["judged"] for row in skilled.metrics["judged_classes"])


def test_rates_at_thresholds_are_those_of_the_stored_file(skilled: Evaluation) -> None:
    table = pd.read_parquet(skilled.path / "predictions.parquet")
    test = table[table["part"] == "test"]
    row = next(r for r in skilled.metrics["operating_points"] if r["rule"] == "stated" and r["class"] == "control")
    wells = test[test["truth"] == "control"].groupby(["Metadata_Plate", "Metadata_Well"])["probability_control"].mean()
    assert row["sensitivity"] == pytest.approx((wells >= 0.5).mean())
    others = test[test["truth"] != "control"].groupby(["Metadata_Compound", "truth"])["probability_control"].mean()
    assert row["false_positive_rate"] == pytest.approx((others >= 0.5).mean())
    assert row["specificity"] == pytest.approx(1 - row["false_positive_rate"])


def test_every_plate_dose_and_compound_has_its_row(skilled: Evaluation) -> None:
    assert [row["plate"] for row in skilled.metrics["by_plate"]] == ["P001", "P002"]
    assert sum(row["n_wells"] for row in skilled.metrics["by_plate"]) == skilled.metrics["about"]["wells"]
    compounds = skilled.metrics["compound_spread"]
    assert len(compounds) == skilled.metrics["about"]["compounds"] == 30
    assert all(row["lowest_well"] <= row["probability_of_truth"] <= row["highest_well"] for row in compounds)


def test_everything_is_made_again_equal(skilled: Evaluation, tmp_path: Path) -> None:
    for name in ("config.json", "history.jsonl", "predictions.parquet"):
        (tmp_path / name).write_bytes((skilled.path / name).read_bytes())
    evaluate_run(tmp_path, draws=DRAWS)
    assert (tmp_path / "metrics.json").read_bytes() == (skilled.path / "metrics.json").read_bytes()


def test_a_planted_plate_confound_is_caught_by_position(tmp_path: Path) -> None:
    """A screen with one class a plate: the model is perfect and knows the plate alone."""
    run = make_run(tmp_path / "confounded", Layout(n_classes=2, folds=3, skill=3.0))
    table = pd.read_parquet(run / "predictions.parquet")
    table["truth"] = table["Metadata_Plate"].map({"P001": "negcon", "P002": "poscon"})
    positive = (table["truth"] == "poscon") * 0.8 + 0.1
    table["probability_poscon"], table["probability_negcon"] = positive, 1 - positive
    table.to_parquet(run / "predictions.parquet", index=False)
    found = evaluate_run(run, draws=DRAWS)
    assert found.metrics["test"]["well"]["roc_auc_macro"]["value"] == 1
    assert holds(found, "position_separates")
    assert not holds(found, "better_than_position")
    assert any(text.startswith("No better than position alone") for text in found.verdicts)
