"""A run of several labels a site is judged as fully as one of one class a site, by what is known alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.conformal import Look, outside
from crepes import ConformalClassifier
from sklearn.metrics import roc_auc_score
from tests.unit.evaluate.label_run import LABELS, label_run

from kinfast import config
from kinfast.evaluate.baselines import predict_boosted, predict_prior, quality_measures
from kinfast.evaluate.breakdown import scores_by_plate
from kinfast.evaluate.conformal import UnitRows, coverage_rows, read_folds
from kinfast.evaluate.run import Evaluation, evaluate_run
from kinfast.evaluate.run_folder import read_run
from kinfast.evaluate.scoring import draw_clusters, permute_level, score_level
from kinfast.evaluate.several_labels import about_labels, label_verdicts, measure_soft
from kinfast.evaluate.test_part import read_test
from kinfast.evaluate.traps import measure_log_loss
from kinfast.metrics.conformal import class_categories, p_values
from kinfast.report.run import write_report
from kinfast.report.several_labels import soft_tables

DRAWS = 40
SEEDS = 12
TABLES = {
    "summary", "folds", "top5", "bottom5", "classes_site", "classes_well", "classes_compound", "parts", "activity",
    "activity_doses", "conformal_coverage", "conformal_absence", "reliability", "next_compounds", "per_class",
    "operating_points", "class_spread", "by_plate", "per_compound",
}  # fmt: skip
FIGURES = {"standing", "history", "roc", "class_areas", "reliability", "activity"}


@pytest.fixture(scope="module")
def skilled(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    run = label_run(tmp_path_factory.mktemp("runs") / "targets", folds=2)
    found = evaluate_run(run, draws=DRAWS)
    write_report(run)
    return found


def holds(evaluation: Evaluation, name: str) -> bool:
    (found,) = [verdict for verdict in evaluation.metrics["verdicts"] if verdict["name"] == name]
    return bool(found["holds"])


def test_every_baseline_fold_table_and_verdict_is_there(skilled: Evaluation) -> None:
    metrics = skilled.metrics
    for level in ("site", "well", "compound"):
        for baseline in ("prior", "permuted", "intensity", "position"):
            assert metrics["baselines"][baseline][level]["roc_auc_macro"]["value"] is not None
        assert [row["class"] for row in metrics["per_class"][level]] == list(LABELS)
    assert len(metrics["folds"]) == metrics["about"]["n_folds"] == 2
    assert metrics["about"]["clusters"] == "compounds"
    for name in ("better_than_chance", "better_than_prior", "better_than_intensity", "sets_cover"):
        assert holds(skilled, name)
    assert {path.stem for path in (skilled.path / "tables").iterdir()} == TABLES
    assert {path.stem for path in (skilled.path / "figures").iterdir()} == FIGURES


def test_the_page_has_maps_card_and_summary(skilled: Evaluation) -> None:
    page = (skilled.path / "report.html").read_text(encoding="utf-8")
    for words in ("How far to trust this model", "4 labels, several a site", "Labels given", "Model card", "mTOR,PI3K"):
        assert words in page
    assert "any number of them a site" in page
    assert "Confusions" not in page


def test_a_label_is_scored_over_the_compounds_where_it_is_known(skilled: Evaluation) -> None:
    test = pd.read_parquet(skilled.path / "predictions.parquet").query("part == 'test'")
    unit = np.where(
        test["Metadata_Role"] == "trt", test["Metadata_Compound"], test["Metadata_Plate"] + test["Metadata_Well"]
    )
    means = test.groupby(unit)[["truth_EGFR", "probability_EGFR"]].mean().dropna()
    assert len(means) < len(np.unique(unit))  # some are not known
    row = next(row for row in skilled.metrics["per_class"]["compound"] if row["class"] == "EGFR")
    assert row["roc_auc"] == pytest.approx(roc_auc_score(means["truth_EGFR"] >= 0.5, means["probability_EGFR"]))
    point = next(
        row for row in skilled.metrics["operating_points"] if row["class"] == "EGFR" and row["rule"] == "stated"
    )
    members = means["truth_EGFR"] >= 0.5
    assert point["sensitivity"] == pytest.approx((means["probability_EGFR"][members] >= 0.5).mean())
    assert point["members"] + point["others"] == len(means)


def test_what_is_not_known_changes_nothing(skilled: Evaluation) -> None:
    run = read_run(skilled.path)
    test = read_test(run)
    assert test.truths is not None
    # a compound's label is known in all of its sites or in none
    other = replace(test, probabilities=np.where(np.isnan(test.truths), 1 - test.probabilities, test.probabilities))
    assert (other.probabilities != test.probabilities).any()
    for name in ("site", "well", "compound"):
        one, two = (part.level(name, "compound") for part in (test, other))
        assert one is not None
        assert two is not None
        scored = [score_level(one, part.probabilities, draw_clusters(one, 5, [0])).entries() for part in (test, other)]
        assert scored[0] == scored[1]
        prior = np.full(test.probabilities.shape, 0.3)
        loss = [measure_log_loss(one, part.probabilities, prior, draw_clusters(one, 5, [0])) for part in (test, other)]
        assert loss[0] == loss[1]
    assert scores_by_plate(run, test, 5) == scores_by_plate(run, other, 5)


def test_without_skill_chance_is_reached(tmp_path: Path) -> None:
    p_values_ = []
    for seed in range(4):
        test = read_test(read_run(label_run(tmp_path / str(seed), skill=0.0, folds=1, seed=seed)))
        level = test.level("compound", "compound")
        assert level is not None
        values = score_level(level, test.probabilities, draw_clusters(level, 2, [0])).values
        p_values_.append(permute_level(level, test.probabilities, values, 60, [seed])[1]["roc_auc_macro"])
    assert min(p for p in p_values_ if p is not None) > 0.05 / 4  # Bonferroni over the seeds


def test_a_planted_brightness_is_found_by_the_baseline_of_its_label(tmp_path: Path) -> None:
    run = read_run(label_run(tmp_path / "a", folds=1))
    bright = run.table.assign(
        Quality_mean_DNA=run.table["Quality_mean_DNA"] + 6 * np.nan_to_num(run.truths(run.table))[:, 1]
    )
    measures = quality_measures(bright)
    assert measures is not None
    test = read_test(run)
    assert test.truths is not None
    known = ~np.isnan(test.truths)
    said = predict_boosted(run, measures, per_well=False)
    areas = [roc_auc_score(test.truths[known[:, c], c], said[known[:, c], c]) for c in range(4)]
    assert areas[1] > 0.95
    assert max(areas[0], areas[2], areas[3]) < 0.85
    train = run.truths(run.part("train"))
    np.testing.assert_allclose(predict_prior(run)[0], np.nanmean(train, axis=0))


def test_a_labels_p_values_are_crepes_among_the_compounds_that_have_it(tmp_path: Path) -> None:
    run = read_run(label_run(tmp_path / "a", folds=1, n_compounds=100))
    (fold,) = read_folds(run)
    categories = class_categories(fold.validation.codes, len(LABELS), fewest=1)
    ours = p_values([fold.validation.calibration], [fold.test.probabilities], categories)
    rows = run.part("validation").query("Metadata_Role == 'trt'").groupby("Metadata_Compound")
    for code, name in enumerate(LABELS):
        means = rows[[f"truth_{name}", f"probability_{name}"]].mean()
        has = means.loc[means[f"truth_{name}"] >= 0.5, f"probability_{name}"].to_numpy(np.float64)
        by_hand = ConformalClassifier().fit(1 - has)
        wanted = by_hand.predict_p(1 - fold.test.probabilities[:, [code]], smoothing=False)[:, 0]
        np.testing.assert_allclose(ours[:, code], wanted, atol=1e-7)


def test_labels_of_unseen_compounds_are_covered_over_seeds(tmp_path: Path) -> None:
    found = []
    for seed in range(SEEDS):
        run = read_run(label_run(tmp_path / str(seed), folds=1, n_compounds=108, seed=seed, unknown=0.05))
        (fold,) = read_folds(run)
        assert fold.absence is not None
        for part in (fold, fold.absence):
            counts = np.bincount(part.validation.codes, minlength=len(LABELS))
            for row in coverage_rows([part], LABELS, several=True):
                code = LABELS.index(row["class"]) if row["class"] else -1
                if code >= 0 and counts[code] >= config.FEWEST_CALIBRATION:
                    covered = round(row["coverage"] * row["n"])
                    found.append(Look(row["level"], row["class"], covered, row["n"], int(counts[code])))
    assert len(found) > 100
    assert outside(found, 1 - 0.05 / len(found)) == []


def test_soft_truths_are_compared_with_the_mean_profile(tmp_path: Path) -> None:
    run = read_run(label_run(tmp_path / "a", folds=1, soft=True, skill=3.0))
    test = read_test(run)
    soft: dict[str, Any] = measure_soft(run, test, predict_prior(run))
    assert soft["compound"]["model"]["spearman"] > 0.3
    about = {"level": "compound", **about_labels(run, test)}
    (verdict, _) = label_verdicts({"about": about, "soft": soft})
    assert verdict.name == "better_than_mean_profile"
    assert verdict.holds == (soft["compound"]["model"]["rmse"] < soft["compound"]["prior"]["rmse"])
    (table,) = soft_tables({"soft": soft})
    assert table.raw["level"].tolist() == ["site", "site", "well", "well", "compound", "compound"]


def test_a_coverage_of_all_pairs_says_how_few_compounds_there_are(tmp_path: Path) -> None:
    """Two calibration compounds exclude nothing: all are covered, and a bootstrap has nothing to vary."""
    (fold,) = read_folds(read_run(label_run(tmp_path, folds=1)))
    known = fold.validation
    two = UnitRows(known.probabilities[:2], known.codes[:2], known.groups[:2], known.sites[:2])
    row = coverage_rows([replace(fold, validation=two)], LABELS, several=True)[0]
    assert row["coverage"] == row["high"] == 1.0
    assert row["low"] == pytest.approx(0.025 ** (1 / np.unique(fold.test.groups).size))
