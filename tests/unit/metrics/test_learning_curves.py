"""Curves whose end is known: flat, still falling, rising in validation."""

import numpy as np
import pytest

from kinfast.metrics.learning_curves import STILL_FALLING, curve_noise, find_overfitting, late_fall

EPOCHS = np.arange(40)


def test_noise_is_measured_beside_a_trend() -> None:
    rng = np.random.default_rng(0)
    # the median of 398 second differences has a relative error near 5 %; four of them
    assert curve_noise(np.linspace(5, 0, 400) + rng.normal(0, 0.1, 400)) == pytest.approx(0.1, rel=0.25)


def test_a_loss_that_falls_evenly_is_not_flat() -> None:
    rng = np.random.default_rng(1)
    share = late_fall(2 - 0.01 * EPOCHS + rng.normal(0, 0.003, 40))
    assert share is not None
    assert share == pytest.approx(7 / 39, abs=0.06)  # the last 8 epochs of 40 have 7 steps of 39
    assert share > STILL_FALLING


def test_a_loss_that_has_levelled_off_is_flat() -> None:
    rng = np.random.default_rng(2)
    share = late_fall(0.3 + 2 * np.exp(-EPOCHS / 4) + rng.normal(0, 0.01, 40))
    assert share is not None
    assert share <= STILL_FALLING
    assert late_fall(np.array([3.0, 2.0, 1.0])) is None


def test_overfitting_and_the_epoch_from_which() -> None:
    rng = np.random.default_rng(3)
    train = 2 * np.exp(-EPOCHS / 8) + rng.normal(0, 0.005, 40)
    validation = 1 + 0.001 * (EPOCHS - 12.0) ** 2 + rng.normal(0, 0.005, 40)
    found = find_overfitting(train, validation)
    assert found is not None
    assert abs(found.epoch - 13) <= 4  # within the noise of the parabola's bottom: 0.001 x 4² is 3 deviations
    assert find_overfitting(train, 1 + 2 * np.exp(-EPOCHS / 8) + rng.normal(0, 0.005, 40)) is None
    rising = 1 + 0.02 * EPOCHS
    assert find_overfitting(rising, rising) is None  # training does not fall: that is divergence
