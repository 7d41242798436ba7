"""Prediction sets cover compounds never seen as often as they say, and are those that crepes gives."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.conformal import looks_of, outside
from crepes import ConformalClassifier
from scipy.stats import betabinom
from tests.unit.evaluate.compound_run import CLASSES, compound_run

from kinfast import config
from kinfast.evaluate.conformal import (
    COVERAGE_COLUMNS,
    FoldUnits,
    UnitRows,
    average_units,
    count_units,
    coverage_rows,
    read_folds,
    spell_empty,
)
from kinfast.metrics.conformal import Calibration, class_categories, p_values, prediction_sets
from kinfast.metrics.coverage import beta_binomial, coverage_interval, covered_by_rank

SEEDS = 20


def test_coverage_of_unseen_compounds_over_20_seeds() -> None:
    found = [
        case for seed in range(SEEDS) for fold in read_folds(compound_run(seed)) for case in looks_of(fold, CLASSES)
    ]
    looks = len(found)
    assert looks > SEEDS * len(config.CONFORMAL_LEVELS) * 2  # marginal and at least two classes
    assert outside(found, 1 - 0.05 / looks) == []


def test_calibration_on_trained_compounds_is_caught() -> None:
    """The same check fails where the units that calibrate were trained on: it can fail."""
    found = []
    for seed in range(SEEDS):
        run = compound_run(seed)
        run.table["part"] = run.table["part"].replace({"train": "validation", "validation": "train"})
        found += [case for fold in read_folds(run) for case in looks_of(fold, CLASSES)]
    assert len(outside(found, 1 - 0.05 / len(found))) > SEEDS


def test_sets_are_those_of_crepes_called_by_hand() -> None:
    (fold,) = read_folds(compound_run(0, controls=20))
    calibration, asked = fold.validation, fold.test.probabilities
    alphas = 1 - calibration.probabilities[np.arange(len(calibration.codes)), calibration.codes]
    marginal = p_values([calibration.calibration], [asked], np.zeros(3, np.int64))
    by_hand = ConformalClassifier().fit(alphas)
    own = p_values([calibration.calibration], [asked], np.arange(3))
    mondrian = ConformalClassifier().fit(alphas, bins=calibration.codes)
    for level in config.CONFORMAL_LEVELS:
        expected = by_hand.predict_set(1 - asked, confidence=level, smoothing=False)
        np.testing.assert_array_equal(prediction_sets(marginal, level), expected.astype(bool))
        for code in range(3):
            bins = np.full(len(asked), code)
            expected = mondrian.predict_set(1 - asked, bins=bins, confidence=level, smoothing=False)[:, code]
            np.testing.assert_array_equal(prediction_sets(own, level)[:, code], expected.astype(bool))


def test_several_models_p_values_add_up_their_ranks() -> None:
    folds = read_folds(compound_run(1, folds=4))
    said = [fold.test.probabilities[:5] for fold in folds]
    together = p_values([fold.test.calibration for fold in folds], said, np.zeros(3, np.int64))
    stranger, references = np.zeros((5, 3)), 0
    for fold, asked in zip(folds, said, strict=True):
        alphas = fold.test.calibration.scores
        stranger += (alphas[:, None, None] >= 1 - asked).sum(axis=0)
        references += len(alphas)
    np.testing.assert_allclose(together, (stranger + 1) / (references + 1), rtol=1e-12)


def test_a_class_without_references_cannot_be_excluded() -> None:
    (fold,) = read_folds(compound_run(0))
    known = fold.validation.codes < 2
    calibration = Calibration(fold.validation.probabilities[known], fold.validation.codes[known])
    values = p_values([calibration], [fold.test.probabilities], np.arange(3))
    assert (values[:, :2] < 1).any()
    assert (values[:, 2] == 1).all()


def test_small_classes_share_one_category() -> None:
    codes = np.repeat([0, 1, 2, 3], [12, 10, 9, 3])
    assert class_categories(codes, 5).tolist() == [0, 1, 5, 5, 5]


def test_a_compound_is_one_unit_and_each_control_well_another() -> None:
    run = compound_run(3, controls=20)
    (fold,) = read_folds(run)
    test = run.table[run.table["part"] == "test"]
    treated = test[test["Metadata_Role"] == "trt"]
    wells = test[test["Metadata_Role"] == "negcon"]["Metadata_Well"].nunique()
    assert len(fold.test.codes) == treated["Metadata_Compound"].nunique() + wells
    assert fold.test.sites.sum() == len(test)
    assert not set(fold.test.groups) & set(fold.validation.groups)


def test_units_are_means_of_their_sites() -> None:
    said = np.array([[0.2, 0.8], [0.4, 0.6], [1.0, 0.0]])
    units = average_units(said, np.array([1, 1, 0]), np.array([7, 7, 3]))
    np.testing.assert_allclose(units.probabilities, [[1.0, 0.0], [0.3, 0.7]])
    assert (units.codes.tolist(), units.sites.tolist()) == ([0, 1], [1, 2])


def test_the_table_has_the_contracted_columns() -> None:
    rows = coverage_rows(read_folds(compound_run(0)), CLASSES)
    assert {tuple(row) for row in rows} == {(*COVERAGE_COLUMNS, "empty_share")}
    assert [row["level"] for row in rows if row["class"] == ""] == [0.8, 0.9, 0.95]
    assert all(row["low"] <= row["coverage"] <= row["high"] for row in rows)
    sizes = [row["mean_set_size"] for row in rows if row["class"] == ""]
    assert sizes == sorted(sizes)


def test_sets_of_units_like_no_class_are_counted_as_empty() -> None:
    codes = np.repeat(np.array([0, 1]), 20)
    ordinary = np.where(codes[:, None] == np.arange(2), 0.9, 0.1)
    strange = np.full((4, 2), 0.01)  # of sigmoids, which need not add up to one: below all 20 of either class
    validation = UnitRows(ordinary, codes, np.arange(40), np.ones(40, np.int64))
    tested, truth = np.concatenate([ordinary[10:26], strange]), np.concatenate([codes[10:26], [0, 0, 1, 1]])
    rows = coverage_rows(
        [FoldUnits(0, validation, UnitRows(tested, truth, np.arange(20), np.ones(20, int)))], ("a", "b")
    )
    marginal = next(row for row in rows if (row["level"], row["class"]) == (0.9, ""))
    assert (marginal["mean_set_size"], marginal["empty_share"], marginal["coverage"]) == (0.8, 0.2, 0.8)
    of_class = {row["class"]: row["empty_share"] for row in rows if row["level"] == 0.9 and row["class"]}
    assert of_class == pytest.approx({"a": 2 / 12, "b": 2 / 8})
    assert spell_empty(0.2, "classes") == ", and 20% of the sets are empty (unlike all classes)"
    assert spell_empty(0.004, "labels") == ", and under 1% of the sets are empty (unlike all labels)"
    assert spell_empty(0.0, "classes") == ""


def test_the_beta_binomial_is_scipys() -> None:
    np.testing.assert_allclose(beta_binomial(17, 9.5, 1.5), betabinom(17, 9.5, 1.5).pmf(np.arange(18)), rtol=1e-9)
    assert covered_by_rank(5, 3, 0.9).tolist() == [0, 0, 0, 0, 0, 1]  # three units can exclude nothing at 90 %


@pytest.mark.parametrize("covered", [0, 7, 18, 20])
def test_the_interval_inverts_the_distribution(covered: int) -> None:
    """A level lies in the interval exactly where the count lies in the level's own middle 95 %."""
    low, high = coverage_interval(covered, [(20, 30)], 0.95)
    for level in np.linspace(0.02, 0.98, 49):
        chances = betabinom(20, level * 31, (1 - level) * 31).pmf(np.arange(21))
        inside = min(chances[: covered + 1].sum(), chances[covered:].sum()) >= 0.025
        assert inside == (low <= level <= high)


def test_compounds_tested_twice_count_once() -> None:
    """Two repetitions that say the same of the same compounds: no more compounds, and no narrower an interval."""
    folds = read_folds(compound_run(4, folds=4))
    twice = [*folds, *(replace(fold, fold=fold.fold + 4) for fold in folds)]
    assert count_units([fold.test for fold in twice]) == count_units([fold.test for fold in folds]) == 120
    for one, two in zip(coverage_rows(folds, CLASSES), coverage_rows(twice, CLASSES), strict=True):
        assert (two["coverage"], two["low"], two["high"]) == pytest.approx((one["coverage"], one["low"], one["high"]))
