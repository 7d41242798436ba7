"""Temperatures and calibration errors that were planted are found."""

import numpy as np
import pytest

from kinfast.metrics.calibration import (
    entropy,
    error_draws,
    fit_temperature,
    measure_reliability,
    perfect_errors,
    scale_temperature,
)


def planted(n: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw truths from probabilities, then make the probabilities surer by a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 4))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (rng.random((n, 1)) > honest.cumsum(axis=1)).sum(axis=1)
    return scale_temperature(honest, 1 / temperature), codes


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_planted_temperature_is_found(temperature: float) -> None:
    """4000 rows: the likelihood's curvature gives a standard error near 3 % of it; four of them."""
    said, codes = planted(4000, temperature)
    assert fit_temperature(said, codes) == pytest.approx(temperature, rel=0.12)


def test_scaling_keeps_the_order_and_mends_the_error() -> None:
    said, codes = planted(4000, 3.0)
    scaled = scale_temperature(said, fit_temperature(*planted(4000, 3.0, seed=1)))
    assert (scaled.argmax(axis=1) == said.argmax(axis=1)).all()
    chance = np.quantile(perfect_errors(scaled, 200, np.random.default_rng(0)), 0.99)
    assert measure_reliability(scaled, codes).error < chance
    assert measure_reliability(said, codes).error > 4 * chance


def test_sigmoids_are_scaled_each_for_itself() -> None:
    said = np.array([[0.9, 0.8], [0.2, 0.1]])
    odds = scale_temperature(said, 2.0) / (1 - scale_temperature(said, 2.0))
    np.testing.assert_allclose(odds, (said / (1 - said)) ** 0.5, rtol=1e-9)


def test_the_error_is_the_mean_gap() -> None:
    said = np.tile([[0.9, 0.1]], (16, 1))
    codes = np.repeat([0, 1], 8)
    assert measure_reliability(said, codes).error == pytest.approx(0.4)


def test_the_interval_holds_the_value() -> None:
    said, codes = planted(60, 1.0)
    draws = error_draws(said, codes, np.arange(codes.size), 300, np.random.default_rng(0))
    assert np.quantile(draws, 0.025) < measure_reliability(said, codes).error < np.quantile(draws, 0.975)


def test_answers_on_one_unit_narrow_no_interval() -> None:
    """Nine equal answers a compound carry the information of one: taken as 540 the width falls by about three."""
    said, codes = planted(60, 1.0)
    said, codes, units = (np.repeat(one, 9, axis=0) for one in (said, codes, np.arange(60)))
    one, nine = (error_draws(said, codes, of, 200, np.random.default_rng(0)) for of in (units, np.arange(540)))
    assert np.ptp(np.quantile(one, [0.025, 0.975])) > 1.5 * np.ptp(np.quantile(nine, [0.025, 0.975]))


def test_entropy_is_a_share_of_the_largest() -> None:
    np.testing.assert_allclose(entropy(np.array([[0.25] * 4, [1.0, 0, 0, 0]])), [1.0, 0.0], atol=1e-9)
