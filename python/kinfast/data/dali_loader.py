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
from nvidia.dali.plugin.pytorch import feed_ndarray

from kinfast.data.composites import Composite
from kinfast.data.feed import Feed, HostBatch, LoaderSettings
from kinfast.data.labels import LabelledSites
from kinfast.data.minibatch import Minibatch, split_streams
from kinfast.data.prefetch import prefetched
from kinfast.data.store import PreparedStore
from kinfast.domain import StoreImages

RUNS_AHEAD = 2
"""Batches inside DALI's pipeline: one being worked on while another is being taken out."""


class DaliLoader:
    """Serves minibatches as `TorchLoader` does, with the warp done by DALI.

    Noise, composites and normalisation are PyTorch's on the same device, shared with `TorchLoader`.
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
        self._device = torch.device(settings.device)
        self._idle: _Running | None = None

    def __len__(self) -> int:
        return self._feed.n_batches

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Minibatch]:
        """Yield an epoch's minibatches, from `first_batch` on when a run is resumed within it."""
        # a pipeline that was left half way, or that failed, still holds batches: only a finished one is used again
        running, self._idle = self._idle or self._build(), None
        batches = prefetched(self._feed.fetch(number, first_batch), self._feed.settings.prefetch)
        with contextlib.closing(batches):
            running.source.batches = batches
            running.pipeline.schedule_run()
            while (minibatch := self._take(running)) is not None:
                running.pipeline.schedule_run()
                yield minibatch
        running.pipeline.reset()
        self._idle = running

    def _build(self) -> "_Running":
        settings, gpu = self._feed.settings, self._device.type == "cuda"
        source = _Source()
        options = {
            "batch_size": max(len(rows) for rows in self._feed.batches(0)),
            "num_threads": settings.threads,
            "device_id": _device_id(self._device),
            "prefetch_queue_depth": RUNS_AHEAD,
        }
        if settings.augmentation is not None:
            pipeline = _augmented(source.augmented, settings.input_size, gpu, **options)
        else:
            pipeline = _viewed(source.plain, settings.input_size, self._feed.corners.tolist(), gpu, **options)
        pipeline.build()
        return _Running(pipeline, source)

    def _take(self, running: "_Running") -> Minibatch | None:
        """Take the next batch out of the pipeline; None after the last."""
        try:
            (outputs,) = running.pipeline.share_outputs()
        except StopIteration:
            return None
        stack = self._copied(outputs.as_tensor())  # (B, S, S, C), or (B, views, S, S, C)
        running.pipeline.release_outputs()
        batch, settings = running.source.inside.popleft(), self._feed.settings
        stack = stack.flatten(0, -4).permute(0, 3, 1, 2)
        streams = split_streams(stack, self._feed.positions, batch.augmentation, settings.dtype)
        return Minibatch(streams, self._feed.targets(batch.rows), torch.from_numpy(batch.rows), self.views)

    def _copied(self, tensor: Any) -> torch.Tensor:
        """Copy what DALI still owns: it is overwritten once the outputs are released."""
        copy = torch.empty(tuple(tensor.shape()), dtype=torch.float32, device=self._device)
        stream = torch.cuda.current_stream(self._device) if self._device.type == "cuda" else None
        feed_ndarray(tensor, copy, cuda_stream=stream)
        if stream is not None:
            stream.synchronize()
        return copy


class _Source:
    """Hands DALI an epoch's batches, and remembers those that are inside the pipeline."""

    def __init__(self) -> None:
        self.batches: Iterator[HostBatch] = iter(())
        self.inside: deque[HostBatch] = deque()

    def plain(self) -> StoreImages:
        """Give the next images; StopIteration ends DALI's epoch."""
        self.inside.append(next(self.batches))
        return self.inside[-1].images

    def augmented(self) -> tuple[StoreImages, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Give the next images, matrices, gains of counts and offsets."""
        images, drawn = self.plain(), self.inside[-1].augmentation
        if drawn is None:
            raise TypeError("a batch without augmentation went into the training pipeline")
        gain = drawn.gain / np.float32(255)
        return images, drawn.matrices, gain[:, None, None, :], drawn.offset[:, None, None, :]


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
def _augmented(source: Callable[[], Any], output_size: int, gpu: bool) -> Any:
    """Warp (B, h, w, C) uint8 by each sample's matrix, then gain and offset: (B, S, S, C) float32."""
    images, matrices, gain, offset = fn.external_source(
        source, num_outputs=4, batch=True, layout=["HWC", "", "", ""], dtype=[types.UINT8] + 3 * [types.FLOAT]
    )
    warped = fn.warp_affine(
        _on(gpu, images),
        matrix=matrices,
        size=[output_size, output_size],
        dtype=types.FLOAT,
        interp_type=types.INTERP_LINEAR,
    )
    return warped * _on(gpu, gain) + _on(gpu, offset)


@pipeline_def  # type: ignore[untyped-decorator]
def _viewed(source: Callable[[], Any], output_size: int, corners: list[list[int]], gpu: bool) -> Any:
    """Cut the fixed crops of (B, h, w, C) uint8: (B, views, S, S, C) float32 of 0 … 1."""
    images = _on(gpu, fn.external_source(source, batch=True, layout="HWC", dtype=types.UINT8))
    crops = [images[y : y + output_size, x : x + output_size, :] for y, x in corners]
    return fn.cast(fn.stack(*crops, axis=0), dtype=types.FLOAT) / 255.0


def _on(gpu: bool, node: Any) -> Any:
    return node.gpu() if gpu else node
