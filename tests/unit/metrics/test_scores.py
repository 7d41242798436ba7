"""Scores against scikit-learn, against hand-computed values, and against the figures of the thesis' traps."""

import numpy as np
import pytest
from sklearn import metrics as sk

from kinfast.metrics.decisions import class_rates, confusion_matrix, decide
from kinfast.metrics.ranking import class_areas, class_precisions, rank_scores, spearman
from kinfast.metrics.scores import METRICS, mean_defined, score

ROUNDING = 1e-12
"""Sums of at most some thousand doubles near one: n x 2.2e-16, with room."""


def sample(n_rows: int, n_classes: int, seed: int, decimals: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n_rows - n_classes)])
    probabilities = rng.dirichlet(np.ones(n_classes), n_rows)
    probabilities[np.arange(n_rows), codes] += 0.1
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities if decimals is None else probabilities.round(decimals), codes


@pytest.mark.parametrize(("n_classes", "decimals"), [(3, None), (7, None), (7, 1), (40, None), (40, 2)])
def test_scores_of_many_classes_are_scikit_learns(n_classes: int, decimals: int | None) -> None:
    probabilities, codes = sample(400, n_classes, n_classes, decimals)
    truth, predicted = np.eye(n_classes)[codes], probabilities.argmax(axis=1)
    expected = {
        "roc_auc_micro": sk.roc_auc_score(truth, probabilities, average="micro"),
        "roc_auc_macro": sk.roc_auc_score(truth, probabilities, average="macro"),
        "average_precision_macro": sk.average_precision_score(truth, probabilities, average="macro"),
        "top1_accuracy": sk.accuracy_score(codes, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(codes, predicted),
        "f1_macro": sk.f1_score(codes, predicted, average="macro"),
        "binary_accuracy": ((probabilities > 0.5) == truth).mean(),
    }
    found = score(probabilities, codes)
    assert found.keys() == set(METRICS)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=ROUNDING), name
    if decimals is None and n_classes > 5:  # among ties scikit-learn lets the later class win, we the earlier
        assert found["top5_accuracy"] == sk.top_k_accuracy_score(codes, probabilities, k=5, labels=range(n_classes))


@pytest.mark.parametrize("decimals", [None, 1])
def test_scores_of_two_classes_are_scikit_learns_of_the_second(decimals: int | None) -> None:
    probabilities, codes = sample(300, 2, 5, decimals)
    found = score(probabilities, codes)
    area = sk.roc_auc_score(codes, probabilities[:, 1])
    assert found["roc_auc_macro"] == found["roc_auc_micro"] == pytest.approx(area, abs=ROUNDING)
    assert found["average_precision_macro"] == pytest.approx(
        sk.average_precision_score(codes, probabilities[:, 1]), abs=ROUNDING
    )
    assert np.isnan(found["top5_accuracy"])


def test_a_class_without_members_is_left_out_of_macro_scores_and_said() -> None:
    probabilities, codes = sample(200, 6, 1)
    kept = codes != 4
    areas = class_areas(rank_scores(probabilities[kept]), codes[kept])
    precisions = class_precisions(rank_scores(probabilities[kept]), codes[kept])
    assert np.isnan(areas[4])
    assert np.isnan(precisions[4])
    present = [0, 1, 2, 3, 5]
    truth = np.eye(6)[codes[kept]][:, present]
    expected = sk.roc_auc_score(truth, probabilities[kept][:, present], average="macro")
    assert score(probabilities[kept], codes[kept])["roc_auc_macro"] == pytest.approx(expected, abs=ROUNDING)


def test_rows_of_one_class_have_no_area() -> None:
    found = score(np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, 1]))
    assert np.isnan(found["roc_auc_macro"])
    assert found["top1_accuracy"] == 0.5
    assert found["average_precision_macro"] == 1.0


def test_scores_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2]])
    codes = np.array([0, 1, 2, 2])
    found = score(probabilities, codes)
    # class 0: its one member leads all three others; class 1 too; class 2: (0.8, 0.2) lead (0, 0)
    assert found["roc_auc_macro"] == 1.0
    assert found["top1_accuracy"] == 0.5
    assert found["balanced_accuracy"] == pytest.approx((1 + 0 + 0.5) / 3)
    # F1: class 0 has 1 hit of 3 given and 1 true, class 1 none, class 2 one hit of 1 given and 2 true
    assert found["f1_macro"] == pytest.approx((2 / 4 + 0 + 2 / 3) / 3)
    # outputs above one half: right in rows 1 and 3; row 2 has two wrong; row 4 lacks its own
    assert found["binary_accuracy"] == pytest.approx((3 + 1 + 3 + 2) / 12)


def test_ties_go_to_the_earlier_class_as_in_argmax() -> None:
    decisions = decide(np.array([[0.4, 0.4, 0.2]]))
    assert decisions.predicted.tolist() == [0]
    assert decisions.places.tolist() == [[0, 1, 2]]


def constant_prior(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes = np.repeat(np.arange(counts.size), counts)
    return np.tile(counts / counts.sum(), (codes.size, 1)), codes


def family_sizes(exponent: float, n_rows: int) -> np.ndarray:
    """Give a tenth to the control and the rest to 112 families by Zipf's law; exponent 0 makes them equal."""
    weights = 1 / np.arange(1, 113) ** exponent
    families = np.round(0.9 * n_rows * weights / weights.sum()).astype(int)
    return np.array([n_rows // 10, *np.maximum(1, families)])


@pytest.mark.parametrize(("exponent", "micro"), [(0.0, 0.546), (1.0, 0.831), (1.2, 0.883)])
def test_a_predictor_that_knows_the_class_sizes_only(exponent: float, micro: float) -> None:
    found = score(*constant_prior(family_sizes(exponent, 11_200)))
    assert found["roc_auc_macro"] == 0.5
    assert found["binary_accuracy"] == pytest.approx(112 / 113, abs=ROUNDING)
    # three decimals are given, and sizes are rounded to whole rows, at most half a row of 11,200 in each class
    assert found["roc_auc_micro"] == pytest.approx(micro, abs=1e-3)


def test_rates_of_a_confusion_matrix_by_hand() -> None:
    confusion = confusion_matrix(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1]), 3)
    assert confusion.tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 0]]
    rates = class_rates(confusion)
    np.testing.assert_allclose(rates.sensitivity, [2 / 3, 1, np.nan])
    np.testing.assert_allclose(rates.false_positive_rate, [0, 1 / 3, 0])
    np.testing.assert_allclose(rates.precision, [1, 2 / 3, np.nan])


def test_spearman() -> None:
    assert spearman(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0])) == pytest.approx(1.0)
    # ranks 1 2 3 4 against 2 1 4 3: 1 - 6 x 4 / (4 x 15)
    assert spearman(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 4.0, 3.0])) == pytest.approx(0.6)
    assert np.isnan(spearman(np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0])))
    assert np.isnan(spearman(np.array([1.0, 2.0]), np.array([1.0, 2.0])))


def test_the_mean_of_nothing_is_undefined() -> None:
    assert np.isnan(mean_defined(np.array([np.nan])))
    assert mean_defined(np.array([np.nan, 2.0, 4.0])) == 3.0
