"""A model's answers for sites: logits, averaged over each site's fixed views."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinfast.data.loaders import Loader
from kinfast.data.minibatch import Minibatch
from kinfast.models import StreamClassifier
from kinfast.progress import Reporter, Silent
from kinfast.train.processes.ranks import ALONE, Ranks
from kinfast.train.stepping.losses import Loss
from kinfast.train.stepping.precision import Precision


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
    model: nn.Module,
    loader: Loader,
    loss: Loss,
    precision: Precision,
    reporter: Reporter | None = None,
    ranks: Ranks = ALONE,
) -> Answers:
    """Ask a model about all sites of a loader that does not augment.

    Args:
        model: on the loader's device; left in evaluation mode.
        loader: of the sites; the answers are in its order.
        loss: what the model was trained with: it knows how logits become probabilities.
        precision: as in training.
        reporter: told of each minibatch, in sites.
        ranks: each process asks about its shard of the sites; all get all answers.
    """
    reporter = reporter or Silent()
    rows, logits = [], []
    # asked before the first minibatch: what processes agree on in `advance` is asked in the same way
    missing = ranks.most(len(loader)) - len(loader)
    model.eval()
    with torch.inference_mode():
        for batch in loader.epoch(0):
            with precision.autocast():
                outputs = model(batch.streams)
            logits.append(_over_views(outputs, batch, loss))
            rows.append(batch.rows)
            reporter.advance(len(batch))
        for _ in range(missing):
            reporter.advance(0)  # as often as in the other processes: they may agree there on stopping
        together = _of_all(logits, loader, ranks)
        chances = loss.probabilities(together)
        all_rows = ranks.whole(torch.cat(rows) if rows else torch.zeros(0, dtype=torch.int64), *_place(loader, ranks))
    return Answers(all_rows.numpy(), together.cpu().numpy(), chances.cpu().numpy())


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


def _place(loader: Loader, ranks: Ranks) -> tuple[int, int]:
    """Give where a process's sites begin among those of all, and how many these are."""
    return ranks.shard.part(loader.n_sites).start, loader.n_sites


def _of_all(logits: Sequence[Tensor], loader: Loader, ranks: Ranks) -> Tensor:
    """Put the processes' logits together, on the host. A process that had no site does not know their width."""
    if ranks.size == 1:
        return torch.cat(list(logits))
    width = ranks.most(logits[0].shape[1] if logits else 0)
    own = torch.cat(list(logits)).cpu() if logits else torch.zeros(0, width)
    return ranks.whole(own, *_place(loader, ranks))


def _over_views(outputs: Tensor, batch: Minibatch, loss: Loss) -> Tensor:
    """Average probabilities, not logits: one sure view should not outvote eight doubtful ones."""
    if batch.views == 1:
        return outputs
    return loss.logits(batch.mean_over_views(loss.probabilities(outputs)))
