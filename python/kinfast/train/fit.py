"""One fold's training: epochs of steps, validation after each, a checkpoint after each, the best weights at the end."""

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kinfast.data.loaders import Loader
from kinfast.errors import UsageError
from kinfast.metrics.scores import score
from kinfast.progress import Reporter
from kinfast.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kinfast.train.dead_relus import dead_shares, watch_relus
from kinfast.train.inference import answer
from kinfast.train.losses import BINARY_CROSS_ENTROPY, Loss
from kinfast.train.precision import Precision
from kinfast.train.schedules import Schedule
from kinfast.train.seeds import seed_torch
from kinfast.train.step import Updater
from kinfast.train.stopping import Best, unripe_epochs

VALIDATION_SCORES = ("top1_accuracy", "binary_accuracy", "balanced_accuracy", "roc_auc_macro")
"""Scores of the validation part that the history keeps, beside the loss."""


@dataclass(frozen=True, slots=True, eq=False)
class SecondOptimizer:
    """What trains after the first `epochs`. It begins without a state: Adam's moments mean nothing to SGD."""

    epochs: int
    optimizer: torch.optim.Optimizer


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """What one fold is trained with.

    Attributes:
        number: 0-based.
        model: on the device.
        training: augmented minibatches; an epoch takes `steps` of them.
        validation: the fixed views of the validation part; None without one.
        loss, optimizer, precision, schedule: how it is trained.
        second: the optimiser that takes over, with the epochs before it; None where one trains throughout.
        clip_norm: largest norm of the gradient; 0: no clipping.
        compiled: see `kernels.compile_passes`.
        epochs, steps: at most so many epochs of so many steps.
        patience: epochs without a better validation loss; 0: endless.
        unripe_share: of the epochs, see `stopping.Best`.
        seed: of the run.
    """

    number: int
    model: nn.Module
    training: Loader
    validation: Loader | None
    loss: Loss
    optimizer: torch.optim.Optimizer
    precision: Precision
    schedule: Schedule
    clip_norm: float
    compiled: str
    epochs: int
    steps: int
    patience: int
    unripe_share: float
    seed: int
    second: SecondOptimizer | None = None

    def optimizer_of(self, epoch: int) -> torch.optim.Optimizer:
        """Give the optimiser that trains an epoch, 0-based."""
        return self.second.optimizer if self.second and epoch >= self.second.epochs else self.optimizer


def fit(fold: Fold, path: Path, reporter: Reporter, on_epoch: Callable[[list[dict[str, Any]]], None]) -> Checkpoint:
    """Train one fold, from its checkpoint on where there is one.

    Args:
        fold: what to train, and how.
        path: of the checkpoint.
        reporter: told of each step, in sites, and of each epoch in a line.
        on_epoch: called after each epoch with the fold's history so far.

    Returns:
        The finished checkpoint; its `best_weights` are the model.

    Raises:
        UsageError: the loss is no longer a number.
    """
    updater = Updater(fold.model, fold.optimizer, fold.loss, fold.precision, fold.clip_norm, fold.compiled)
    state = load_checkpoint(path) or Checkpoint()
    best = Best(**state.best) if state.best else Best(unripe_epochs(fold.epochs, fold.unripe_share))
    if state.weights:
        updater.optimizer = fold.optimizer_of(state.epoch - 1)  # whose state the checkpoint holds
        _restore(updater, state)
    while not state.finished and state.epoch < fold.epochs:
        updater.optimizer = fold.optimizer_of(state.epoch)
        row = _epoch(fold, updater, state.epoch, reporter)
        best = best.after(state.epoch, row.get("validation_loss", math.nan))
        state = _advance(
            state, updater, best, row, finished=best.exhausted(fold.patience) or row["epoch"] == fold.epochs
        )
        save_checkpoint(state, path)
        on_epoch(state.history)
        reporter.line(_sentence(row, fold.epochs, best))
    return state


def _epoch(fold: Fold, updater: Updater, epoch: int, reporter: Reporter) -> dict[str, Any]:
    """Train and validate once. Returns the history's line, epochs counted from 1."""
    seed_torch(fold.seed, fold.number, epoch + 1)
    began = time.perf_counter()
    sites, loss, accuracies = _train(fold, updater, epoch, reporter)
    seconds = time.perf_counter() - began
    _check_finite(loss, fold, epoch)
    row: dict[str, Any] = {"train_loss": loss, **accuracies}
    if fold.validation is not None:
        row |= _validate(fold, updater.model, epoch)
    return {
        "fold": fold.number,
        "epoch": epoch + 1,
        **row,
        "learning_rate": fold.schedule.rate((epoch + 1) * fold.steps - 1),
        "seconds": round(time.perf_counter() - began, 3),
        "sites_per_second": round(sites / seconds, 2),
    }


