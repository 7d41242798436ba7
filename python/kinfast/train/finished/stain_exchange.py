"""What a prediction loses when a stain, or a whole stream, is no longer the site's own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinfast.models import StreamClassifier
from kinfast.progress import Reporter
from kinfast.train.finished.stain_views import StainViews
from kinfast.train.stepping.losses import Loss

SWAP, MEAN = "swap", "control_mean"
METHODS = (SWAP, MEAN)


@dataclass(frozen=True, slots=True, eq=False)
class Drops:
    """How much of the true class's probability goes, site by site.

    Attributes:
        before: (n,) the probability, untouched.
        stains: method -> (n, stains), exchanged in all streams at once.
        streams: method -> (n, streams), a whole stream exchanged.
    """

    before: NDArray[np.float64]
    stains: dict[str, NDArray[np.float64]]
    streams: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The sites to explain.

    Attributes:
        rows: (n,) positions in the store's table.
        codes: (n,) true classes.
        donors: (swaps, n) positions among these sites.
        levels: (n, stains) float, what stands for a stain that is taken away.
    """

    rows: NDArray[np.int64]
    codes: NDArray[np.int64]
    donors: NDArray[np.int64]
    levels: Tensor


def measure_drops(
    model: StreamClassifier, views: StainViews, loss: Loss, asked: Asked, batch: int, reporter: Reporter
) -> Drops:
    """Ask the model about every site as it is, and with each stain and each stream exchanged.

    Args:
        model: in evaluation mode, on the views' device.
        views: cut the sites.
        loss: knows how logits become probabilities.
        asked: the sites.
        batch: sites at once.
        reporter: told of the sites.
    """
    n, n_stains, n_streams = len(asked.rows), len(views.stains), len(views.composites)
    before = np.zeros(n)
    stains = {method: np.zeros((n, n_stains)) for method in METHODS}
    streams = {method: np.zeros((n, n_streams)) for method in METHODS}
    holders = [[place for place in range(n_streams) if stain in views.positions[place]] for stain in range(n_stains)]
    with torch.inference_mode():
        for start in range(0, n, batch):
            part = np.arange(start, min(start + batch, n))
            own = views.cut(asked.rows[part])
            kept = averages(model, views.streams(own))
            before[part] = true_chance(model, loss, kept, asked.codes[part])
            for method, others in _others(views, asked, part, own):
                lent = averages(model, views.streams(others))
                for place in range(n_streams):
                    mixed = [*kept[:place], lent[place], *kept[place + 1 :]]
                    streams[method][part, place] += before[part] - true_chance(model, loss, mixed, asked.codes[part])
                for stain in range(n_stains):
                    changed = own.to(others.dtype).clone()
                    changed[:, stain] = others[:, stain]
                    # a stream without the stain is as it was
                    made, mixed = views.streams(changed), list(kept)
                    for place in holders[stain]:
                        mixed[place] = model.average(place, made[place])
                    stains[method][part, stain] += before[part] - true_chance(model, loss, mixed, asked.codes[part])
            reporter.advance(len(part))
    for found in (stains, streams):
        found[SWAP] /= len(asked.donors)
    return Drops(before, stains, streams)


def averages(model: StreamClassifier, streams: Sequence[Tensor]) -> list[Tensor]:
    """Compute every stream's global averages, apart."""
    return [model.average(place, images) for place, images in enumerate(streams)]


def _others(views: StainViews, asked: Asked, part: NDArray[np.int64], own: Tensor) -> list[tuple[str, Tensor]]:
    """Give what is put in place of the sites' stains: other sites, one after the other, then even planes."""
    n_views = len(own) // len(part)
    level = asked.levels[part].repeat_interleave(n_views, dim=0).to(own.device, torch.float32)
    even = level[:, :, None, None].expand(own.shape)
    return [*((SWAP, views.cut(asked.rows[donors[part]])) for donors in asked.donors), (MEAN, even)]


def true_chance(
    model: StreamClassifier, loss: Loss, averages: Sequence[Tensor], codes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Give the true class's probability of each site, the mean over its views: (n,)."""
    chances = loss.probabilities(model.decide(averages))
    mean = chances.reshape(len(codes), -1, chances.shape[1]).mean(dim=1)
    return mean.cpu().numpy()[np.arange(len(codes)), codes].astype(np.float64)
