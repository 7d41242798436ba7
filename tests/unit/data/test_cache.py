"""Where images are kept: that it changes no minibatch, and that what does not fit is not tried."""

import numpy as np
import pytest
import torch

from kinfast.data import cache
from kinfast.data.augment import AugmentationSpec
from kinfast.data.cache import HostSites, MappedSites, open_source
from kinfast.data.composites import parse_composites
from kinfast.data.feed import LoaderSettings
from kinfast.data.loaders import Loader, chosen_kind, make_loader
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
CHANNELS = np.array([0, 3], np.int64)
ON_GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


def make(opened: PreparedStore, kept: str, device: str, kind: str = "torch") -> Loader:
    settings = LoaderSettings(16, 12, AugmentationSpec(rotation_degrees=30), cache=kept, device=device)
    composites = parse_composites("MiCoPh,SyHoPh", opened)
    return make_loader(kind, opened, np.arange(len(opened.sites)), composites, None, settings)


@pytest.mark.parametrize("kind", ["torch", "dali"])
@pytest.mark.parametrize(
    ("kept", "device"),
    [("host", "cpu"), pytest.param("host", "cuda", marks=ON_GPU), pytest.param("gpu", "cuda", marks=ON_GPU)],
)
def test_a_cache_changes_nothing(kept: str, device: str, kind: str, store: PreparedStore) -> None:
    if kind == "dali" and chosen_kind("auto", device) != "dali":
        pytest.skip("nvidia-dali is not installed")
    plain, cached = make(store, "none", device, kind), make(store, kept, device, kind)
    assert (plain.cache, cached.cache) == ("none", kept)
    for one, other in zip(plain.epoch(1), cached.epoch(1), strict=True):
        assert torch.equal(one.rows, other.rows)
        assert all(map(torch.equal, one.streams, other.streams))


def test_loaders_of_one_store_share_a_cache(store: PreparedStore) -> None:
    sources = [open_source("host", store, CHANNELS, CPU, 1) for _ in range(2)]
    assert all(isinstance(source, HostSites) for source in sources)
    assert len(store.kept) == 1
    rows = np.array([30, 2, 2], np.int64)
    gathered = sources[1].gather(rows)
    assert gathered is not None
    assert np.array_equal(gathered.numpy(), store.gather(rows, CHANNELS))
    assert torch.equal(sources[1].on_device(rows, gathered), gathered)


def test_on_a_cpu_the_page_cache_is_enough(store: PreparedStore) -> None:
    assert isinstance(open_source("auto", store, CHANNELS, CPU, 1), MappedSites)
    assert store.kept == {}


@pytest.mark.parametrize(
    ("on_gpu", "on_host", "kind"), [(10, 0, "gpu"), (2, 10, "host"), (2, 1, "none"), (0, 0, "none")], ids=str
)
def test_on_a_gpu_the_first_memory_that_has_room_is_taken(
    on_gpu: int, on_host: int, kind: str, store: PreparedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the set's bytes, the GPU has so many times as much free, and the host: at 40 % and 50 % room for the set."""
    n_bytes = len(store.sites) * 24 * 40 * 2
    monkeypatch.setattr(cache, "_free_on", lambda device: on_gpu * n_bytes)
    monkeypatch.setattr(cache, "available_bytes", lambda: on_host * n_bytes)
    monkeypatch.setattr(cache, "_fill_device", lambda *_: torch.zeros(1))
    monkeypatch.setattr(PreparedStore, "gather", lambda *_, **__: np.zeros((1, 1, 1, 1), np.uint8))
    assert open_source("auto", store, CHANNELS, CUDA, 1).kind == kind
    if kind == "gpu":  # now the memory is taken, by this very set
        monkeypatch.setattr(cache, "_free_on", lambda device: 0)
        assert open_source("auto", store, CHANNELS, CUDA, 1).kind == kind


def test_what_cannot_be_had_is_refused(store: PreparedStore) -> None:
    with pytest.raises(UsageError, match="cache 'disk' is unknown: wanted auto, gpu, host, none"):
        open_source("disk", store, CHANNELS, CPU, 1)
    with pytest.raises(UsageError, match="cache gpu: the device is the CPU; wanted host, none or auto"):
        open_source("gpu", store, CHANNELS, CPU, 1)


def test_reading_ahead_asks_for_the_very_sites(store: PreparedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr("kinfast.data.store._advise", lambda images, start, stop: asked.append((start, stop)))
    store.read_ahead(np.array([17, 3, 4, 2, 9, 16, 9], np.int64))
    assert asked == [(2, 5), (9, 10), (0, 2)]  # sites 16 and 17 are the second plate's first


def test_advice_is_taken_by_the_system(store: PreparedStore) -> None:
    store.read_ahead(np.arange(len(store.sites)))
    assert store.gather(np.array([31]), CHANNELS).shape == (1, 24, 40, 2)