def _train(fold: Fold, updater: Updater, epoch: int, reporter: Reporter) -> tuple[int, float, dict[str, float | None]]:
    """Take an epoch's steps; values stay on the device until its end. Returns sites, mean loss, accuracies."""
    fold.model.train()
    loss_sum, hit_sum, right_sum, sites, several = _zero(fold), _zero(fold), _zero(fold), 0, False
    batches = itertools.islice(fold.training.epoch(epoch), fold.steps)
    for index, batch in enumerate(batches):
        loss, logits = updater.step(batch, fold.schedule.rate(epoch * fold.steps + index))
        assert batch.targets is not None
        several = batch.targets.ndim == 2
        loss_sum += loss * len(batch)
        if not several:
            hit_sum += (logits.argmax(dim=1) == batch.targets).sum()
            right_sum += _right_outputs(logits, batch.targets)
        sites += len(batch)
        reporter.advance(len(batch))
    accuracies: dict[str, float | None] = {"train_top1_accuracy": None if several else float(hit_sum) / sites}
    if fold.loss.kind == BINARY_CROSS_ENTROPY and not several:
        accuracies["train_binary_accuracy"] = float(right_sum) / (sites * logits.shape[1])
    return sites, float(loss_sum) / sites, accuracies


def _right_outputs(logits: Tensor, targets: Tensor) -> Tensor:
    """Count the sigmoid outputs that are on their class's side of a half: what Keras calls the accuracy."""
    positive = logits > 0
    own = positive.gather(1, targets[:, None]).sum()
    return logits.numel() - len(logits) - positive.sum() + 2 * own


def _zero(fold: Fold) -> Tensor:
    return torch.zeros((), device=fold.precision.device)


def _validate(fold: Fold, model: nn.Module, epoch: int) -> dict[str, Any]:
    """Compute the loss and the scores of the validation part, as the test part will be: averaged over views."""
    assert fold.validation is not None
    assert fold.validation.labels is not None
    with watch_relus(model) as fired:
        answers = answer(model, fold.validation, fold.loss, fold.precision)
    targets = torch.from_numpy(fold.validation.labels.targets(answers.rows))
    weights = fold.loss.class_weights
    on_cpu = replace(fold.loss, class_weights=None if weights is None else weights.cpu())
    loss = float(on_cpu(torch.from_numpy(answers.logits), targets))
    _check_finite(loss, fold, epoch)
    found: dict[str, Any] = {"validation_loss": loss, "dead_relus": dead_shares(fired)}
    if targets.ndim == 1:
        scores = score(answers.probabilities.astype("float64"), targets.numpy())
        found |= {f"validation_{name}": _finite(scores[name]) for name in VALIDATION_SCORES}
    return found


def _check_finite(loss: float, fold: Fold, epoch: int) -> None:
    if not math.isfinite(loss):
        raise UsageError(
            f"fold {fold.number}, epoch {epoch + 1}: the loss is {loss}, training diverged; "
            f"lower --learning-rate (now {fold.schedule.peak:g}) or raise --warmup-epochs"
        )


def _advance(state: Checkpoint, updater: Updater, best: Best, row: dict[str, Any], finished: bool) -> Checkpoint:
    weights = {name: value.detach().cpu().clone() for name, value in updater.model.state_dict().items()}
    return Checkpoint(
        epoch=state.epoch + 1,
        finished=finished,
        best=asdict(best),
        best_weights=weights if best.is_latest else state.best_weights,
        # a finished fold is never trained on: its optimiser, twice the model's size, need not be kept
        weights={} if finished else weights,
        optimizer={} if finished else updater.optimizer.state_dict(),
        scaler={} if finished else updater.scaler.state_dict(),
        history=[*state.history, row],
    )


def _restore(updater: Updater, state: Checkpoint) -> None:
    updater.model.load_state_dict(state.weights)
    updater.optimizer.load_state_dict(state.optimizer)
    if state.scaler:
        updater.scaler.load_state_dict(state.scaler)


def _sentence(row: dict[str, Any], epochs: int, best: Best) -> str:
    said = [f"fold {row['fold']} epoch {row['epoch']}/{epochs}: loss {row['train_loss']:.4f}"]
    if "validation_loss" in row:
        said.append(f"validation loss {row['validation_loss']:.4f}{' (best)' if best.is_latest else ''}")
    if row.get("validation_balanced_accuracy") is not None:
        said.append(f"balanced accuracy {row['validation_balanced_accuracy']:.3f}")
    return ", ".join([*said, f"{row['sites_per_second']:.1f} sites/s"])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
