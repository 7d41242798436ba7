"""Where a model looked: integrated gradients and Grad-CAM through captum, over all streams at once."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kinfast.models import StreamClassifier
from kinfast.train.finished.stain_views import StainViews

COARSE = 16
"""Side of the maps that are compared with those of other weights: finer, single pixels decide."""


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Attributions of some sites' middle crops to their true classes.

    Attributes:
        gradients: one (n, channels, S, S) a stream: integrated gradients, signed.
        cams: one (n, S, S) a stream: Grad-CAM, signed, resized to the crop.
    """

    gradients: tuple[Tensor, ...]
    cams: tuple[Tensor, ...]


def attribute(
    model: StreamClassifier, views: StainViews, stack: Tensor, levels: Tensor, codes: NDArray[np.int64], steps: int
) -> Maps:
    """Attribute the logits of the true classes to the pixels of all streams.

    Args:
        model: in evaluation mode, on the views' device.
        views: make the streams.
        stack: (n, stains, S, S) crops, one a site.
        levels: (n, stains) counts: the even image that integrated gradients begin from.
        codes: (n,) true classes.
        steps: of integrated gradients.
    """
    streams = views.streams(stack)
    even = levels.to(stack.device, torch.float32)[:, :, None, None].expand(stack.shape)
    target = torch.from_numpy(codes).to(stack.device)

    def logits(*given: Tensor) -> Tensor:
        return model(list(given))  # type: ignore[no-any-return]

    integrated = IntegratedGradients(logits).attribute(
        tuple(stream.clone().requires_grad_() for stream in streams),
        baselines=views.streams(even),
        target=target,
        n_steps=steps,
        internal_batch_size=max(1, len(stack)) * 4,
    )
    cams = []
    for layer in model.map_layers().values():
        found = LayerGradCam(logits, layer).attribute(streams, target=target)
        resized = functional.interpolate(found.detach(), size=stack.shape[-2:], mode="bilinear", align_corners=False)
        cams.append(resized[:, 0])
    return Maps(tuple(part.detach() for part in integrated), tuple(cams))


def by_stain(maps: Maps, positions: Sequence[Sequence[int]], n_stains: int) -> NDArray[np.float64]:
    """Sum what integrated gradients give each stain in each stream, as a share of the site's whole.

    Returns:
        (n, streams, stains): sums of absolute attributions; a site sums to one. A stain that a stream lacks has 0, one
        that it holds twice the sum of both.
    """
    shares = np.zeros((len(maps.gradients[0]), len(maps.gradients), n_stains))
    for stream, (gradients, places) in enumerate(zip(maps.gradients, positions, strict=True)):
        sums = gradients.abs().sum(dim=(2, 3)).double().cpu().numpy()
        for channel, stain in enumerate(places):
            shares[:, stream, stain] += sums[:, channel]
    return np.asarray(shares / np.maximum(shares.sum(axis=(1, 2), keepdims=True), 1e-30))


def cam_by_stream(maps: Maps) -> NDArray[np.float64]:
    """Give each stream's share of the positive Grad-CAM of a site: (n, streams); even where there is none."""
    sums = np.stack([cam.clamp(min=0).sum(dim=(1, 2)).double().cpu().numpy() for cam in maps.cams], axis=1)
    total = sums.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, sums / np.maximum(total, 1e-30), 1 / sums.shape[1]))


def coarse_maps(maps: Maps) -> dict[str, NDArray[np.float64]]:
    """Shrink signed maps for comparison: method -> (n, numbers)."""
    gradients = [functional.adaptive_avg_pool2d(part.sum(dim=1, keepdim=True), COARSE) for part in maps.gradients]
    cams = [functional.adaptive_avg_pool2d(part[:, None], COARSE) for part in maps.cams]
    return {
        name: torch.cat([part.flatten(1) for part in parts], dim=1).double().cpu().numpy()
        for name, parts in (("integrated_gradients", gradients), ("grad_cam", cams))
    }


def shuffle_weights(model: StreamClassifier, seed: int) -> StreamClassifier:
    """Copy a model with the values of every parameter dealt anew within it: same sizes, nothing learnt.

    Source of the check: Adebayo et al. 2018, Sanity checks for saliency maps, arXiv:1810.03292.
    """
    shuffled = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in shuffled.parameters():
            order = torch.randperm(values.numel(), generator=generator).to(values.device)
            values.copy_(values.reshape(-1)[order].reshape(values.shape))
    return shuffled.eval()
