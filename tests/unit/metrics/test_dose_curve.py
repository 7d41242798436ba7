"""A planted EC50 is found, its interval holds it, and noise has none."""

import numpy as np
import pytest

from kinfast.metrics.dose_curve import curve, fit_dose_curve

DOSES = np.repeat(np.arange(1.0, 10.0), 4)


def wells(seed: int, ec50: float = 5.0, noise: float = 0.08, top: float = 0.9) -> np.ndarray:
    response = curve((DOSES - 1) / 8, (ec50 - 1) / 8, 14.0, 0.1, top)
    return np.clip(response + np.random.default_rng(seed).normal(0, noise, DOSES.size), 0, 1)


def test_without_noise_the_curve_is_the_planted_one() -> None:
    found = fit_dose_curve(DOSES, wells(0, noise=0.0), 99, 0.95, np.random.default_rng(0))
    assert (found.ec50, found.bottom, found.top) == pytest.approx((5.0, 0.1, 0.9), abs=0.01)
    assert found.slope == pytest.approx(14.0, rel=0.05)
    assert found.low <= found.ec50 <= found.high


def test_the_interval_holds_the_planted_ec50() -> None:
    """40 seeds: with four wells a dose a bootstrap of 95 % holds nearer 90, when 29 or fewer have a chance of 0.2 %."""
    inside = 0
    for seed in range(40):
        found = fit_dose_curve(DOSES, wells(seed), 100, 0.95, np.random.default_rng(seed))
        inside += found.low <= 5.0 <= found.high
    assert inside >= 29


def test_noise_has_no_ec50_more_often_than_stated() -> None:
    """40 seeds at 5 %: 8 or more has a chance below 0.2 %."""
    called = 0
    for seed in range(40):
        y = np.random.default_rng(seed).uniform(0.1, 0.5, DOSES.size)
        called += fit_dose_curve(DOSES, y, 99, 0.95, np.random.default_rng(seed)).p_value <= 0.05
    assert called < 8


def test_few_doses_have_no_curve() -> None:
    found = fit_dose_curve(DOSES[:16], wells(0)[:16], 99, 0.95, np.random.default_rng(0))
    assert np.isnan([found.ec50, found.p_value]).all()


def test_one_well_a_dose_has_an_ec50_without_an_interval() -> None:
    """Drawn with replacement it would be the same well every time: an interval without width."""
    found = fit_dose_curve(DOSES[::4], wells(0, noise=0.02)[::4], 199, 0.95, np.random.default_rng(0))
    assert found.ec50 == pytest.approx(5.0, abs=0.5)
    assert np.isnan([found.low, found.high]).all()
