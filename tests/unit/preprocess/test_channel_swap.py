"""Exchanged channels are told by how the planes of a site correlate."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kinfast.preprocess.channel_swap import correlate_channels, swap_evidence
from kinfast.preprocess.thresholds import SWAP_FACTOR

N_CHANNELS = 5
MIX = np.array([[9, 1, 1, 1, 1], [1, 8, 3, 1, 1], [0, 3, 6, 4, 1], [1, 0, 2, 9, 2], [3, 0, 1, 1, 7]], np.float32)
"""Of five independent patterns, channel by channel: no two pairs correlate alike."""


def make_plate(n: int, seed: int = 0) -> NDArray[np.uint8]:
    patterns = np.random.default_rng(seed).uniform(0, 12, (n, 64, 64, N_CHANNELS)).astype(np.float32)
    return (patterns @ MIX.T).clip(0, 255).astype(np.uint8)


def test_correlations_are_pearsons() -> None:
    images = make_plate(3)
    expected = [np.corrcoef(site[::2, ::2].reshape(-1, N_CHANNELS).T) for site in images]
    np.testing.assert_allclose(correlate_channels(images), expected, rtol=1e-9)
    flat = images.copy()
    flat[..., 2] = 7
    assert np.isnan(correlate_channels(flat)[:, 2]).all()


@pytest.mark.parametrize(("one", "other"), [(0, 1), (2, 4), (1, 3)])
def test_exchanged_channels_are_named(one: int, other: int) -> None:
    images = make_plate(40)
    order = np.arange(N_CHANNELS)
    order[[one, other]] = order[[other, one]]
    images[7] = images[7][..., order]
    evidence, best = swap_evidence(correlate_channels(images), np.ones(40, bool))
    assert evidence[7] > SWAP_FACTOR
    assert best[7].tolist() == order.tolist()
    assert np.delete(evidence, 7).max() < 1.3


def test_two_channels_cannot_be_told_apart_and_no_site_is_no_error() -> None:
    assert np.isnan(swap_evidence(correlate_channels(make_plate(4)[..., :2]), np.ones(4, bool))[0]).all()
    assert len(swap_evidence(np.empty((0, 5, 5)), np.zeros(0, bool))[0]) == 0
