"""Odd sites are marked, ordinary ones no more often than stated, whatever their numbers a unit."""

import numpy as np

from kinfast.metrics.oddness import References, energy, fit_distance, odd_p_values, robust_z


def sites(rng: np.random.Generator, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores with more variance between units than within; units of one to nine sites."""
    sizes = rng.integers(1, 10, units)
    unit = np.repeat(np.arange(units), sizes)
    return rng.normal(size=units)[unit] + 0.3 * rng.normal(size=len(unit)), unit


def test_the_false_rate_is_held_for_a_site_of_a_new_unit() -> None:
    """4000 draws of 40 known units and a site of a new one, at 10 %: standard error 0.5 %, three of them."""
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(4000):
        known, unit = sites(rng, 40)
        asked = rng.normal(size=1) + 0.3 * rng.normal(size=1)
        wrong += odd_p_values([References(known, unit)], [asked])[0] <= 0.1
    assert wrong / 4000 < 0.1 + 3 * np.sqrt(0.1 * 0.9 / 4000)
    assert wrong / 4000 > 0.05  # and it is no empty promise


def test_a_unit_counts_once_whatever_its_sites() -> None:
    references = References(np.array([5.0] * 8 + [1.0, 1.0]), np.array([0] * 8 + [1, 2]))
    values = odd_p_values([references], [np.array([6.0, 5.0, 1.0])])
    np.testing.assert_allclose(values, [1 / 4, 2 / 4, 4 / 4])


def test_the_distance_sees_what_no_single_measure_shows() -> None:
    rng = np.random.default_rng(1)
    known = rng.normal(size=(400, 1)) + 0.1 * rng.normal(size=(400, 2))
    distance = fit_distance(known)
    assert distance(np.array([[1.5, -1.5]]))[0] > distance(known).max()


def test_z_scores_are_within_plates_and_missing_is_ordinary() -> None:
    values = np.array([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0], [100.0, 1.0], [200.0, np.nan], [300.0, 3.0]])
    z = robust_z(values, np.array([0, 0, 0, 1, 1, 1]))
    np.testing.assert_allclose(z[:3, 0], z[3:, 0])
    assert (z[:3, 1] == 0).all()
    assert z[4, 1] == 0


def test_energy_is_high_where_nothing_is_spoken_for() -> None:
    values = energy(np.array([[9.0, 0.0], [0.0, 0.0], [900.0, 0.0]]))
    np.testing.assert_allclose(values, [-9.0, -np.log(2), -900.0], atol=2e-4)
