"""Mixup and CutMix: sites of a training minibatch are blended with others, all streams alike, and so are their labels.

Source: Zhang et al. 2018, arXiv:1710.09412; Yun et al. 2019, arXiv:1905.04899.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kinfast.data.labels import LabelledSites
from kinfast.data.loaders import Loader
from kinfast.data.minibatch import Minibatch
from kinfast.data.transfer import put
from kinfast.errors import UsageError

_TAG = 7
"""Parts these draws from those of order and augmentation, which come from the same seed."""


@dataclass(frozen=True, slots=True)
class MixingSpec:
    """How strongly sites are mixed.

    Attributes:
        mixup: parameter of the Beta distribution that the partner's share is drawn from; 0: no mixup.
        cutmix: the same for the share of the image that the partner's box takes; 0: no CutMix.
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.mixup < np.inf or not 0 <= self.cutmix < np.inf:
            raise UsageError(f"mixup {self.mixup}, cutmix {self.cutmix}: wanted 0 (none) or more, such as 0.2 and 1")

    def __bool__(self) -> bool:
        return self.mixup > 0 or self.cutmix > 0


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """What is done to one minibatch of n sites.

    Attributes:
        partner: (n,) int64 place of the site that is mixed in.
        share: (n,) float32 of the partner, where the whole image is blended; 0 where a box is put in.
        boxes: (n, 4) int64 top, bottom, left, right, in pixels, the ends excluded; empty where the image is blended.
    """

    partner: NDArray[np.int64]
    share: NDArray[np.float32]
    boxes: NDArray[np.int64]


class MixingLoader:
    """Serves a training loader's minibatches mixed. The same seed, epoch and place give the same mix."""

    def __init__(self, loader: Loader, spec: MixingSpec, seed: int) -> None:
        if loader.labels is None:
            raise ValueError("sites without labels cannot be mixed")
        self._loader, self._spec, self._seed = loader, spec, seed
        self._n_classes = len(loader.labels.class_names)
        self.kind, self.cache = loader.kind, loader.cache
        self.labels: LabelledSites | None = loader.labels
        self.views, self.n_sites = loader.views, loader.n_sites

    def __len__(self) -> int:
        return len(self._loader)

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Minibatch]:
        """Yield an epoch's minibatches; their targets are (B, n_classes) float32."""
        for index, batch in enumerate(self._loader.epoch(number, first_batch), first_batch):
            # of several processes each mixes its own part of the minibatch, the first as one alone would
            rng = np.random.default_rng([self._seed, number, index, _TAG, *([batch.first] if batch.first else [])])
            mix = draw_mix(rng, len(batch), batch.streams[0].shape[-1], self._spec)
            yield mix_batch(batch, mix, self._n_classes)


def draw_mix(rng: np.random.Generator, n_sites: int, side: int, spec: MixingSpec) -> Mix:
    """Draw each site's partner, and its share or box; where both kinds are asked for, each site gets either.

    Args:
        rng: where it stands decides all.
        n_sites: of the minibatch.
        side: of the crops, pixels.
        spec: how strongly.
    """
    partner = rng.permutation(n_sites)
    boxed = rng.random(n_sites) < (0.5 if spec.mixup and spec.cutmix else float(spec.cutmix > 0))
    share = rng.beta(spec.mixup, spec.mixup, n_sites) if spec.mixup else np.zeros(n_sites)
    area = rng.beta(spec.cutmix, spec.cutmix, n_sites) if spec.cutmix else np.zeros(n_sites)
    half = np.sqrt(area)[:, None] * side / 2
    centre = rng.random((n_sites, 2)) * side
    # cut at the image's border, as in the source; the labels follow the area that is left
    ends = np.rint(np.clip(np.stack([centre - half, centre + half], axis=2), 0, side)).astype(np.int64)
    boxes = np.where(boxed[:, None], ends.reshape(n_sites, 4), 0)
    return Mix(partner, np.where(boxed, 0.0, share).astype(np.float32), boxes)


def mix_batch(batch: Minibatch, mix: Mix, n_classes: int) -> Minibatch:
    """Mix a minibatch: in each stream the same partner, share and box; labels by the area or share that they have."""
    assert batch.targets is not None
    first = batch.streams[0]
    partner = put(torch.from_numpy(mix.partner), first.device)
    weights = partner_weights(mix, first)  # (B, 1, S, S)
    streams = tuple(torch.lerp(stream, stream[partner], weights) for stream in batch.streams)
    share = weights.float().mean(dim=(1, 2, 3))[:, None]
    return replace(batch, streams=streams, targets=_mixed_labels(batch.targets, partner, share, n_classes))


def partner_weights(mix: Mix, like: Tensor) -> Tensor:
    """Weigh the partner at each pixel: (B, 1, S, S) of 0 to 1, in the streams' format and on their device."""
    height, width = like.shape[2:]
    boxes = put(torch.from_numpy(mix.boxes), like.device)[:, :, None]
    top, bottom, left, right = boxes.unbind(dim=1)
    y, x = (torch.arange(side, device=like.device)[None] for side in (height, width))
    inside = ((y >= top) & (y < bottom))[:, :, None] & ((x >= left) & (x < right))[:, None, :]
    share = put(torch.from_numpy(mix.share), like.device)[:, None, None]
    return torch.where(inside, 1.0, share)[:, None].to(like.dtype)


def _mixed_labels(targets: Tensor, partner: Tensor, share: Tensor, n_classes: int) -> Tensor:
    """Mix labels, (B, n_classes) float32. A label is known where both sites' are, or where one site is all there is."""
    own = targets if targets.ndim == 2 else functional.one_hot(targets, n_classes).float()
    theirs = own[partner]
    return torch.where(share <= 0, own, torch.where(share >= 1, theirs, torch.lerp(own, theirs, share)))
