"""The loader that lets NVIDIA DALI do the geometry: on the GPU where there is one, else on the CPU."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from nvidia.dali import fn, pipeline_def, types

from kinfast.data.ahead import made_ahead
from kinfast.data.composites import Composite
from kinfast.data.feed import Feed, HostBatch, LoaderSettings
from kinfast.data.labels import LabelledSites
from kinfast.data.minibatch import Minibatch, chunk_size, fill_streams
from kinfast.data.prefetch import prefetched
from kinfast.data.store import PreparedStore
from kinfast.data.transfer import put

RUNS_AHEAD = 2
"""Batches inside DALI's pipeline: one being worked on while another is being taken out."""
_SOURCE_TYPES = [types.UINT8, types.FLOAT]


class DaliLoader:
    """Serves minibatches as `TorchLoader` does, with the warp done by DALI.

    Intensities, noise, composites and normalisation are PyTorch's on the same device, shared with `TorchLoader`: there
    they are a few passes over planes, in DALI's interleaved pixels they take a third as long as the warp itself.
    """

    kind = "dali"

    def __init__(
        self,
        store: PreparedStore,
        rows: NDArray[np.int64],
        composites: Sequence[Composite],
        labels: LabelledSites | None,
        settings: LoaderSettings,
    ) -> None:
        self._feed = Feed.of(store, rows, composites, labels, settings)
        self.labels = labels
        self.views = self._feed.views
        self.n_sites = len(rows)
        self.cache = self._feed.source.kind
        self._idle: _Running | None = None

    def __len__(self) -> int:
        return self._feed.n_batches

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Minibatch]:
        """Yield an epoch's minibatches, from `first_batch` on when a run is resumed within it."""
        if len(self) == 0:
            return
        # a pipeline that was left half way, or that failed, still holds batches: only a finished one is used again
        running, self._idle = self._idle or self._build(), None
        batches = prefetched(self._feed.fetch(number, first_batch), self._feed.settings.prefetch)
        with contextlib.closing(batches):
            running.source.batches = batches
            wanted = range(len(self) - first_batch)
            yield from made_ahead(lambda index: self._make(running, index == 0), wanted, self.device)
        running.pipeline.reset()
        self._idle = running

    @property
    def device(self) -> torch.device:
        """Where minibatches are made."""
        return self._feed.device

    def _build(self) -> "_Running":
        settings, gpu = self._feed.settings, self.device.type == "cuda"
        source = _Source(self._feed)
        options = {
            "batch_size": self._feed.largest_batch(),
            "num_threads": settings.threads,
            "device_id": _device_id(self.device),
            "prefetch_queue_depth": RUNS_AHEAD,
        }
        # where the images are when DALI gets them: to a GPU it copies them by itself
        held = "gpu" if self.cache == "gpu" else "cpu"
        if settings.augmentation is not None:
            exact = settings.augmentation.exact
            pipeline = _augmented(source.augmented, held, gpu, settings.input_size, exact, **options)
        else:
            corners = self._feed.corners.tolist()
            pipeline = _viewed(source.plain, held, gpu, settings.input_size, corners, **options)
        pipeline.build()
        return _Running(pipeline, source)

    def _make(self, running: "_Running", first: bool) -> Minibatch:
        """Take the next batch out of the pipeline, and put another in."""
        if first:
            running.pipeline.schedule_run()
        (outputs,) = running.pipeline.share_outputs()
        # the tensor is DALI's, which makes its next ones elsewhere as long as this one lives
        stack = torch.from_dlpack(outputs.as_tensor())  # type: ignore[attr-defined]  # (B, S, S, C), or (B, views, S, S, C)
        running.pipeline.release_outputs()
        batch, settings = running.source.inside.popleft(), self._feed.settings
        running.pipeline.schedule_run()
        stack = stack.flatten(0, -4).permute(0, 3, 1, 2)
        step = chunk_size(stack.shape[1], settings.input_size, self.device)
        # DALI's pixels are interleaved; planes are what the steps below are quick on
        pieces = (stack[at : at + step].contiguous() for at in range(0, len(stack), step))
        streams = fill_streams(pieces, len(stack), self._feed.positions, batch.augmentation, settings.dtype)
        targets, rows = self._feed.targets(batch.rows), torch.from_numpy(batch.rows)
        return Minibatch(streams, targets, rows, self.views, batch.first, batch.of)


class _Source:
    """Hands DALI an epoch's batches, and remembers those that are inside the pipeline."""

    def __init__(self, feed: Feed) -> None:
        self.batches: Iterator[HostBatch] = iter(())
        self.inside: deque[HostBatch] = deque()
        self._feed = feed

    def plain(self) -> Any:
        """Give the next images, where they are; StopIteration ends DALI's epoch."""
        batch = next(self.batches)
        self.inside.append(batch)
        return self._feed.on_device(batch) if batch.images is None else batch.images.numpy()

    def augmented(self) -> tuple[Any, Any]:
        """Give the next images and their matrices, both on the host or both on the device."""
        images, drawn = self.plain(), self.inside[-1].augmentation
        if drawn is None:
            raise TypeError("a batch without augmentation went into the training pipeline")
        if isinstance(images, torch.Tensor):
            return images, put(torch.from_numpy(drawn.matrices), images.device)
        return images, drawn.matrices


@dataclass(frozen=True, slots=True)
class _Running:
    pipeline: Any
    source: _Source


def _device_id(device: torch.device) -> int | None:
    """Give DALI's number of a GPU; None makes a pipeline that needs none."""
    if device.type != "cuda":
        return None
    return device.index if device.index is not None else torch.cuda.current_device()


@pipeline_def  # type: ignore[untyped-decorator]
def _augmented(source: Callable[[], Any], held: str, gpu: bool, output_size: int, exact: bool) -> Any:
    """Warp (B, h, w, C) uint8 by each sample's matrix: (B, S, S, C) float32 counts, or uint8 where that is exact."""
    images, matrices = fn.external_source(
        source, num_outputs=2, batch=True, device=held, layout=["HWC", ""], dtype=_SOURCE_TYPES
    )
    return fn.warp_affine(
        _on(gpu, images),
        _on(gpu, matrices),
        size=[output_size, output_size],
        # at pixels' very centres the nearest pixel is the interpolated one
        dtype=types.UINT8 if exact else types.FLOAT,
        interp_type=types.INTERP_NN if exact else types.INTERP_LINEAR,
    )


@pipeline_def  # type: ignore[untyped-decorator]
def _viewed(source: Callable[[], Any], held: str, gpu: bool, output_size: int, corners: list[list[int]]) -> Any:
    """Cut the fixed crops of (B, h, w, C) uint8: (B, views, S, S, C) uint8."""
    images = _on(gpu, fn.external_source(source, batch=True, device=held, layout="HWC", dtype=types.UINT8))
    crops = [images[y : y + output_size, x : x + output_size, :] for y, x in corners]
    return fn.stack(*crops, axis=0)


def _on(gpu: bool, node: Any) -> Any:
    return node.gpu() if gpu and node.device == "cpu" else node
