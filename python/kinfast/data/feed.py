"""What both loaders are fed with: an epoch's batches, their images and their augmentation, on the host."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from kinfast.config import BATCH_SIZE, INPUT_SIZE, SEED
from kinfast.data.augment import (
    Augmentation,
    AugmentationSpec,
    check_output_size,
    sample_augmentation,
)
from kinfast.data.balance import balanced_rows
from kinfast.data.cache import SiteSource, open_source
from kinfast.data.composites import Composite, stream_positions, used_channels
from kinfast.data.labels import LabelledSites
from kinfast.data.shard import WHOLE, Shard
from kinfast.data.store import PreparedStore
from kinfast.data.transfer import put
from kinfast.data.views import fixed_views
from kinfast.errors import UsageError


@dataclass(frozen=True, slots=True)
class LoaderSettings:
    """How sites are served. The same settings give the same minibatches from either loader.

    Attributes:
        input_size: side of the crops, pixels; at most the store's shorter side.
        batch_size: sites of a minibatch in training, of all processes together; outside it, crops of one process, so
            that memory stays the same.
        augmentation: None outside training: sites in the rows' order, each as a fixed grid of crops.
        views: crops of that grid; None: as many as cover the site, 9 at most. Not used in training.
        seed: of order and augmentation.
        device: torch's name: cpu, cuda, cuda:1, mps.
        dtype: of the streams: float32, float16 or bfloat16.
        threads: of the host's work.
        prefetch: batches prepared ahead.
        cache: where the images are kept: auto, gpu, host or none; see `cache.open_source`.
        balanced_draws: sites of a training epoch of as many sites of each class; None: every site once.
        shard: the part of the sites that is served, where several processes work together.
    """

    input_size: int = INPUT_SIZE
    batch_size: int = BATCH_SIZE
    augmentation: AugmentationSpec | None = None
    views: int | None = None
    seed: int = SEED
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    threads: int = 1
    prefetch: int = 2
    cache: str = "auto"
    balanced_draws: int | None = None
    shard: Shard = WHOLE


@dataclass(frozen=True, slots=True, eq=False)
class HostBatch:
    """One batch before the device.

    Attributes:
        rows: (B,) int64 positions in the store's table.
        images: (B, h, w, C) uint8; None where the device holds them.
        augmentation: in training.
        first, of: of the whole batch's `of` sites these begin at `first`.
    """

    rows: NDArray[np.int64]
    images: torch.Tensor | None
    augmentation: Augmentation | None
    first: int
    of: int


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """Knows the order of the sites, and fetches them."""

    store: PreparedStore
    rows: NDArray[np.int64]
    labels: LabelledSites | None
    settings: LoaderSettings
    source: SiteSource
    channels: NDArray[np.int64]
    positions: tuple[tuple[int, ...], ...]
    corners: NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(
        cls,
        store: PreparedStore,
        rows: NDArray[np.int64],
        composites: Sequence[Composite],
        labels: LabelledSites | None,
        settings: LoaderSettings,
    ) -> "Feed":
        """Check what a loader is asked for.

        Raises:
            UsageError: no sites, sites out of range, or a crop that does not fit.
        """
        check_output_size(store.image_size, settings.input_size)
        if len(rows) == 0 or not composites:
            raise UsageError(f"{len(rows)} sites and {len(composites)} streams: nothing to load")
        if rows.min() < 0 or rows.max() >= len(store.sites):
            raise UsageError(f"site {rows.max()} is past the store's {len(store.sites)}")
        if labels is not None and len(labels.codes) != len(store.sites):
            raise UsageError(f"labels of {len(labels.codes)} sites for a store of {len(store.sites)}")
        if settings.batch_size < 1:
            raise UsageError(f"batch size {settings.batch_size}, wanted 1 or more")
        views = 1 if settings.augmentation is not None else settings.views
        corners = fixed_views(store.image_size, settings.input_size, views)
        channels = used_channels(composites, store)
        source = open_source(
            settings.cache, store, channels, torch.device(settings.device), settings.threads, settings.shard.on_machine
        )
        return cls(store, rows, labels, settings, source, channels, stream_positions(composites, store), corners)

    @property
    def device(self) -> torch.device:
        """Where minibatches are made."""
        return torch.device(self.settings.device)

    @property
    def views(self) -> int:
        """Crops of each site."""
        return len(self.corners)

    @property
    def n_batches(self) -> int:
        """Minibatches of an epoch: in training as many in every process, outside it none where it has no site."""
        n_sites = len(self.rows) if self.training else len(self.rows[self.settings.shard.part(len(self.rows))])
        return -(-(self.settings.balanced_draws or n_sites) // max(1, self.settings.batch_size // self.views))

    @property
    def training(self) -> bool:
        """Whether sites are shuffled and augmented."""
        return self.settings.augmentation is not None

    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        """Give an epoch's batches; sizes differ by one at most, so that no batch is a lone rest.

        Every site comes once, or, where classes are balanced, as often as `balance.balanced_rows` says. In training the
        batches are those of all processes together, each of which serves its part of every one; outside it its own.
        """
        rows, draws = self.rows, self.settings.balanced_draws
        if not self.training:
            own = rows[self.settings.shard.part(len(rows))]
            return np.array_split(own, self.n_batches) if len(own) else []
        if draws is not None and self.labels is not None:
            rows = balanced_rows(rows, self.labels.codes[rows], draws, self.settings.seed, epoch)
        order = np.random.default_rng([self.settings.seed, epoch, 0]).permutation(len(rows))
        # ascending rows are read from disk in fewest stretches; within a batch the order carries nothing
        return [np.sort(some) for some in np.array_split(rows[order], self.n_batches)]

    def largest_batch(self) -> int:
        """Give the sites of the largest minibatch that this process serves."""
        return max(len(rows[self._own(rows)]) for rows in self.batches(0))

    def fetch(self, epoch: int, first_batch: int = 0) -> Iterator[HostBatch]:
        """Yield an epoch's batches from `first_batch` on. What a batch holds does not depend on where one began."""
        batches = self.batches(epoch)
        for index in range(first_batch, len(batches)):
            if index + 1 < len(batches):
                self.source.expect(batches[index + 1][self._own(batches[index + 1])])
            whole = batches[index]
            own = self._own(whole)
            drawn = self._augmentation(epoch, index, len(whole))
            part = None if drawn is None else drawn.part(own.start, own.stop)
            yield HostBatch(whole[own], self.source.gather(whole[own]), part, own.start, len(whole))

    def on_device(self, batch: HostBatch) -> torch.Tensor:
        """Give a batch's images on the device: (B, h, w, C) uint8."""
        return self.source.on_device(batch.rows, batch.images)

    def targets(self, rows: NDArray[np.int64]) -> torch.Tensor | None:
        """Give a batch's targets on the device, None without labels."""
        if self.labels is None:
            return None
        return put(torch.from_numpy(self.labels.targets(rows)), self.device)

    def _own(self, rows: NDArray[np.int64]) -> slice:
        return self.settings.shard.part(len(rows)) if self.training else slice(0, len(rows))

    def _augmentation(self, epoch: int, index: int, n_sites: int) -> Augmentation | None:
        spec, settings = self.settings.augmentation, self.settings
        if spec is None:
            return None
        rng = np.random.default_rng([settings.seed, epoch, 1 + index])
        n_channels, size = len(self.channels), self.store.image_size
        return sample_augmentation(rng, n_sites, n_channels, size, settings.input_size, spec)
