"""One fold's training: epochs of steps, validation after each, checkpoints after and within, the best weights last."""

import itertools
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from kinfast.data.loaders import Loader
from kinfast.errors import RunError, UsageError
from kinfast.metrics.scores import score
from kinfast.models import StreamClassifier
from kinfast.progress import Reporter, Silent
from kinfast.train.inference import answer
from kinfast.train.resuming.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kinfast.train.resuming.generators import generator_states, set_generators
from kinfast.train.resuming.interruption import Stop, hear_signals
from kinfast.train.resuming.packing import restore_optimizer
from kinfast.train.seeds import seed_torch
from kinfast.train.stepping.schedules import Schedule
from kinfast.train.stepping.step import Updater
from kinfast.train.watching.dead_relus import dead_shares, watch_relus, whole_fired
from kinfast.train.watching.stopping import Best, unripe_epochs
from kinfast.train.watching.sums import Sums
from kinfast.train.watching.trace import Trace
from kinfast.train.watching.watch import Watch

SECONDS_A_MINUTE = 60.0
NOTHING, KEEP, STOP = range(3)
"""What a process may wish for between two steps; what one wishes, all do."""
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
        updater: takes the model's steps; the average of the weights, where it has one, is what is validated and kept.
        training: augmented minibatches; an epoch takes `steps` of them.
        validation: the fixed views of the validation part; None without one.
        optimizer: the first one.
        schedule: of the learning rate.
        freeze_epochs: first epochs that leave the backbones as they are.
        second: the optimiser that takes over, with the epochs before it; None where one trains throughout.
        epochs, steps: at most so many epochs of so many steps.
        patience: epochs without a better validation loss; 0: endless.
        unripe_share: of the epochs, see `stopping.Best`.
        seed: of the run.
        checkpoint_minutes: from one checkpoint within an epoch to the next.
    """

    number: int
    model: StreamClassifier
    updater: Updater
    training: Loader
    validation: Loader | None
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    epochs: int
    steps: int
    patience: int
    unripe_share: float
    seed: int
    checkpoint_minutes: float
    freeze_epochs: int = 0
    second: SecondOptimizer | None = None

    def optimizer_of(self, epoch: int) -> torch.optim.Optimizer:
        """Give the optimiser that trains an epoch, 0-based."""
        return self.second.optimizer if self.second and epoch >= self.second.epochs else self.optimizer


def fit(
    fold: Fold,
    path: Path,
    reporter: Reporter,
    on_epoch: Callable[[list[dict[str, Any]]], None],
    trace: Trace | None = None,
) -> Checkpoint:
    """Train one fold, from its checkpoint on where there is one.

    Args:
        fold: what to train, and how.
        path: folder of the fold's checkpoints.
        reporter: told of each step, in sites, and of each epoch in a line.
        on_epoch: called after each epoch with the fold's history so far.
        trace: told of the first epoch's steps.

    Returns:
        The finished checkpoint; its `best_weights` are the model.

    Raises:
        UsageError: the loss is no longer a number.
        KeyboardInterrupt: it was asked to stop, by Ctrl-C or SIGTERM; where it stands is kept.
    """
    state = load_checkpoint(path) or Checkpoint()
    _check_alike(state, fold, path)
    updater = fold.updater
    best = Best(**state.best) if state.best else Best(unripe_epochs(fold.epochs, fold.unripe_share))
    if state.weights:
        # between epochs it is the state of the optimiser before, which may be another one
        updater.optimizer = fold.optimizer_of(state.epoch - (0 if state.midway else 1))
        _restore(updater, state)
    with hear_signals(patient=updater.ranks.size > 1) as stop:
        while not state.finished and state.epoch < fold.epochs:
            updater.optimizer = fold.optimizer_of(state.epoch)
            watch = Watch(updater.precision.device, state.history)
            row = _epoch(fold, _Keeper(state, path, fold, stop), reporter, watch, trace)
            trace = None
            best = best.after(state.epoch, row.get("validation_loss", math.nan))
            state = _advance(
                state, updater, best, row, finished=best.exhausted(fold.patience) or row["epoch"] == fold.epochs
            )
            if updater.ranks.first:
                save_checkpoint(state, path)
            on_epoch(state.history)
            reporter.line(_sentence(row, fold.epochs, best, watch.waited))
            if updater.ranks.most(stop.asked):
                raise KeyboardInterrupt
    return state


class _Keeper(Silent):
    """Keeps where an epoch stands: after so many minutes, and when training is asked to stop."""

    def __init__(self, state: Checkpoint, path: Path, fold: Fold, stop: Stop) -> None:
        self.epoch, self.midway = state.epoch, state.midway
        self.sums = Sums.on(fold.updater.precision.device, state.midway.get("sums"))
        self._state, self._path, self._fold, self._stop = state, path, fold, stop
        self._began = self._kept = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time spent on the epoch, before an interruption too."""
        return self.sums.seconds + time.perf_counter() - self._began

    def advance(self, count: int = 1, note: str = "") -> None:
        """Look whether it is time: between steps, and between validation's minibatches, which change nothing."""
        due = time.perf_counter() - self._kept >= SECONDS_A_MINUTE * self._fold.checkpoint_minutes
        wish = self._fold.updater.ranks.most(STOP if self._stop.asked else KEEP if due else NOTHING)
        if wish == NOTHING:
            return
        self._keep()
        self._kept = time.perf_counter()
        if wish == STOP:
            raise KeyboardInterrupt

    def _keep(self) -> None:
        updater = self._fold.updater
        first, *others = updater.ranks.states(generator_states(updater.precision.device))
        if updater.ranks.first:
            midway = {"sums": self.sums.as_kept(self.seconds), "generators": first, "others": others}
            save_checkpoint(replace(self._state, **_latest(updater), midway=midway), self._path)


