"""Gathering minibatches from a store, against copying as many bytes and against the usual ways of getting them: one
thread, and a store that fits no cache."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from benchmarks.measuring import SMOKE, Measured, compare
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from kinfast import _native

COMPOSITE = [4, 2, 3]
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


class SitesOf(Dataset[torch.Tensor]):
    """A store as one writes it for torch's DataLoader: a site's channels at a time."""

    def __init__(self, store: NDArray[np.uint8]) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self._store[index][..., COMPOSITE])


@pytest.mark.parametrize("peer", ["NumPy's indexing", "torch's DataLoader"])
def test_gathering_a_composite_beats_the_usual_ways(peer: str, record: Callable[[str, Measured], None]) -> None:
    """A minibatch of 3 of 5 channels, the same bytes: by `store[sites][..., channels]`, and collated site by site."""
    rng = np.random.default_rng(0)
    store = rng.integers(0, 256, (N_SITES, STORED, STORED, 5), dtype=np.uint8)
    chosen, dataset = np.array(COMPOSITE), SitesOf(store)
    out = np.empty((N_TAKEN, STORED, STORED, len(COMPOSITE)), np.uint8)

    def draw() -> NDArray[np.int64]:
        return rng.choice(N_SITES, N_TAKEN, replace=False)

    def ours(sites: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        _native.gather_sites(store, draw() if sites is None else sites, chosen, out, 1)
        return out

    def index(sites: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        return store[draw() if sites is None else sites][..., chosen]

    def collate(sites: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        batches = DataLoader(dataset, batch_sampler=[(draw() if sites is None else sites).tolist()])
        batch: torch.Tensor = next(iter(batches))
        return batch.numpy()

    theirs = index if peer.startswith("NumPy") else collate
    sites = draw()
    np.testing.assert_array_equal(ours(sites), theirs(sites))
    record(f"gather_sites, against {peer}", compare(ours, theirs))
