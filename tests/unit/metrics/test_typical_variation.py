"""Normalising by a plate's negative controls: what they share goes, what a compound does stays."""

import numpy as np
import pytest

from kinfast.metrics.typical_variation import scarce_plates, standardise_by_controls, typical_variation


def planted(n: int = 400, features: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two plates with a mixing matrix and an offset each; half the rows controls, a shift of the others, in truth."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2 * n, features))
    control = np.tile(np.arange(n) % 2 == 0, 2)
    truth[~control, 0] += 3.0
    plates = np.repeat([0, 1], n)
    seen = np.empty_like(truth)
    for plate in (0, 1):
        mix = rng.normal(size=(features, features)) + 2 * np.eye(features)
        seen[plates == plate] = truth[plates == plate] @ mix + rng.normal(0, 20, features)
    return seen, plates, control, truth


def test_controls_are_white_on_every_plate_and_the_effect_keeps_its_size() -> None:
    seen, plates, control, _ = planted()
    white = typical_variation(seen, plates, control)
    for plate in (0, 1):
        mine = white[control & (plates == plate)]
        np.testing.assert_allclose(mine.mean(axis=0), 0, atol=1e-9)
        # shrinkage of a few percent bends the covariance by as much of its condition
        np.testing.assert_allclose(np.cov(mine.T), np.eye(5), atol=0.35)
        effect = white[~control & (plates == plate)].mean(axis=0)
        # Mahalanobis' distance does not know of the mixing: 3 in truth, each mean's standard error 1 / sqrt(200)
        assert np.linalg.norm(effect) == pytest.approx(3.0, abs=0.5)


def test_more_features_than_controls_equal_the_plain_inverse_root() -> None:
    from sklearn.covariance import ledoit_wolf

    rng = np.random.default_rng(1)
    values = rng.normal(size=(30, 40)) * rng.uniform(0.5, 2, 40) + 7
    control = np.arange(30) < 12
    centred = values - values[control].mean(axis=0)
    covariance, _ = ledoit_wolf(centred[control], assume_centered=True)
    roots, directions = np.linalg.eigh(covariance)
    plain = centred @ (directions / np.sqrt(roots)) @ directions.T
    np.testing.assert_allclose(typical_variation(values, np.zeros(30, np.int64), control), plain, rtol=1e-8, atol=1e-8)


def test_standardising_uses_controls_alone_and_survives_constant_features() -> None:
    seen, plates, control, _ = planted()
    seen = np.column_stack([seen, np.full(len(seen), 3.0), np.where(control, 1.0, np.arange(len(seen)))])
    scaled = standardise_by_controls(seen, plates, control)
    mine = scaled[control & (plates == 1)]
    np.testing.assert_allclose(mine[:, :5].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(mine[:, :5].std(axis=0), 1)
    assert np.isfinite(scaled).all()
    assert (scaled[:, 5] == 0).all()
    assert scaled[~control, 6].any()


def test_a_plate_without_controls_is_scaled_by_all_its_rows() -> None:
    seen, plates, control, _ = planted()
    control = control & (plates == 0)
    assert scarce_plates(plates, control).tolist() == [1]
    np.testing.assert_allclose(standardise_by_controls(seen, plates, control)[plates == 1].mean(axis=0), 0, atol=1e-9)