def _epoch(fold: Fold, keeper: _Keeper, reporter: Reporter, watch: Watch, trace: Trace | None) -> dict[str, Any]:
    """Train and validate once, or go on with it. Returns the history's line, epochs counted from 1."""
    epoch, sums, updater = keeper.epoch, keeper.sums, fold.updater
    seed_torch(fold.seed, fold.number, epoch + 1, updater.ranks.rank)
    if keeper.midway:
        kept = [keeper.midway["generators"], *keeper.midway.get("others", [])]
        if updater.ranks.rank < len(kept):
            set_generators(kept[updater.ranks.rank], updater.precision.device)
    _train(fold, keeper, reporter, watch, trace)
    seconds, row = keeper.seconds, sums.row(updater.loss)
    _check_finite(row["train_loss"], fold, epoch)
    if fold.validation is not None:
        with updater.average.in_place() if updater.average else nullcontext():
            row |= _validate(fold, keeper)
    # of the first process: whether to go on must not depend on the last bit of a sum
    return updater.ranks.share(
        {
            "fold": fold.number,
            "epoch": epoch + 1,
            **row,
            "learning_rate": fold.schedule.rate((epoch + 1) * fold.steps - 1),
            "seconds": round(keeper.seconds, 3),
            "sites_per_second": round(sums.sites / seconds, 2),
        }
    )


def _train(fold: Fold, keeper: _Keeper, reporter: Reporter, watch: Watch, trace: Trace | None) -> None:
    """Take an epoch's steps, or those that are left; values stay on the device until its end."""
    fold.model.train()
    if fold.freeze_epochs:
        fold.model.freeze_backbones(keeper.epoch < fold.freeze_epochs)
        fold.updater.join()
    first, sums = keeper.sums.steps, keeper.sums
    left = min(fold.steps, len(fold.training)) - first
    if left <= 0:
        return
    batches = watch.over(itertools.islice(fold.training.epoch(keeper.epoch, first), left))
    for index, batch in enumerate(batches, first):
        loss, logits, targets = fold.updater.step(batch, fold.schedule.rate(keeper.epoch * fold.steps + index))
        sums.add(loss, logits, targets)
        reporter.advance(len(targets), watch.note(sums))
        if trace is not None:
            trace.step()
        keeper.advance()
    if trace is not None:
        trace.finish()
        for line in trace.lines:
            reporter.line(line)


