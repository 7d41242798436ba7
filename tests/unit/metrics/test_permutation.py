"""Permuted truths: what is moved, what stays, and what chance gives."""

import numpy as np
import pytest

from kinfast.metrics.permutation import make_shuffler, null_scores, p_value


def test_a_group_keeps_one_label_and_labels_stay_in_their_fold() -> None:
    groups = np.repeat(np.arange(20), 3)
    strata = np.repeat([0, 1], 30)
    codes = np.repeat(np.where(np.arange(20) < 10, np.arange(20) % 2, 2), 3)
    shuffled = make_shuffler(codes, groups, strata).permute(np.random.default_rng(1))
    by_group = shuffled.reshape(20, 3)
    assert (by_group == by_group[:, :1]).all()
    assert np.bincount(by_group[:10, 0], minlength=3).tolist() == [5, 5, 0]
    assert (by_group[10:] == 2).all()
    assert (shuffled != codes).any()


def test_a_group_of_two_labels_is_two_groups() -> None:
    shuffler = make_shuffler(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64))
    assert shuffler.labels.size == 4
    assert sorted(shuffler.permute(np.random.default_rng(0)).tolist()) == [0, 0, 1, 1]


def test_chance_centres_on_what_knows_nothing() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(4), 30)
    probabilities = rng.dirichlet(np.ones(4), 120)
    probabilities[np.arange(120), codes] += 1.0
    shuffler = make_shuffler(codes, np.arange(120), np.zeros(120, dtype=np.int64))
    null = null_scores(probabilities, shuffler, 300, rng)
    # each permuted area scatters by about 0.03 around 0.5, the mean of 300 by 0.002
    assert null["roc_auc_macro"].mean() == pytest.approx(0.5, abs=0.01)
    assert p_value(1.0, null["roc_auc_macro"]) == pytest.approx(1 / 301)
    assert p_value(0.0, null["roc_auc_macro"]) == 1.0


def test_p_value_of_nothing_is_undefined() -> None:
    assert np.isnan(p_value(float("nan"), np.array([0.5])))
    assert np.isnan(p_value(0.5, np.array([np.nan])))


def test_equal_scores_count_as_reached_in_spite_of_rounding() -> None:
    assert p_value(0.5, np.array([0.5 - 1e-16, 0.4])) == pytest.approx(2 / 3)
