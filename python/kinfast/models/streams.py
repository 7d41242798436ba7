"""The classifier of one, two or more streams: a backbone each, global averages joined, one head."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class StreamClassifier(nn.Module):
    """Streams of images to logits. Each stream has a network of its own, as in the thesis (3.7)."""

    def __init__(self, backbones: Sequence[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(backbones)
        self.head = head

    def embed(self, streams: Sequence[Tensor]) -> Tensor:
        """Join the streams' global averages.

        Args:
            streams: one (B, C, S, S) float tensor a stream, in the order of the backbones.

        Returns:
            (B, n_features of all streams).
        """
        if len(streams) != len(self.backbones):
            raise ValueError(f"{len(streams)} streams given, {len(self.backbones)} wanted")
        maps = [backbone(images) for backbone, images in zip(self.backbones, streams, strict=True)]
        return torch.cat([features.mean(dim=(2, 3)) for features in maps], dim=1)

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        """Compute (B, n_classes) float32 logits."""
        logits: Tensor = self.head(self.embed(streams))
        return logits.float()
