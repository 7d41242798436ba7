"""Training steps a second: on one minibatch that stays on the device (the ceiling), and fed by a loader."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kinfast.config import OPTIMIZERS
from kinfast.data.augment import AugmentationSpec
from kinfast.data.composites import parse_composites
from kinfast.data.feed import LoaderSettings
from kinfast.data.labels import LabelledSites, select_labels
from kinfast.data.loaders import Loader, make_loader
from kinfast.data.minibatch import Minibatch
from kinfast.data.store import PreparedStore
from kinfast.models import StreamClassifier, build_model
from kinfast.train.stepping.losses import CROSS_ENTROPY, Loss
from kinfast.train.stepping.optimizers import make_optimizer
from kinfast.train.stepping.precision import Precision, choose_precision
from kinfast.train.stepping.step import Updater

AUGMENTATION = AugmentationSpec(rotation_degrees=15)
"""Flips, quarter turns, free rotation, brightness and contrast: pixels are interpolated, as a worst case."""
WARM_UP = 4
"""Steps before the clock starts: the first choose kernels."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What all rows share.

    Attributes:
        store: of the sites.
        input_size: side of the crops.
        device: torch's name.
        threads: of the loaders.
        seconds: of each measurement, about; 0 takes two steps.
        wanted: number format of mixed precision.
    """

    store: PreparedStore
    input_size: int
    device: str
    threads: int
    seconds: float
    wanted: str = "bf16"

    @property
    def labels(self) -> LabelledSites:
        """Twelve targets and the control."""
        return select_labels(self.store.sites, task="target")

    @property
    def warm_up(self) -> int:
        """Steps before the clock starts."""
        return WARM_UP if self.seconds else 1

    @property
    def precision(self) -> Precision:
        """Mixed; not on a CPU, many of which have no bfloat16 and take seconds a step to act as if."""
        return choose_precision(self.device, amp=False, wanted="fp32" if self.device == "cpu" else self.wanted)

    def loader(self, kind: str, cache: str, composites: str, batch_size: int) -> Loader:
        """Serve full minibatches of augmented sites, in half precision."""
        settings = LoaderSettings(
            input_size=self.input_size,
            batch_size=batch_size,
            augmentation=AUGMENTATION,
            device=self.device,
            dtype=self.precision.dtype or torch.float32,
            threads=self.threads,
            cache=cache,
        )
        n_sites = len(self.store.sites)
        rows = np.arange(n_sites - n_sites % batch_size)
        return make_loader(kind, self.store, rows, parse_composites(composites, self.store), self.labels, settings)

    def updater(self, backbone: str, n_streams: int, compiled: str) -> Updater:
        """Build a model on the device with all that steps it, as `kinfast train --amp` does."""
        with torch.device(self.device):
            model = build_model(backbone, (3,) * n_streams, len(self.labels.class_names))
        model = _prepared(model, self.device)
        optimizer = make_optimizer("adam", model.parameters(), 1e-4, dict(OPTIMIZERS["adam"]))
        return Updater(model, optimizer, Loss(CROSS_ENTROPY, None, 0.1), self.precision, 5.0, compiled)

    def rate(self, updater: Updater, batches: Iterator[Minibatch]) -> float:
        """Count sites a second of training steps, the device's work included."""
        for batch in itertools.islice(batches, self.warm_up):
            updater.step(batch, 1e-4)
        n_steps = 2 if self.seconds == 0 else self._steps_for(updater, batches)
        wait(self.device)
        began, sites = time.perf_counter(), 0
        for batch in itertools.islice(batches, n_steps):
            updater.step(batch, 1e-4)
            sites += len(batch)
        wait(self.device)
        return sites / (time.perf_counter() - began)

    def _steps_for(self, updater: Updater, batches: Iterator[Minibatch]) -> int:
        wait(self.device)
        began = time.perf_counter()
        for batch in itertools.islice(batches, self.warm_up):
            updater.step(batch, 1e-4)
        wait(self.device)
        return max(self.warm_up, round(self.seconds * self.warm_up / (time.perf_counter() - began)))


def _prepared(model: StreamClassifier, device: str) -> StreamClassifier:
    return model.to(device).to(memory_format=torch.channels_last).train()


def endless(loader: Loader) -> Iterator[Minibatch]:
    """Yield epoch after epoch."""
    for number in itertools.count():
        yield from loader.epoch(number)


def wait(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def with_peak(device: str, work: Callable[[], Any]) -> tuple[Any, float | None]:
    """Do work, and give the most GB that torch had allocated meanwhile, and what was there before; None without a GPU.

    DALI's own memory is not torch's and not in it.
    """
    if torch.device(device).type != "cuda":
        return work(), None
    torch.cuda.reset_peak_memory_stats(device)
    done = work()
    return done, torch.cuda.max_memory_allocated(device) / 1e9
