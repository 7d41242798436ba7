"""The loader that needs nothing but PyTorch: CPU, CUDA and Apple's MPS."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kinfast.data.augment import Augmentation
from kinfast.data.composites import Composite
from kinfast.data.feed import Feed, HostBatch, LoaderSettings
from kinfast.data.labels import LabelledSites
from kinfast.data.minibatch import Minibatch, split_streams
from kinfast.data.prefetch import prefetched
from kinfast.data.store import PreparedStore


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

    def __len__(self) -> int:
        return self._feed.n_batches

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Minibatch]:
        """Yield an epoch's minibatches, from `first_batch` on when a run is resumed within it."""
        source = self._feed.fetch(number, first_batch)
        for batch in prefetched(source, self._feed.settings.prefetch):
            yield self._to_minibatch(batch)

    def _to_minibatch(self, batch: HostBatch) -> Minibatch:
        settings = self._feed.settings
        images = _to_device(batch.images, settings.device)
        if batch.augmentation is None:
            stack = cut_views(images, self._feed.corners, settings.input_size)
        else:
            stack = warp(images, batch.augmentation, settings.input_size)
        streams = split_streams(stack, self._feed.positions, batch.augmentation, settings.dtype)
        return Minibatch(streams, self._feed.targets(batch.rows), torch.from_numpy(batch.rows), self.views)


def warp(images: Tensor, augmentation: Augmentation, output_size: int) -> Tensor:
    """Apply geometry, gain and offset.

    Args:
        images: (B, h, w, C) uint8 on the device.
        augmentation: of this batch.
        output_size: S.

    Returns:
        (B, C, S, S) float32, intensities of 0 … 1 before gain and offset; beyond the border the border's pixels.
    """
    height, width = images.shape[1:3]
    # bytes are put in planes before they become floats: a quarter of the traffic
    planes = images.permute(0, 3, 1, 2).contiguous().to(torch.float32)
    grid = sampling_grid(torch.from_numpy(augmentation.matrices).to(images.device), (height, width), output_size)
    stack = functional.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)
    gain, offset = (
        torch.from_numpy(a).to(images.device)[:, :, None, None] for a in (augmentation.gain, augmentation.offset)
    )
    return stack.mul_(gain / 255).add_(offset)


def sampling_grid(matrices: Tensor, input_size: tuple[int, int], output_size: int) -> Tensor:
    """Lay out where each output pixel is taken from, in grid_sample's coordinates.

    The same as torch's affine_grid, in a twentieth of its time: x is a sum of one term a row and one a column.

    Args:
        matrices: (B, 2, 3) float32, output pixels to input pixels, centres at halves.
        input_size: (h, w).
        output_size: S.

    Returns:
        (B, S, S, 2) float32 (x, y); -1 and 1 are the image's outer edges: pixel x of a side of n is 2 x / n - 1.
    """
    centres = torch.arange(output_size, device=matrices.device) + 0.5
    grid = torch.empty(len(matrices), output_size, output_size, 2, device=matrices.device)
    for axis, side in enumerate((input_size[1], input_size[0])):
        per_column, per_row, shift = (matrices[:, axis, :] * (2 / side)).unbind(dim=1)
        columns = per_column[:, None] * centres
        rows = per_row[:, None] * centres + (shift - 1)[:, None]
        torch.add(rows[:, :, None], columns[:, None, :], out=grid[..., axis])
    return grid


def cut_views(images: Tensor, corners: NDArray[np.int64], output_size: int) -> Tensor:
    """Cut each site's fixed crops: (B, h, w, C) uint8 to (B * views, C, S, S) float32 of 0 … 1, views together."""
    crops = [images[:, y : y + output_size, x : x + output_size] for y, x in corners.tolist()]
    return torch.stack(crops, dim=1).flatten(0, 1).permute(0, 3, 1, 2).contiguous().to(torch.float32).div_(255)


def _to_device(images: NDArray[np.uint8], device: str) -> Tensor:
    tensor = torch.from_numpy(images)
    if torch.device(device).type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
