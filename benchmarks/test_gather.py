"""Gathering minibatches from a store, against copying as many bytes: one thread, and a store that fits no cache."""

from collections.abc import Callable

import numpy as np
import pytest
from benchmarks.measuring import SMOKE, Measured, compare
from numpy.typing import NDArray

from kinfast import _native

N_SITES, N_TAKEN, STORED = (8, 4, 64) if SMOKE else (512, 64, 256)


@pytest.mark.parametrize(
    ("name", "channels"), [("whole sites", [0, 1, 2, 3, 4]), ("3 of 5 channels", [4, 2, 3])], ids=["whole", "composite"]
)
def test_gathering_is_as_fast_as_copying(
    name: str, channels: list[int], record: Callable[[str, Measured], None]
) -> None:
    rng = np.random.default_rng(0)
    store = rng.integers(0, 256, (N_SITES, STORED, STORED, 5), dtype=np.uint8)
    chosen = np.array(channels)
    out = np.empty((N_TAKEN, STORED, STORED, len(channels)), np.uint8)
    copied = np.empty((N_TAKEN, *store.shape[1:]), np.uint8)

    def draw() -> NDArray[np.int64]:
        return rng.choice(N_SITES, N_TAKEN, replace=False)

    def ours() -> None:
        _native.gather_sites(store, draw(), chosen, out, 1)

    def theirs() -> None:
        for i, site in enumerate(draw()):
            np.copyto(copied[i], store[site])

    sites = draw()
    _native.gather_sites(store, sites, chosen, out, 1)
    np.testing.assert_array_equal(out, store[sites][..., chosen])
    record(f"gather_sites, {name}", compare(ours, theirs))
