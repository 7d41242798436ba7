"""Where a loader takes its images from: the GPU's memory, the host's, or the memory-mapped store itself."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinfast._native import gather_sites
from kinfast.config import CACHE_GPU_SHARE, CACHE_HOST_SHARE
from kinfast.data.memory import available_bytes
from kinfast.data.store import PreparedStore
from kinfast.data.transfer import empty_on_host, put
from kinfast.domain import StoreImages
from kinfast.errors import UsageError

CACHES = ("auto", "gpu", "host", "none")
FILL_BYTES = 2**26
"""Of one piece, on a set's way into a GPU's memory."""


class SiteSource(Protocol):
    """Gives a batch's images in two steps: one on the host, ahead and in another thread, and one on the device.

    Attributes:
        kind: gpu, host or none.
    """

    kind: str

    def expect(self, rows: NDArray[np.int64]) -> None:
        """Hear which sites will be wanted soon."""

    def gather(self, rows: NDArray[np.int64]) -> Tensor | None:
        """Copy sites together on the host: (n, h, w, C) uint8; None where the device has them already."""

    def on_device(self, rows: NDArray[np.int64], gathered: Tensor | None) -> Tensor:
        """Give (n, h, w, C) uint8 on the device, without waiting for it."""


class MappedSites:
    """Copies sites out of the memory-mapped store, which may be larger than the memory."""

    kind = "none"

    def __init__(self, store: PreparedStore, channels: NDArray[np.int64], device: torch.device, threads: int) -> None:
        self._store, self._channels, self._device, self._threads = store, channels, device, threads

    def expect(self, rows: NDArray[np.int64]) -> None:
        """Let the system read these sites from disk while others are worked on."""
        self._store.read_ahead(rows)

    def gather(self, rows: NDArray[np.int64]) -> Tensor:
        out = empty_on_host((len(rows), *self._store.image_size, len(self._channels)), self._device)
        self._store.gather(rows, self._channels, out.numpy(), self._threads)
        return out

    def on_device(self, rows: NDArray[np.int64], gathered: Tensor | None) -> Tensor:
        assert gathered is not None
        return put(gathered, self._device)


class HostSites:
    """Copies sites out of a copy of the whole set in the host's memory."""

    kind = "host"

    def __init__(self, images: StoreImages, device: torch.device, threads: int) -> None:
        self._images, self._device, self._threads = images, device, threads
        self._all_channels = np.arange(images.shape[3])

    def expect(self, rows: NDArray[np.int64]) -> None:
        """Nothing is read from disk any more."""

    def gather(self, rows: NDArray[np.int64]) -> Tensor:
        out = empty_on_host((len(rows), *self._images.shape[1:]), self._device)
        gather_sites(self._images, rows, self._all_channels, out.numpy(), self._threads)
        return out

    def on_device(self, rows: NDArray[np.int64], gathered: Tensor | None) -> Tensor:
        assert gathered is not None
        return put(gathered, self._device)


class ResidentSites:
    """Takes sites out of the whole set in the device's own memory: the host moves no pixel."""

    kind = "gpu"

    def __init__(self, images: Tensor) -> None:
        self._images = images

    def expect(self, rows: NDArray[np.int64]) -> None:
        """Nothing is read from disk any more."""

    def gather(self, rows: NDArray[np.int64]) -> None:
        return None

    def on_device(self, rows: NDArray[np.int64], gathered: Tensor | None) -> Tensor:
        return self._images.index_select(0, put(torch.from_numpy(rows), self._images.device))


def open_source(
    wanted: str,
    store: PreparedStore,
    channels: NDArray[np.int64],
    device: torch.device,
    threads: int,
    processes: int = 1,
) -> SiteSource:
    """Choose and fill a cache of a store's channels. All loaders of one open store share it.

    Args:
        wanted: gpu, host, none, or auto: on a GPU, its memory where the set takes at most a part of what is free
            (`CACHE_GPU_SHARE`), else the host's likewise, else none; on a CPU none, because the system's page cache
            already keeps what fits.
        store: of the images.
        channels: (C,) int64 positions in `store.channels`.
        device: where minibatches are made.
        threads: of the copying.
        processes: of this machine that each keep a copy in the host's memory.

    Raises:
        UsageError: an unknown kind, or the GPU's memory without a GPU.
    """
    names = {kind: (kind, str(device) if kind == "gpu" else "", *channels.tolist()) for kind in CACHES}
    kind = _chosen(wanted, store, names, _set_bytes(store, len(channels)), device, processes)
    if kind == "gpu":
        if names["gpu"] not in store.kept:
            store.kept[names["gpu"]] = _fill_device(store, channels, device, threads)
        return ResidentSites(store.kept[names["gpu"]])
    if kind == "host":
        if names["host"] not in store.kept:
            store.kept[names["host"]] = store.gather(np.arange(len(store.sites)), channels, threads=threads)
        return HostSites(store.kept[names["host"]], device, threads)
    return MappedSites(store, channels, device, threads)


def check_cache(wanted: str, device: str) -> None:
    """Refuse a cache that is unknown or not to be had on a device.

    Raises:
        UsageError: it is.
    """
    if wanted not in CACHES:
        raise UsageError(f"cache {wanted!r} is unknown: wanted {', '.join(CACHES)}")
    if wanted == "gpu" and torch.device(device).type == "cpu":
        raise UsageError("cache gpu: the device is the CPU; wanted host, none or auto, or --device cuda")


def _chosen(
    wanted: str,
    store: PreparedStore,
    names: dict[str, tuple[object, ...]],
    n_bytes: int,
    device: torch.device,
    processes: int,
) -> str:
    check_cache(wanted, str(device))
    if wanted != "auto":
        return wanted
    if device.type == "cpu":
        return "none"
    if names["gpu"] in store.kept or n_bytes <= CACHE_GPU_SHARE * _free_on(device):
        return "gpu"
    fits = n_bytes * processes <= CACHE_HOST_SHARE * available_bytes()
    return "host" if names["host"] in store.kept or fits else "none"


def _free_on(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())


def _set_bytes(store: PreparedStore, n_channels: int) -> int:
    height, width = store.image_size
    return len(store.sites) * height * width * n_channels


def _fill_device(store: PreparedStore, channels: NDArray[np.int64], device: torch.device, threads: int) -> Tensor:
    n_sites, size = len(store.sites), (*store.image_size, len(channels))
    images = torch.empty((n_sites, *size), dtype=torch.uint8, device=device)
    step = max(1, FILL_BYTES // int(np.prod(size)))
    for start in range(0, n_sites, step):
        rows = np.arange(start, min(start + step, n_sites))
        piece = empty_on_host((len(rows), *size), device)
        store.gather(rows, channels, piece.numpy(), threads)
        images[start : start + len(rows)].copy_(piece, non_blocking=True)
    return images
