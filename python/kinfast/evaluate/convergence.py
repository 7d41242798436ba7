"""Whether training came to an end of its own: by the loss curve, and beside what class frequencies alone give."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kinfast import schema
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.arrays import Float
from kinfast.metrics.learning_curves import STILL_FALLING, late_fall

UNLEARNED = 2.0
"""A training loss that ends above so many times that of the class frequencies has not learned even these."""
THESIS_HEAD, BINARY = "thesis", "binary_cross_entropy"


@dataclass(frozen=True, slots=True)
class Convergence:
    """Whether a fold's training came to an end of its own.

    Attributes:
        late_fall: share of the whole fall that the last fifth of the epochs brought; None: too few epochs to say.
        loss: of the last epoch.
        prior_loss: what the class frequencies alone give; NaN where they do not tell.
    """

    late_fall: float | None
    loss: float
    prior_loss: float

    @property
    def above_prior(self) -> bool:
        """Whether the loss ends far above what the class frequencies alone give: flat or not, it cannot be the end."""
        return self.loss > UNLEARNED * self.prior_loss

    @property
    def flat(self) -> bool | None:
        """True, False, or None where nobody can say."""
        if self.above_prior:
            return False
        return None if self.late_fall is None else self.late_fall <= STILL_FALLING

    @property
    def word(self) -> str:
        """A word or two for a table."""
        if self.above_prior:
            return "not converged (above the prior's)"
        return {None: "too few epochs", True: "flat", False: "not converged"}[self.flat]


def fold_convergence(run: Run) -> dict[int, Convergence]:
    """Judge the training loss of every fold of a run; those without a history are left out."""
    curves: dict[int, list[float]] = {}
    for row in run.history:
        if isinstance(loss := row.get("train_loss"), int | float):
            curves.setdefault(int(row.get("fold", 0)), []).append(float(loss))
    return {
        fold: Convergence(late_fall(np.array(losses, dtype=np.float64)), losses[-1], prior_loss(run, fold))
        for fold, losses in sorted(curves.items())
    }


def least_converged(folds: Iterable[Convergence]) -> Convergence:
    """Choose the fold that is furthest from an end; without any, one that says nothing."""
    nothing = Convergence(None, float("nan"), float("nan"))
    return max(folds, key=lambda one: (one.above_prior, one.late_fall or 0.0, one.loss), default=nothing)


def judge_convergence(run: Run) -> Convergence:
    """Judge a run's training loss, the least converged fold's."""
    return least_converged(fold_convergence(run).values())


def prior_loss(run: Run, fold: int) -> float:
    """Give the training loss of the best constant answer: one that knows the train part's class frequencies alone.

    Class weights, balanced sampling and label smoothing change what that is, and are followed. Mixing sites and
    adjusting logits do not: the mean target stays, and a constant takes up any shift. NaN for a focal loss.
    """
    train = run.table[((run.table[schema.PART] == schema.PART_TRAIN) & (run.table[schema.FOLD] == fold)).to_numpy()]
    truths = run.truths(train)
    truths = truths[~np.isnan(truths).all(axis=1)]
    if run.config.get("focal") or not truths.size:
        return float("nan")
    if run.several or run.config.get("head") == THESIS_HEAD or run.config.get("loss") == BINARY:
        return _binary(truths, _site_weights(run, truths))
    return _cross_entropy(truths, _class_weights(run, truths), float(run.config.get("label_smoothing") or 0.0))


def _class_weights(run: Run, truths: Float) -> Float:
    """Weigh classes as the loss does: by the inverse of their frequency, or all alike; one with no site gets 0."""
    counts: Float = np.nansum(truths, axis=0)
    evened = run.config.get("class_weights") or run.config.get("balanced_sampling")
    if not evened or run.config.get("soft_targets"):
        return (counts > 0).astype(np.float64)
    weights: Float = np.where(counts > 0, counts.sum() / ((counts > 0).sum() * np.maximum(counts, 1.0)), 0.0)
    return weights


def _site_weights(run: Run, truths: Float) -> Float:
    """Weigh sites by their classes, one of several by their mean weight, one of none once: (n,)."""
    members = np.nan_to_num(truths)
    share = members.sum(axis=1)
    weights: Float = np.where(share > 0, members @ _class_weights(run, truths) / np.maximum(share, 1e-12), 1.0)
    return weights


def _binary(truths: Float, weights: Float) -> float:
    """A sigmoid a class, the loss a mean over a site's known classes, then a weighted mean over sites."""
    known = ~np.isnan(truths)
    shares = weights[:, None] * known / known.sum(axis=1, keepdims=True)
    frequencies = (shares * np.nan_to_num(truths)).sum(axis=0) / np.maximum(shares.sum(axis=0), 1e-12)
    entropies = _self_information(frequencies) + _self_information(1 - frequencies)
    return float((shares * entropies).sum() / weights.sum())


def _cross_entropy(truths: Float, weights: Float, smoothing: float) -> float:
    """Source of how weights and smoothing meet: torch.nn.CrossEntropyLoss."""
    counts = truths.sum(axis=0)
    masses = weights * ((1 - smoothing) * counts + smoothing * counts.sum() / counts.size)
    return float(_self_information(masses / masses.sum()).sum() * masses.sum() / (weights @ counts))


def _self_information(shares: Float) -> Float:
    information: Float = -shares * np.log(np.where(shares > 0, shares, 1.0))
    return information
