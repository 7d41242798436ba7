"""What every loader yields, and the last steps on the device that all loaders share."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinfast.data.augment import Augmentation

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of intensities of 0 … 1. Source: torchvision's classification weights."""
PLAIN_MEAN = PLAIN_STD = 0.5
"""For streams of other than three channels: 0 … 1 becomes -1 … 1."""


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
    """

    streams: tuple[Tensor, ...]
    targets: Tensor | None
    rows: Tensor
    views: int = 1

    def __len__(self) -> int:
        return len(self.rows)

    def mean_over_views(self, outputs: Tensor) -> Tensor:
        """Average a model's outputs over each site's views: (B * views, …) to (B, …)."""
        return outputs if self.views == 1 else outputs.reshape(-1, self.views, *outputs.shape[1:]).mean(1)


def split_streams(
    stack: Tensor, positions: Sequence[Sequence[int]], augmentation: Augmentation | None, dtype: torch.dtype
) -> tuple[Tensor, ...]:
    """Turn stacks of channels into normalised streams.

    Args:
        stack: (N, C, S, S) float32 on the device, intensities of 0 … 1 after geometry, gain and offset.
        positions: the channels of each stream.
        augmentation: its noise is added and the result kept within 0 … 1; None outside training.
        dtype: of the streams.
    """
    if augmentation is not None:
        stack = _add_noise(stack, augmentation).clamp_(0, 1)
    return tuple(_normalise(stack[:, list(channels)], dtype) for channels in positions)


def _add_noise(stack: Tensor, augmentation: Augmentation) -> Tensor:
    if augmentation.noise == 0:
        return stack
    generator = torch.Generator(stack.device).manual_seed(augmentation.noise_seed)
    noise = torch.randn(stack.shape, generator=generator, device=stack.device)
    return stack + augmentation.noise * noise


def _normalise(stream: Tensor, dtype: torch.dtype) -> Tensor:
    """Normalise in place: the stream is a copy of its channels."""
    three = stream.shape[1] == 3
    mean = stream.new_tensor(IMAGENET_MEAN if three else (PLAIN_MEAN,)).view(1, -1, 1, 1)
    std = stream.new_tensor(IMAGENET_STD if three else (PLAIN_STD,)).view(1, -1, 1, 1)
    return stream.sub_(mean).div_(std).to(dtype, memory_format=torch.channels_last)
