"""Scores of several labels, some not known, against scikit-learn label by label."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from kinfast.metrics.bootstrap import draw_multiplicities
from kinfast.metrics.labels import macro_area, score_labels, soft_errors


def some_rows(seed: int = 0, n: int = 60, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truths = (rng.random((n, k)) < 0.3).astype(float)
    said = np.round(np.clip(truths * 0.3 + rng.random((n, k)) * 0.7, 0, 1), 2)
    truths[rng.random((n, k)) < 0.2] = np.nan
    return truths, said


def test_each_label_and_the_mean_are_scikit_learns() -> None:
    truths, said = some_rows()
    clusters = np.arange(len(truths)) // 3
    scores = score_labels(truths, said, clusters, draw_multiplicities(20, 50, np.random.default_rng(1)))
    areas = []
    for label in range(truths.shape[1]):
        known = ~np.isnan(truths[:, label])
        area = roc_auc_score(truths[known, label], said[known, label])
        precision = average_precision_score(truths[known, label], said[known, label])
        assert scores.labels[label]["roc_auc_macro"] == pytest.approx(area)
        assert scores.labels[label]["average_precision_macro"] == pytest.approx(precision)
        areas.append(area)
    known = ~np.isnan(truths)
    assert scores.values["roc_auc_macro"] == pytest.approx(np.mean(areas))
    assert macro_area(truths, said) == pytest.approx(np.mean(areas))
    assert scores.values["roc_auc_micro"] == pytest.approx(roc_auc_score(truths[known], said[known]))
    assert scores.values["binary_accuracy"] == pytest.approx(((said > 0.5) == (truths > 0.5))[known].mean())
    assert np.isnan(scores.values["top1_accuracy"])
    assert scores.draws["roc_auc_macro"].std() > 0


def test_what_is_not_known_counts_neither_way() -> None:
    truths, said = some_rows()
    other = said.copy()
    other[np.isnan(truths)] = 1.0 - other[np.isnan(truths)]
    clusters, drawn = np.arange(len(truths)), draw_multiplicities(60, 10, np.random.default_rng(0))
    one, two = (score_labels(truths, values, clusters, drawn) for values in (said, other))
    np.testing.assert_equal(one.values, two.values)
    assert soft_errors(truths, said) == soft_errors(truths, other)


def test_a_label_without_members_is_undefined_and_not_in_the_mean() -> None:
    truths, said = some_rows()
    truths[:, 0] = np.where(np.isnan(truths[:, 0]), np.nan, 0.0)
    scores = score_labels(truths, said, np.arange(60), draw_multiplicities(60, 10, np.random.default_rng(0)))
    assert np.isnan(scores.labels[0]["roc_auc_macro"])
    assert scores.values["roc_auc_macro"] == pytest.approx(np.mean([one["roc_auc_macro"] for one in scores.labels[1:]]))


def test_soft_errors_by_hand() -> None:
    truths = np.array([[0.1, np.nan], [0.5, 0.2], [0.9, 0.4], [0.7, 0.9]])
    found = soft_errors(truths, np.where(np.isnan(truths), 0.0, truths) + np.array([[0.1, 0.9]] + [[0.1, 0.1]] * 3))
    assert found == {"mae": pytest.approx(0.1), "rmse": pytest.approx(0.1), "spearman": pytest.approx(1.0)}


def test_draws_of_one_of_each_cluster_are_the_scores_themselves() -> None:
    truths, said = some_rows()
    once = score_labels(truths, said, np.arange(60) // 3, np.ones((1, 20), np.int64))
    for name, value in once.values.items():
        np.testing.assert_allclose(once.draws[name], [value], rtol=1e-12, err_msg=name)


def test_a_label_that_a_draw_misses_keeps_its_value() -> None:
    truths, said = some_rows()
    truths[:, 3] = 0.0
    truths[:3, 3] = 1.0  # members in one cluster alone
    clusters = np.arange(60) // 3
    without = np.ones((1, 20), np.int64)
    without[0, 0] = 0
    scores = score_labels(truths, said, clusters, without)
    assert np.isnan(scores.areas[0, 3])
    means = [*scores.areas[0, :3], scores.labels[3]["roc_auc_macro"]]
    assert scores.draws["roc_auc_macro"][0] == pytest.approx(np.mean(means))
