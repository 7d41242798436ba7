"""What every loader yields, and the last steps on the device that all loaders share."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinfast.data.augment import Augmentation
from kinfast.data.transfer import put

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of intensities of 0 … 1. Source: torchvision's classification weights."""
PLAIN_MEAN = PLAIN_STD = 0.5
"""For streams of other than three channels: 0 … 1 becomes -1 … 1."""
CACHE_BYTES = 2**20
"""What one core's second-level cache holds, about."""


@dataclass(frozen=True, slots=True, eq=False)
class Minibatch:
    """Some sites, ready for a model.

    Attributes:
        streams: one tensor a stream, (B * views, channels, S, S), normalised, channels last in memory; the views of a
            site stand together.
        targets: (B,) int64 classes, or (B, n_classes) float32 with several labels; None without labels. -1 is
            unlabelled.
        rows: (B,) int64 positions in the store's table, on the CPU.
        views: crops of each site: 1 in training.
        first, of: the minibatch of all processes has `of` sites, and this one's begin at `first`; 0: no others.
    """

    streams: tuple[Tensor, ...]
    targets: Tensor | None
    rows: Tensor
    views: int = 1
    first: int = 0
    of: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def pieces(self, count: int) -> "list[Minibatch]":
        """Cut into at most `count` minibatches of whole sites, whose sizes differ by one at most."""
        if count == 1:
            return [self]
        rows = self.rows.tensor_split(min(count, len(self)))
        ends = np.cumsum([0, *map(len, rows)]).tolist()
        return [
            Minibatch(
                tuple(stream[start * self.views : stop * self.views] for stream in self.streams),
                None if self.targets is None else self.targets[start:stop],
                self.rows[start:stop],
                self.views,
            )
            for start, stop in itertools.pairwise(ends)
        ]

    def mean_over_views(self, outputs: Tensor) -> Tensor:
        """Average a model's outputs over each site's views: (B * views, …) to (B, …)."""
        return outputs if self.views == 1 else outputs.reshape(-1, self.views, *outputs.shape[1:]).mean(1)


def fill_streams(
    stacks: Iterable[Tensor],
    n_crops: int,
    positions: Sequence[Sequence[int]],
    augmentation: Augmentation | None,
    dtype: torch.dtype,
) -> tuple[Tensor, ...]:
    """Turn stacks of channels, whose geometry is done, into normalised streams.

    Args:
        stacks: the batch in pieces, in order, each (n, C, S, S) uint8 or float32 counts of 0 … 255 on the device.
        n_crops: of all pieces together.
        positions: the channels of each stream.
        augmentation: its gain, offset and noise are applied and the result kept in range; None outside training.
        dtype: of the streams.
    """
    streams: list[Tensor] = []
    noise: Tensor | None = None
    start = 0
    for stack in stacks:
        if not streams:
            streams = [_empty(stack, n_crops, len(channels), dtype) for channels in positions]
            noise = _draw_noise((n_crops, *stack.shape[1:]), stack.device, augmentation)
        stop = start + len(stack)
        part = augmentation.part(start, stop) if augmentation is not None else None
        intensities = change_intensities(stack, part, None if noise is None else noise[start:stop])
        for stream, channels in zip(streams, positions, strict=True):
            stream[start:stop] = _normalised(intensities, channels)
        start = stop
    return tuple(streams)


def change_intensities(stack: Tensor, augmentation: Augmentation | None, noise: Tensor | None = None) -> Tensor:
    """Turn counts of 0 … 255 into float32 intensities of 0 … 1, with gain, offset and noise where there are any.

    Args:
        stack: (n, C, S, S) uint8 or float32.
        augmentation: of these n crops.
        noise: (n, C, S, S) float32, of standard deviation 1.
    """
    stack = stack.to(torch.float32)
    if augmentation is None:
        return stack / 255
    gain, offset = (
        put(torch.from_numpy(values), stack.device)[:, :, None, None]
        for values in (augmentation.gain / np.float32(255), augmentation.offset)
    )
    changed = (stack * gain).add_(offset)
    if noise is not None:
        changed.add_(noise, alpha=augmentation.noise)
    return changed.clamp_(0, 1)


def chunk_size(channels: int, side: int, device: torch.device) -> int:
    """Give how many crops to work on at once: on a CPU what stays in its cores' caches, elsewhere all."""
    if device.type != "cpu":
        return 2**31
    # sampling is parallel over crops, so that each of torch's threads must have one
    return max(1, CACHE_BYTES // (4 * channels * side * side)) * torch.get_num_threads()


def _empty(like: Tensor, n_crops: int, channels: int, dtype: torch.dtype) -> Tensor:
    shape = (n_crops, channels, *like.shape[2:])
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)


def _draw_noise(shape: tuple[int, ...], device: torch.device, augmentation: Augmentation | None) -> Tensor | None:
    """Draw a whole batch's noise at once: its pieces, and the processes that share it, do not matter."""
    if augmentation is None or augmentation.noise == 0:
        return None
    generator = torch.Generator(device).manual_seed(augmentation.noise_seed)
    drawn = torch.randn((augmentation.of, *shape[1:]), generator=generator, device=device)
    return drawn[augmentation.first : augmentation.first + shape[0]]


def _normalised(stack: Tensor, channels: Sequence[int]) -> Tensor:
    """Take a stream's channels out of a stack and normalise them, a plane at a time, which is quicker than an index."""
    three = len(channels) == 3
    stream = stack.new_empty((len(stack), len(channels), *stack.shape[2:]))
    for plane, channel in enumerate(channels):
        mean, std = (IMAGENET_MEAN[plane], IMAGENET_STD[plane]) if three else (PLAIN_MEAN, PLAIN_STD)
        torch.sub(stack[:, channel], mean, out=stream[:, plane]).div_(std)
    return stream
