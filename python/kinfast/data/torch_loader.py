"""The loader that needs nothing but PyTorch: CPU, CUDA and Apple's MPS."""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kinfast.data.ahead import made_ahead
from kinfast.data.augment import Augmentation
from kinfast.data.composites import Composite
from kinfast.data.feed import Feed, HostBatch, LoaderSettings
from kinfast.data.labels import LabelledSites
from kinfast.data.minibatch import Minibatch, chunk_size, fill_streams
from kinfast.data.prefetch import prefetched
from kinfast.data.store import PreparedStore
from kinfast.data.transfer import put


class TorchLoader:
    """Serves minibatches: images are gathered ahead in a thread, and augmented as batches on the device."""

    kind = "torch"

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

    def __len__(self) -> int:
        return self._feed.n_batches

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Minibatch]:
        """Yield an epoch's minibatches, from `first_batch` on when a run is resumed within it."""
        source = self._feed.fetch(number, first_batch)
        with contextlib.closing(prefetched(source, self._feed.settings.prefetch)) as batches:
            yield from made_ahead(self._to_minibatch, batches, self._feed.device)

    def _to_minibatch(self, batch: HostBatch) -> Minibatch:
        feed = self._feed
        n_crops = len(batch.rows) * self.views
        streams = fill_streams(self._stacks(batch), n_crops, feed.positions, batch.augmentation, feed.settings.dtype)
        targets, rows = feed.targets(batch.rows), torch.from_numpy(batch.rows)
        return Minibatch(streams, targets, rows, self.views, batch.first, batch.of)

    def _stacks(self, batch: HostBatch) -> Iterator[Tensor]:
        """Yield the batch's stacks (n, C, S, S): on a CPU a few sites at a time, elsewhere all at once."""
        side, images = self._feed.settings.input_size, self._feed.on_device(batch)
        step = max(1, chunk_size(images.shape[3], side, self._feed.device) // self.views)
        for start in range(0, len(images), step):
            some = images[start : start + step]
            if batch.augmentation is None:
                yield cut_views(some, self._feed.corners, side)
            else:
                yield warp(some, batch.augmentation.part(start, start + step), side)


def warp(images: Tensor, augmentation: Augmentation, output_size: int) -> Tensor:
    """Apply a batch's geometry: (B, h, w, C) uint8 on the device to (B, C, S, S) counts.

    Beyond the border stand the border's pixels.
    """
    if augmentation.exact and images.device.type == "cpu":
        return cut_turned(images, augmentation.matrices, output_size)
    return interpolate(images, augmentation.matrices, output_size)


def interpolate(images: Tensor, matrices: NDArray[np.float32], output_size: int) -> Tensor:
    """Sample (B, h, w, C) uint8 bilinearly where the matrices say: (B, C, S, S) float32 counts."""
    height, width = images.shape[1:3]
    # bytes are put in planes before they become floats: a quarter of the traffic
    planes = images.permute(0, 3, 1, 2).contiguous().to(torch.float32)
    grid = sampling_grid(put(torch.from_numpy(matrices), images.device), (height, width), output_size)
    return functional.grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def cut_turned(images: Tensor, matrices: NDArray[np.float32], output_size: int) -> Tensor:
    """Do what `interpolate` does where nothing need be interpolated: cut, turn and mirror bytes, on the CPU."""
    planes = np.empty((len(images), images.shape[3], output_size, output_size), np.uint8)
    for out, image, matrix in zip(planes, images.numpy(), matrices, strict=True):
        ends = np.stack([matrix[:, 2], matrix @ np.array([output_size, output_size, 1], np.float32)]).astype(np.int64)
        x, y = ends.min(axis=0)
        crop = image[y : y + output_size, x : x + output_size]
        turned = matrix[0, 0] == 0
        crop = crop.transpose(1, 0, 2) if turned else crop
        # the output's columns follow x of the input (or y, when turned) forwards or backwards; so do its rows
        columns, rows = (matrix[1, 0], matrix[0, 1]) if turned else (matrix[0, 0], matrix[1, 1])
        out[:] = crop[:: int(rows), :: int(columns)].transpose(2, 0, 1)
    return torch.from_numpy(planes)


def sampling_grid(matrices: Tensor, input_size: tuple[int, int], output_size: int) -> Tensor:
    """Lay out where each output pixel is taken from, in grid_sample's coordinates.

    The same as torch's affine_grid, in a twentieth of its time: x is a sum of one term a row and one a column.

    Args:
        matrices: (B, 2, 3) float32, output pixels to input pixels, centres at halves.
        input_size: (h, w).
        output_size: S.

    Returns:
        (B, S, S, 2) float32 (x, y); -1 and 1 are the image's outer edges: pixel x of a side of n is 2 x / n - 1. Never
        outside the image.
    """
    centres = torch.arange(output_size, device=matrices.device) + 0.5
    grid = torch.empty(len(matrices), output_size, output_size, 2, device=matrices.device)
    for axis, side in enumerate((input_size[1], input_size[0])):
        per_column, per_row, shift = (matrices[:, axis, :] * (2 / side)).unbind(dim=1)
        columns = per_column[:, None] * centres
        rows = per_row[:, None] * centres + (shift - 1)[:, None]
        torch.add(rows[:, :, None], columns[:, None, :], out=grid[..., axis])
        # held at the outermost pixels' centres, which is padding by the border; Apple's GPUs had none before torch 2.13
        grid[..., axis].clamp_(1 / side - 1, 1 - 1 / side)
    return grid


def cut_views(images: Tensor, corners: NDArray[np.int64], output_size: int) -> Tensor:
    """Cut each site's fixed crops: (B, h, w, C) uint8 to (B * views, C, S, S) uint8, views together."""
    crops = [images[:, y : y + output_size, x : x + output_size] for y, x in corners.tolist()]
    return torch.stack(crops, dim=1).flatten(0, 1).permute(0, 3, 1, 2).contiguous()
