"""The native likelihood fit against the plain one, and on input that does not fit together."""

import numpy as np
import pytest
from tests.reference import likelihood as reference

from kinfast import _native
from kinfast.preprocess.surface import surface_basis

BANDWIDTHS = (2.0, 2.0, 1.0, 0.5, 0.25)
GRID = (24, 20)


def draw_logs(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(logs, basis, terms): images of even background and a tenth of bright cells, under a planted surface."""
    rng = np.random.default_rng(1)
    basis = np.ascontiguousarray(surface_basis(*GRID)[:, 1:])
    terms = rng.normal(0, 1.0, basis.shape[1])
    light = 0.02 * rng.standard_normal((n, len(basis))) + 1.5 * (rng.random((n, len(basis))) < 0.1)
    return (5 + 0.2 * rng.standard_normal((n, 1)) + light + basis @ terms).astype(np.float32), basis, terms


def start(logs: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inverse = np.linalg.inv(basis.T @ basis)
    levels = logs.mean(axis=1)
    return inverse, levels, inverse @ basis.T @ (logs - levels[:, None]).mean(axis=0).astype(np.float64)


def test_it_climbs_as_the_plain_one_does() -> None:
    logs, basis, planted = draw_logs(12)
    inverse, levels, terms = start(logs, basis)
    levels, terms = _native.climb_likelihood(logs, basis, inverse, BANDWIDTHS, levels, terms)
    expected_levels, expected_terms = reference.climb(logs.astype(np.float64), basis, BANDWIDTHS)
    # Values that lie within a rounding of float32 of a bin's edge (1 of some thousand) fall into the next bin
    np.testing.assert_allclose(terms, expected_terms, atol=2e-3)
    np.testing.assert_allclose(levels, expected_levels, atol=1e-3)
    # noise of 0.02 over 12 images gives a term an error of 0.02 / sqrt(12); four of them
    np.testing.assert_allclose(terms, planted, atol=4 * 0.02 / np.sqrt(12))


def test_pulls_vanish_where_the_fit_stands_still() -> None:
    logs, basis, _ = draw_logs(12)
    inverse, levels, terms = start(logs, basis)
    levels, terms = _native.climb_likelihood(logs, basis, inverse, BANDWIDTHS * 4, levels, terms)
    pulls = _native.image_pulls(logs, basis, inverse, BANDWIDTHS[-1], levels, terms)
    assert pulls.shape == (12, basis.shape[1])
    assert np.abs(pulls.mean(axis=0)).max() < 0.2 * np.abs(pulls).max()


def test_no_input_leaves_the_bins() -> None:
    logs, basis, _ = draw_logs(4)
    inverse, levels, terms = start(logs, basis)
    logs[0, 0], logs[1, 1], logs[2, 2] = np.nan, np.inf, -np.inf
    _native.climb_likelihood(logs, basis, inverse, BANDWIDTHS, levels, terms)


def test_shapes_that_do_not_fit_together_are_named() -> None:
    logs, basis, _ = draw_logs(4)
    inverse, levels, terms = start(logs, basis)
    with pytest.raises(ValueError, match="do not fit together"):
        _native.climb_likelihood(logs[:, 1:].copy(), basis, inverse, BANDWIDTHS, levels, terms)
    with pytest.raises(ValueError, match="3 levels"):
        _native.image_pulls(logs, basis, inverse, 1.0, levels[:3], terms)
