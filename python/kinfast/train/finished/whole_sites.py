"""A run's models as one module that takes sites as the store holds them, and needs nothing else to be asked."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kinfast.data.minibatch import IMAGENET_MEAN, IMAGENET_STD, PLAIN_MEAN, PLAIN_STD
from kinfast.models import StreamClassifier
from kinfast.train.stepping.losses import Loss


class WholeSites(nn.Module):
    """Cuts the views, takes the composites, normalises, asks every fold's model and averages, as `predict` does.

    It is made of the folds' models, what they were trained with, the views' top-left corners (y, x) and their side, and
    each stream's channels as positions among the store's.
    """

    def __init__(
        self,
        folds: Sequence[StreamClassifier],
        loss: Loss,
        corners: Sequence[tuple[int, int]],
        side: int,
        positions: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        self.folds = nn.ModuleList(folds)
        self._loss, self._corners, self._side = loss, tuple(corners), side
        self._positions = [list(channels) for channels in positions]
        for place, channels in enumerate(positions):
            three = len(channels) == 3
            mean = IMAGENET_MEAN if three else [PLAIN_MEAN] * len(channels)
            std = IMAGENET_STD if three else [PLAIN_STD] * len(channels)
            self.register_buffer(f"mean{place}", torch.tensor(mean)[:, None, None], persistent=False)
            self.register_buffer(f"std{place}", torch.tensor(std)[:, None, None], persistent=False)

    def forward(self, sites: Tensor) -> tuple[Tensor, Tensor]:
        """Turn (B, h, w, C) uint8 into logits and probabilities, (B, n_classes) float32 each."""
        streams = self._streams(sites)
        said = [self._over_views(model(streams)) for model in self.folds]
        if len(said) == 1:
            return said[0]
        mean = torch.stack([probabilities for _, probabilities in said]).mean(dim=0)
        return mean.clamp(min=torch.finfo(torch.float32).tiny).log(), mean

    def _streams(self, sites: Tensor) -> list[Tensor]:
        side = self._side
        crops = [sites[:, y : y + side, x : x + side] for y, x in self._corners]
        stack = torch.stack(crops, dim=1).flatten(0, 1).permute(0, 3, 1, 2)
        streams = []
        for place, channels in enumerate(self._positions):
            mean, std = self.get_buffer(f"mean{place}"), self.get_buffer(f"std{place}")
            streams.append((stack[:, channels].to(mean.dtype) / 255 - mean) / std)
        return streams

    def _over_views(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        probabilities = self._loss.probabilities(outputs)
        if len(self._corners) == 1:
            return outputs, probabilities
        mean = probabilities.reshape(-1, len(self._corners), probabilities.shape[1]).mean(dim=1)
        return self._loss.logits(mean), self._loss.probabilities(self._loss.logits(mean))