def _validate(fold: Fold, keeper: _Keeper) -> dict[str, Any]:
    """Compute the loss and the scores of the validation part, as the test part will be: averaged over views."""
    assert fold.validation is not None
    assert fold.validation.labels is not None
    model, loss, ranks = fold.model, fold.updater.loss, fold.updater.ranks
    ranks.share_buffers(model)
    with watch_relus(model) as fired:
        answers = answer(model, fold.validation, loss, fold.updater.precision, keeper, ranks)
    targets = torch.from_numpy(fold.validation.labels.targets(answers.rows))
    value = float(loss.to("cpu")(torch.from_numpy(answers.logits), targets))
    _check_finite(value, fold, keeper.epoch)
    found: dict[str, Any] = {"validation_loss": value, "dead_relus": dead_shares(whole_fired(fired, ranks))}
    if targets.ndim == 1:
        scores = score(answers.probabilities.astype("float64"), targets.numpy())
        found |= {f"validation_{name}": _finite(scores[name]) for name in VALIDATION_SCORES}
    return found


def _check_alike(state: Checkpoint, fold: Fold, path: Path) -> None:
    """See that all processes go on from one place."""
    done = state.steps_done(fold.steps)
    ranks = fold.updater.ranks
    if ranks.most(done) != -ranks.most(-done):
        raise RunError(f"not all processes find the same checkpoints in {path}: wanted a folder that all machines see")


def _check_finite(loss: float, fold: Fold, epoch: int) -> None:
    if not math.isfinite(loss):
        raise UsageError(
            f"fold {fold.number}, epoch {epoch + 1}: the loss is {loss}, training diverged; "
            f"lower --learning-rate (now {fold.schedule.peak:g}) or raise --warmup-epochs"
        )


def _advance(state: Checkpoint, updater: Updater, best: Best, row: dict[str, Any], finished: bool) -> Checkpoint:
    latest = _latest(updater)
    return Checkpoint(
        epoch=state.epoch + 1,
        finished=finished,
        best=asdict(best),
        best_weights=(latest["average"] or latest)["weights"] if best.is_latest else state.best_weights,
        history=[*state.history, row],
        # a finished fold is never trained on: its optimiser, twice the model's size, need not be kept
        **({} if finished else latest),
    )


def _latest(updater: Updater) -> dict[str, Any]:
    average = updater.average
    weights = updater.model.state_dict() if average is None else average.own_weights
    return {
        "weights": {name: value.detach().cpu().clone() for name, value in weights.items()},
        "average": {} if average is None else average.as_kept(),
        "optimizer": updater.optimizer.state_dict(),
        "scaler": updater.scaler.state_dict(),
    }


def _restore(updater: Updater, state: Checkpoint) -> None:
    updater.model.load_state_dict(state.weights)
    restore_optimizer(updater.optimizer, state.optimizer)
    if state.scaler:
        updater.scaler.load_state_dict(state.scaler)
    if updater.average is not None:
        updater.average.restore(state.average)


def _sentence(row: dict[str, Any], epochs: int, best: Best, waited: float) -> str:
    said = [f"fold {row['fold']} epoch {row['epoch']}/{epochs}: loss {row['train_loss']:.4f}"]
    if "validation_loss" in row:
        said.append(f"validation loss {row['validation_loss']:.4f}{' (best)' if best.is_latest else ''}")
    if row.get("validation_balanced_accuracy") is not None:
        said.append(f"balanced accuracy {row['validation_balanced_accuracy']:.3f}")
    waiting = f"{waited / max(row['seconds'], 1e-9):.0%} of the time waiting for data"
    return ", ".join([*said, f"{row['sites_per_second']:.1f} sites/s", waiting])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
