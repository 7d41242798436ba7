"""The loader that lets NVIDIA DALI do the geometry: on the GPU where there is one, else on the CPU."""

from collections import deque
from collections.abc import Iterator, Sequence
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
        self._idle: Any = None

    def __len__(self) -> int:
        return self._feed.n_batches

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Minibatch]:
        """Yield an epoch's minibatches, from `first_batch` on when a run is resumed within it."""
        # a pipeline that was left half way, or that failed, still holds batches: only a finished one is used again
        pipeline, self._idle = self._idle or self._build(), None
        waiting: deque[HostBatch] = deque()
        for batch in prefetched(self._feed.fetch(number, first_batch), self._feed.settings.prefetch):
            _put(pipeline, batch)
            waiting.append(batch)
            if len(waiting) == RUNS_AHEAD:
                yield self._take(pipeline, waiting.popleft())
        while waiting:
            yield self._take(pipeline, waiting.popleft())
        self._idle = pipeline

    def _build(self) -> Any:
        settings, gpu = self._feed.settings, self._device.type == "cuda"
        index = self._device.index if self._device.index is not None else torch.cuda.current_device() if gpu else None
        graph = _augmented if settings.augmentation is not None else _viewed
        largest = max(len(rows) for rows in self._feed.batches(0))
        pipeline = graph(
            settings.input_size,
            [tuple(corner) for corner in self._feed.corners.tolist()],
            gpu,
            batch_size=largest,
            num_threads=settings.threads,
            device_id=index if gpu else None,
            prefetch_queue_depth=RUNS_AHEAD,
        )
        pipeline.build()
        return pipeline

    def _take(self, pipeline: Any, batch: HostBatch) -> Minibatch:
        settings = self._feed.settings
        (outputs,) = pipeline.share_outputs()
        stack = self._copied(outputs.as_tensor())  # (B, S, S, C), or (B, views, S, S, C)
        pipeline.release_outputs()
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


def _put(pipeline: Any, batch: HostBatch) -> None:
    pipeline.feed_input("images", batch.images)
    if (drawn := batch.augmentation) is not None:
        pipeline.feed_input("matrices", drawn.matrices)
        pipeline.feed_input("gain", drawn.gain[:, None, None, :] / np.float32(255))
        pipeline.feed_input("offset", drawn.offset[:, None, None, :])
    pipeline.schedule_run()


@pipeline_def  # type: ignore[untyped-decorator]
def _augmented(output_size: int, corners: list[tuple[int, int]], gpu: bool) -> Any:
    """Warp (B, h, w, C) uint8 by each sample's matrix, then gain and offset: (B, S, S, C) float32."""
    matrices = fn.external_source(name="matrices", batch=True, ndim=2)
    images, gain, offset = (
        _on(gpu, fn.external_source(name="images", batch=True, layout="HWC")),
        _on(gpu, fn.external_source(name="gain", batch=True, ndim=3)),
        _on(gpu, fn.external_source(name="offset", batch=True, ndim=3)),
    )
    warped = fn.warp_affine(
        images,
        matrix=matrices,
        size=[output_size, output_size],
        dtype=types.FLOAT,
        interp_type=types.INTERP_LINEAR,
    )
    return warped * gain + offset


@pipeline_def  # type: ignore[untyped-decorator]
def _viewed(output_size: int, corners: list[tuple[int, int]], gpu: bool) -> Any:
    """Cut the fixed crops of (B, h, w, C) uint8: (B, views, S, S, C) float32 of 0 … 1."""
    images = _on(gpu, fn.external_source(name="images", batch=True, layout="HWC"))
    crops = [images[y : y + output_size, x : x + output_size, :] for y, x in corners]
    return fn.cast(fn.stack(*crops, axis=0), dtype=types.FLOAT) / 255.0


def _on(gpu: bool, node: Any) -> Any:
    return node.gpu() if gpu else node
