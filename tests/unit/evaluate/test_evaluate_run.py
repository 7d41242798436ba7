"""A run's folder in, metrics.json out: its shape, its baselines, its traps in words."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from tests.unit.evaluate.synthetic_run import Layout, class_names, make_run

from kinfast.errors import RunError
from kinfast.evaluate.run import Evaluation, evaluate_run
from kinfast.evaluate.run_folder import read_run
from kinfast.metrics.scores import METRICS

DRAWS = 60
LEVELS = ["site", "well", "compound"]
CONTRACTED = {
    "roc_auc_micro",
    "roc_auc_macro",
    "average_precision_macro",
    "top1_accuracy",
    "top5_accuracy",
    "balanced_accuracy",
    "f1_macro",
    "binary_accuracy",
}


def evaluate(folder: Path, layout: Layout, seed: int = 0) -> Evaluation:
    return evaluate_run(make_run(folder, layout, seed), draws=DRAWS)


@pytest.fixture(scope="module")
def skilled(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    layout = Layout(n_classes=8, skill=1.5, split_by="compound", untested=(3,))
    return evaluate(tmp_path_factory.mktemp("runs") / "skilled", layout)


@pytest.fixture(scope="module")
def unskilled(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(tmp_path_factory.mktemp("runs") / "unskilled", Layout(n_classes=12, skill=0.0, sizes="zipf"))


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    layout = Layout(n_classes=2, n_plates=1, folds=3, skill=0.6, doses=True, brightness=4.0)
    return evaluate(tmp_path_factory.mktemp("runs") / "binary", layout)


def said(evaluation: Evaluation, *words: str) -> bool:
    return any(all(word in verdict for word in words) for verdict in evaluation.verdicts)


def check_scores(scores: dict[str, dict[str, float | None]]) -> None:
    assert scores.keys() == CONTRACTED == set(METRICS)
    for entry in scores.values():
        assert entry.keys() == {"value", "low", "high"}
        if entry["low"] is not None:
            assert entry["low"] <= entry["high"]


def test_metrics_json_has_the_contracted_shape(skilled: Evaluation) -> None:
    stored = json.loads((skilled.path / "metrics.json").read_text())
    assert stored == skilled.metrics
    assert list(stored["baselines"]) == ["prior", "permuted", "intensity", "position"]
    assert len(stored["folds"]) == 2
    for levels in (stored["test"], *stored["baselines"].values(), *stored["folds"], stored["fold_mean"]):
        assert list(levels) == LEVELS
        for scores in levels.values():
            check_scores(scores)


def test_the_site_and_well_scores_are_scikit_learns_on_the_stored_file(skilled: Evaluation) -> None:
    table = pd.read_parquet(skilled.path / "predictions.parquet")
    test = table[table["part"] == "test"]
    names = class_names(Layout(n_classes=8))
    columns = [f"probability_{name}" for name in names]
    wells = test.groupby(["Metadata_Plate", "Metadata_Well", "truth"], as_index=False)[columns].mean()
    present = [index for index, name in enumerate(names) if name != names[3]]
    for level, rows in (("site", test), ("well", wells)):
        codes = rows["truth"].map(names.index).to_numpy()
        scores = rows[columns].to_numpy(np.float64)
        found = {name: entry["value"] for name, entry in skilled.metrics["test"][level].items()}
        truth = np.eye(8)[codes]
        expected = sk.roc_auc_score(truth[:, present], scores[:, present], average="macro")
        # the oracle averages float32 probabilities in float32; ours are summed in float64
        assert found["roc_auc_macro"] == pytest.approx(expected, abs=1e-5)
        assert found["roc_auc_micro"] == pytest.approx(sk.roc_auc_score(truth, scores, average="micro"), abs=1e-5)
        assert found["top1_accuracy"] == pytest.approx(sk.accuracy_score(codes, scores.argmax(axis=1)))


def test_a_class_without_test_members_is_null_and_said(skilled: Evaluation) -> None:
    row = skilled.metrics["per_class"]["site"][3]
    assert row["class"] == "family 003,Src"
    assert row["roc_auc"] is None
    assert row["sites"] == row["wells"] == row["compounds"] == 0
    assert said(skilled, "1 of 8 classes have no test member", "family 003,Src", "over the other 7")


def test_support_counts_sites_wells_and_compounds(skilled: Evaluation) -> None:
    control, family = skilled.metrics["per_class"]["compound"][:2]
    assert (control["wells"], control["compounds"]) == (12, 0)
    assert family["compounds"] == 3
    assert family["sites"] == 2 * family["wells"] == 2 * 16


def test_a_skilled_run_beats_every_baseline_in_words(skilled: Evaluation) -> None:
    assert said(skilled, "In held-out compounds, 8 classes", "class sizes alone give 0.500")
    for name in ("chance", "class sizes alone", "intensity alone", "position alone"):
        assert said(skilled, f"Better than {name}")
    assert skilled.metrics["permutation_p"]["compound"]["roc_auc_macro"] == pytest.approx(1 / (DRAWS + 1))
    assert not said(skilled, "were trained on in other wells")


def test_the_prior_alone_is_found_out(unskilled: Evaluation) -> None:
    test, prior = unskilled.metrics["test"]["well"], unskilled.metrics["baselines"]["prior"]["well"]
    assert test["roc_auc_macro"]["value"] == prior["roc_auc_macro"]["value"] == 0.5
    assert test["binary_accuracy"]["value"] == pytest.approx(11 / 12)
    # the run knows the sizes in all parts, the baseline those in the training parts
    assert test["roc_auc_micro"]["value"] == pytest.approx(prior["roc_auc_micro"]["value"], abs=0.01)
    assert prior["roc_auc_micro"]["value"] > 0.6
    assert said(unskilled, "No better than chance")
    assert said(unskilled, "No better than class sizes alone", "difference 0.000 (0.000 to 0.000)")
    assert said(unskilled, "Binary accuracy 0.9167 against 0.9167", "at its prior-only value")
    assert said(unskilled, "Micro ROC AUC", "is explained by the prior")


def test_a_split_by_well_says_that_compounds_are_known(unskilled: Evaluation) -> None:
    about = unskilled.metrics["about"]
    table = pd.read_parquet(unskilled.path / "predictions.parquet")
    treated = table[table["Metadata_Role"] == "trt"]
    shared = set()
    for _, fold in treated.groupby("fold"):
        train, test = (set(fold.loc[fold["part"] == part, "Metadata_Compound"]) for part in ("train", "test"))
        shared |= train & test
    assert about["clusters"] == "wells"
    assert about["compounds_also_trained_on"] == len(shared) > 0
    assert about["compounds"] == treated["Metadata_Compound"].nunique()
    assert said(unskilled, "were trained on in other wells (split by well)")


def test_two_classes_have_a_positive_one(binary: Evaluation) -> None:
    assert binary.metrics["about"]["positive_class"] == "poscon"
    well = binary.metrics["test"]["well"]
    assert well["top5_accuracy"]["value"] is None
    assert well["roc_auc_micro"] == well["roc_auc_macro"]
    assert said(binary, "In held-out wells, poscon against negcon: ROC AUC")
    assert not said(binary, "Binary accuracy")


def test_intensity_alone_is_named_when_it_separates(binary: Evaluation) -> None:
    assert binary.metrics["baselines"]["intensity"]["well"]["roc_auc_macro"]["value"] > 0.95
    assert said(binary, "Intensity alone already separates these classes")
    assert said(binary, "than intensity alone")
    assert not said(binary, "Better than intensity alone")


def test_doses_that_were_never_trained_on(binary: Evaluation) -> None:
    response = binary.metrics["dose_response"]
    ranks = {row["compound"]: row["spearman"] for row in response["compounds"]}
    assert response["response"] == "probability of poscon"
    assert ranks["wortmannin"] > 0.95
    assert abs(ranks["inert"]) < 0.5
    lowest = next(row for row in response["doses"] if row["compound"] == "wortmannin" and row["dose"] == 1)
    assert (lowest["n_wells"], lowest["mean"] < 0.2) == (4, True)
    assert said(binary, "rises with the dose for 1 of 2 compounds")


def test_pooled_folds_are_explained(binary: Evaluation) -> None:
    values = [fold["well"]["roc_auc_macro"]["value"] for fold in binary.metrics["folds"]]
    mean = binary.metrics["fold_mean"]["well"]["roc_auc_macro"]
    assert mean["value"] == pytest.approx(np.mean(values))
    assert (mean["low"], mean["high"]) == (min(values), max(values))
    assert said(binary, "Test pools 3 models' rows")


def test_again_gives_the_same_bytes(skilled: Evaluation) -> None:
    path = skilled.path / "metrics.json"
    before = path.read_bytes()
    evaluate_run(skilled.path, draws=DRAWS)
    assert path.read_bytes() == before


def test_the_rows_order_does_not_matter(binary: Evaluation, tmp_path: Path) -> None:
    table = pd.read_parquet(binary.path / "predictions.parquet")
    table.sample(frac=1, random_state=1).to_parquet(tmp_path / "predictions.parquet", index=False)
    for name in ("config.json", "history.jsonl"):
        (tmp_path / name).write_bytes((binary.path / name).read_bytes())
    assert evaluate_run(tmp_path, draws=DRAWS).metrics == binary.metrics


def test_predictions_alone_are_enough(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", Layout(folds=1))
    for name in ("config.json", "history.jsonl"):
        (run / name).unlink()
    table = pd.read_parquet(run / "predictions.parquet")
    optional = [name for name in table if name.startswith(("Quality_", "logit_")) or "Compound" in name]
    table.drop(columns=[*optional, "Metadata_Role"]).to_parquet(run / "predictions.parquet", index=False)
    evaluation = evaluate_run(run, draws=10)
    assert evaluation.metrics["test"]["compound"]["roc_auc_macro"] == {"value": None, "low": None, "high": None}
    assert evaluation.metrics["baselines"]["intensity"]["site"]["top1_accuracy"]["value"] is None
    assert said(evaluation, "The intensity baseline is missing")
    assert evaluation.metrics["dose_response"] is None


def test_a_split_by_image_is_called_leaky(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", Layout(folds=1, split_by="image"))
    assert said(evaluate_run(run, draws=10), "The split is by image")


def test_test_rows_of_one_class_have_no_area_and_it_is_said(tmp_path: Path) -> None:
    evaluation = evaluate(tmp_path / "run", Layout(n_classes=3, folds=1, untested=(1, 2)))
    assert evaluation.metrics["test"]["well"]["roc_auc_macro"]["value"] is None
    assert said(evaluation, "no ROC area exists")


def test_a_sigmoid_heads_probabilities_need_not_sum_to_one(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", Layout(folds=1))
    table = pd.read_parquet(run / "predictions.parquet")
    columns = [name for name in table if name.startswith("probability_")]
    table[columns] *= 0.4
    table.to_parquet(run / "predictions.parquet", index=False)
    found = evaluate_run(run, draws=10).metrics["test"]["site"]
    assert found["binary_accuracy"]["value"] == pytest.approx(3 / 4)  # no output is ever switched on
    assert found["roc_auc_macro"]["value"] > 0.9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table[table["part"] != "test"], "no rows of part 'test'"),
        (lambda table: table.drop(columns="probability_control"), "lacks the column 'probability_control'"),
        (lambda table: table.assign(truth="unheard"), "the truth 'unheard'"),
        (lambda table: table.assign(probability_control=np.nan), "not numbers: the training diverged"),
    ],
)
def test_predictions_that_cannot_be_evaluated(tmp_path: Path, change, words: str) -> None:
    run = make_run(tmp_path / "run", Layout(folds=1))
    change(pd.read_parquet(run / "predictions.parquet")).to_parquet(run / "predictions.parquet", index=False)
    with pytest.raises(RunError, match=words):
        evaluate_run(run)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no predictions\.parquet"):
        evaluate_run(tmp_path)
    make_run(tmp_path, Layout(folds=1))
    (tmp_path / "history.jsonl").write_text("{}\n{")
    with pytest.raises(RunError, match=r"history\.jsonl, line 2"):
        evaluate_run(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(RunError, match="wanted an object"):
        evaluate_run(tmp_path)


def test_control_wells_are_not_counted_as_compounds_without_a_word(tmp_path: Path) -> None:
    """Of eight test units of a small plate three were compounds, and five control wells."""
    layout = Layout(n_classes=3, n_plates=1, split_by="compound", folds=1, compounds_per_class=2, control_share=0.2)
    evaluation = evaluate(tmp_path / "run", layout)
    about = evaluation.metrics["about"]
    assert about["compounds"] < about["n_clusters"] < 10
    assert said(evaluation, f"The test part holds {about['n_clusters']} compounds (controls by well) only")


def test_classes_of_one_compound_in_test_are_said(tmp_path: Path) -> None:
    """A bootstrap draws that compound or none: the interval knows nothing of the class's other compounds."""
    single = evaluate(tmp_path / "single", Layout(n_classes=6, split_by="compound", folds=1))
    assert said(single, "5 of 6 tested classes have one compound in test", "--folds tests each of them")
    assert not said(evaluate(tmp_path / "folds", Layout(n_classes=6, split_by="compound", folds=3)), "in no interval")


@pytest.mark.parametrize("by", ["compound", "well"])
def test_without_settings_the_split_is_found_from_its_parts(tmp_path: Path, by: str) -> None:
    """Else a split by compound would be called one by well, and its intervals be drawn over wells."""
    run = make_run(tmp_path, Layout(n_classes=3, n_plates=1, split_by=by, folds=2))
    (run / "config.json").unlink()
    assert read_run(run).split_by == by


def test_a_damaged_table_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "predictions.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match=r"predictions\.parquet cannot be read"):
        read_run(tmp_path)
