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
from nvidia.dali.plugin.pytorch import feed_ndarray, to_torch_type

from kinfast.data.composites import Composite
from kinfast.data.feed import Feed, HostBatch, LoaderSettings
from kinfast.data.labels import LabelledSites
from kinfast.data.minibatch import Minibatch, chunk_size, fill_streams
from kinfast.data.prefetch import prefetched
from kinfast.data.store import PreparedStore
from kinfast.domain import StoreImages

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
            exact = settings.augmentation.exact
            pipeline = _augmented(source.augmented, settings.input_size, exact, gpu, **options)
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
        step = chunk_size(stack.shape[1], settings.input_size, self._device)
        # DALI's pixels are interleaved; planes are what the steps below are quick on
        pieces = (stack[at : at + step].contiguous() for at in range(0, len(stack), step))
        streams = fill_streams(pieces, len(stack), self._feed.positions, batch.augmentation, settings.dtype)
        return Minibatch(streams, self._feed.targets(batch.rows), torch.from_numpy(batch.rows), self.views)

    def _copied(self, tensor: Any) -> torch.Tensor:
        """Copy what DALI still owns: it is overwritten once the outputs are released."""
        copy = torch.empty(tuple(tensor.shape()), dtype=to_torch_type[tensor.dtype], device=self._device)
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

    def augmented(self) -> tuple[StoreImages, NDArray[np.float32]]:
        """Give the next images and matrices."""
        images, drawn = self.plain(), self.inside[-1].augmentation
        if drawn is None:
            raise TypeError("a batch without augmentation went into the training pipeline")
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
def _augmented(source: Callable[[], Any], output_size: int, exact: bool, gpu: bool) -> Any:
    """Warp (B, h, w, C) uint8 by each sample's matrix: (B, S, S, C) float32 counts, or uint8 where that is exact."""
    images, matrices = fn.external_source(source, num_outputs=2, batch=True, layout=["HWC", ""], dtype=_SOURCE_TYPES)
    return fn.warp_affine(
        _on(gpu, images),
        matrix=matrices,
        size=[output_size, output_size],
        # at pixels' very centres the nearest pixel is the interpolated one
        dtype=types.UINT8 if exact else types.FLOAT,
        interp_type=types.INTERP_NN if exact else types.INTERP_LINEAR,
    )


@pipeline_def  # type: ignore[untyped-decorator]
def _viewed(source: Callable[[], Any], output_size: int, corners: list[list[int]], gpu: bool) -> Any:
    """Cut the fixed crops of (B, h, w, C) uint8: (B, views, S, S, C) uint8."""
    images = _on(gpu, fn.external_source(source, batch=True, layout="HWC", dtype=types.UINT8))
    crops = [images[y : y + output_size, x : x + output_size, :] for y, x in corners]
    return fn.stack(*crops, axis=0)


def _on(gpu: bool, node: Any) -> Any:
    return node.gpu() if gpu else node
