"""Runs that learn sets of targets and selectivity profiles, evaluated, reported and used to predict."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError
from kinfast.evaluate.run import evaluate_run
from kinfast.report.run import write_report
from kinfast.train import train
from kinfast.train.finished.apply import predict
from kinfast.train.planning.plan import make_plan


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, write_store: Callable[..., PreparedStore]) -> PreparedStore:
    """Bright wells hit EGFR and JAK, medium ones EGFR; of one compound nobody knows whether it hits JAK."""
    root = tmp_path_factory.mktemp("sets") / "prepared"
    write_store(root, wells=24)
    sites = pd.read_parquet(root / "sites.parquet")
    targets = sites[schema.ROLE].map({"poscon": "EGFR|JAK", "trt": "EGFR"}).astype(object)
    targets[sites[schema.WELL] == "B02"] = "EGFR|JAK?"
    sites[schema.TARGET] = targets.where(sites[schema.ROLE] != "negcon", None)
    sites.to_parquet(root / "sites.parquet")
    return PreparedStore.open(root)


@pytest.fixture(scope="module")
def config(quick: TrainConfig) -> TrainConfig:
    return replace(quick, label=None, classes=None, task="targets", epochs=6)


@pytest.fixture(scope="module")
def run(store: PreparedStore, config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = train(store, config, tmp_path_factory.mktemp("runs") / "sets")
    evaluate_run(path, draws=50)
    return path


def test_predictions_hold_each_labels_truth(run: Path) -> None:
    table = pd.read_parquet(run / "predictions.parquet")
    labelled = table[table[schema.PART] != schema.PART_UNLABELLED]
    unknown = labelled[labelled[schema.WELL] == "B02"]
    assert unknown[schema.truth("JAK")].isna().all()
    assert (unknown[schema.truth("EGFR")] == 1).all()
    controls = labelled[labelled[schema.ROLE] == "negcon"]
    assert (controls[schema.TRUTH] == "").all()
    assert set(labelled.loc[labelled[schema.ROLE] == "poscon", schema.TRUTH]) == {"EGFR|JAK"}


def test_what_is_planted_is_learned_and_scored(run: Path) -> None:
    """Brightness tells both labels apart without overlap, so that an area far above 0.5 must be reached."""
    metrics = evaluate_run(run, draws=50).metrics
    well = metrics["test"]["well"]
    assert well["roc_auc_macro"]["value"] > 0.8
    assert well["top1_accuracy"]["value"] is None
    assert metrics["baselines"]["prior"]["well"]["roc_auc_macro"]["value"] == 0.5
    assert metrics["differences"]["prior"]["well"]["roc_auc_macro"]["low"] > 0
    assert metrics["permutation_p"]["well"]["roc_auc_macro"] < 0.05
    assert [row["class"] for row in metrics["per_class"]["well"]] == ["EGFR", "JAK"]
    assert metrics["per_class"]["well"][1]["unknown_sites"] == 2
    assert any(verdict["name"] == "better_than_prior" and verdict["holds"] for verdict in metrics["verdicts"])


def test_the_report_and_predictions(run: Path, store: PreparedStore) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert "JAK" in page
    assert "several a site" in page
    per_class = pd.read_csv(run / "tables" / "per_class.csv")
    assert {"class", "n_compounds", "roc_auc", "low", "high", "average_precision", "judged"} <= set(per_class.columns)
    table = predict(run, store)
    assert set(table["predicted"]) <= {"", "EGFR", "JAK", "EGFR|JAK"}
    assert "sites not known" in page


def test_a_profile_is_learned_softly(store: PreparedStore, config: TrainConfig, tmp_path: Path) -> None:
    compounds = store.sites.loc[store.sites[schema.ROLE] != "negcon", [schema.COMPOUND, schema.ROLE]].drop_duplicates()
    values = {"poscon": "90,80", "trt": "60,"}
    lines = [f"{name},{values[role]}" for name, role in compounds.itertuples(index=False)]
    (tmp_path / "profile.csv").write_text("\n".join(["Compound,EGFR,JAK2", *lines]), encoding="utf-8")
    asked = replace(config, task="target-profile", selectivity=str(tmp_path / "profile.csv"))
    path = train(store, asked, tmp_path / "run")
    metrics = evaluate_run(path, draws=20).metrics
    soft = metrics["soft"]["well"]
    assert soft["model"]["rmse"] < soft["prior"]["rmse"]
    assert metrics["about"]["unknown_share"] > 0
    assert "Selectivity" in write_report(path).read_text(encoding="utf-8")


def test_a_plan_says_what_goes(store: PreparedStore, config: TrainConfig) -> None:
    plan = make_plan(store, replace(config, task="target-group", min_compounds=2))
    assert set(plan.labels.class_names) == {"TK", "control"}
    assert any("classes with fewer than 2 compounds are left out: 0 of 2" in note for note in plan.notes)
    with pytest.raises(UsageError, match="go together"):
        make_plan(store, replace(config, task="target-profile"))


def test_unknown_labels_do_not_reach_the_loss(store: PreparedStore, config: TrainConfig) -> None:
    plan = make_plan(store, config)
    assert plan.loss == "binary_cross_entropy"
    assert plan.labels.multi_hot is not None
    assert np.isnan(plan.labels.multi_hot).any()
    assert any("not known" in note for note in plan.notes)
