"""The classifier of one, two or more streams: a backbone each, global averages joined, one head."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kinfast.models.recompute import Pass, recomputed
from kinfast.models.stem import stem_channels


class StreamClassifier(nn.Module):
    """Streams of images to logits. Each stream has a network of its own, as in the thesis (3.7)."""

    def __init__(self, backbones: Sequence[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(backbones)
        self.head = head
        self._recomputed: tuple[Pass, ...] = ()

    def checkpoint_activations(self) -> None:
        """Keep few activations in training and compute the others again; call it on the device that trains."""
        self._recomputed = tuple(recomputed(backbone, stem_channels(backbone)) for backbone in self.backbones)

    def freeze_backbones(self, frozen: bool) -> None:
        """Let training leave the backbones as they are, running statistics included, or let it change them again."""
        for backbone in self.backbones:
            backbone.requires_grad_(not frozen)
            backbone.train(self.training and not frozen)

    def embed(self, streams: Sequence[Tensor]) -> Tensor:
        """Join the streams' global averages.

        Args:
            streams: one (B, C, S, S) float tensor a stream, in the order of the backbones.

        Returns:
            (B, n_features of all streams).
        """
        if len(streams) != len(self.backbones):
            raise ValueError(f"{len(streams)} streams given, {len(self.backbones)} wanted")
        return torch.cat([self.average(place, images) for place, images in enumerate(streams)], dim=1)

    def average(self, stream: int, images: Tensor) -> Tensor:
        """Compute one stream's global averages: (B, C, S, S) to (B, n_features of this stream)."""
        backbone = self.backbones[stream]
        again = backbone.training and self._recomputed
        features: Tensor = self._recomputed[stream](images) if again else backbone(images)
        return features.mean(dim=(2, 3))

    def decide(self, averages: Sequence[Tensor]) -> Tensor:
        """Compute (B, n_classes) float32 logits of all streams' averages."""
        logits: Tensor = self.head(torch.cat(list(averages), dim=1))
        return logits.float()

    def map_layers(self) -> dict[str, nn.Module]:
        """Name the layer of each stream that gives the last feature map, whatever the backbone: Grad-CAM's target."""
        return {f"backbones.{place}": backbone for place, backbone in enumerate(self.backbones)}

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        """Compute (B, n_classes) float32 logits."""
        logits: Tensor = self.head(self.embed(streams))
        return logits.float()
