"""A model's answers for sites: logits, averaged over each site's fixed views."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinfast.data.loaders import Loader
from kinfast.data.minibatch import Minibatch
from kinfast.models import StreamClassifier
from kinfast.progress import Reporter, Silent
from kinfast.train.losses import Loss
from kinfast.train.precision import Precision


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model says of some sites.

    Attributes:
        rows: (n,) int64 positions in the store's table.
        logits: (n, n_classes) float32; with several views those of the mean probability.
        probabilities: (n, n_classes) float32, the mean over the views.
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]


def answer(
    model: nn.Module, loader: Loader, loss: Loss, precision: Precision, reporter: Reporter | None = None
) -> Answers:
    """Ask a model about all sites of a loader that does not augment.

    Args:
        model: on the loader's device; left in evaluation mode.
        loader: of the sites; the answers are in its order.
        loss: what the model was trained with: it knows how logits become probabilities.
        precision: as in training.
        reporter: told of each minibatch, in sites.
    """
    reporter = reporter or Silent()
    rows, logits = [], []
    model.eval()
    with torch.inference_mode():
        for batch in loader.epoch(0):
            with precision.autocast():
                outputs = model(batch.streams)
            logits.append(_over_views(outputs, batch, loss))
            rows.append(batch.rows)
            reporter.advance(len(batch))
        together = torch.cat(logits)
        chances = loss.probabilities(together)
    return Answers(torch.cat(rows).numpy(), together.cpu().numpy(), chances.cpu().numpy())


def embed(
    model: StreamClassifier, loader: Loader, precision: Precision, reporter: Reporter | None = None
) -> NDArray[np.float32]:
    """Describe all sites of a loader by what the head sees: (n, n_features) float32, the mean over the views."""
    reporter = reporter or Silent()
    features = []
    model.eval()
    with torch.inference_mode():
        for batch in loader.epoch(0):
            with precision.autocast():
                joined = model.embed(batch.streams)
            features.append(batch.mean_over_views(joined.float()).cpu())
            reporter.advance(len(batch))
    return torch.cat(features).numpy()


def _over_views(outputs: Tensor, batch: Minibatch, loss: Loss) -> Tensor:
    """Average probabilities, not logits: one sure view should not outvote eight doubtful ones."""
    if batch.views == 1:
        return outputs
    return loss.logits(batch.mean_over_views(loss.probabilities(outputs)))
