"""The boosted baselines find what is there, and do not need what is not."""

import numpy as np
import pytest

from kinfast.metrics.baselines import boosted_probabilities, prior_probabilities
from kinfast.metrics.scores import score


def test_the_prior_is_the_training_frequencies() -> None:
    found = prior_probabilities(np.array([0, 0, 0, 2]), 3, 2)
    assert found.tolist() == [[0.75, 0.0, 0.25], [0.75, 0.0, 0.25]]


def test_boosting_finds_a_measure_that_separates_a_dozen_wells() -> None:
    """BBBC013 has 24 control wells: leaves of scikit-learn's default twenty rows could not split 18 of them."""
    rng = np.random.default_rng(0)
    codes = np.arange(16) % 2
    train = np.column_stack([rng.normal(size=16), codes + 0.1 * rng.normal(size=16)])
    found = boosted_probabilities(train, codes, np.array([[0.0, 0.0], [0.0, 1.0]]), 2, 0)
    assert found[0, 0] > 0.8
    assert found[1, 1] > 0.8
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_class_that_training_lacks_gets_no_probability() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 2], 20)
    found = boosted_probabilities(rng.normal(size=(40, 2)), codes, rng.normal(size=(5, 2)), 4, 0)
    assert found.shape == (5, 4)
    assert (found[:, [1, 3]] == 0).all()


@pytest.mark.parametrize("train", [np.zeros((4, 0)), np.ones((4, 2))])
def test_without_measures_or_with_one_class_it_falls_back_to_the_prior(train: np.ndarray) -> None:
    codes = np.array([1, 1, 1, 1]) if train.shape[1] else np.array([0, 1, 1, 1])
    found = boosted_probabilities(train, codes, train[:2], 2, 0)
    assert found.tolist() == prior_probabilities(codes, 2, 2).tolist()


def test_missing_measures_and_plate_codes_are_understood() -> None:
    rng = np.random.default_rng(0)
    plates = rng.integers(0, 6, 200).astype(float)
    codes = (plates % 2).astype(np.int64)
    train = np.column_stack([plates, np.where(rng.random(200) < 0.5, np.nan, 1.0)])
    found = boosted_probabilities(train, codes, train, 2, 0, np.array([True, False]))
    assert score(found, codes)["roc_auc_macro"] == 1.0


def test_the_same_seed_gives_the_same_probabilities() -> None:
    rng = np.random.default_rng(0)
    train, codes = rng.normal(size=(300, 6)), rng.integers(0, 12, 300)
    first, second = (boosted_probabilities(train, codes, train, 12, 4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
