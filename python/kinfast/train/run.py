"""A training run, from a prepared store to a folder with everything in it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from kinfast import schema
from kinfast.config import AUTO_BATCH, BATCH_SIZE, TrainConfig
from kinfast.data.merged import STORES
from kinfast.data.store import PreparedStore
from kinfast.data.thumbnails import keep_thumbnails
from kinfast.errors import RunError, UsageError
from kinfast.models import PretrainedWeights, load_weights, report_parameters
from kinfast.models.build import check_few_sites, check_input_size
from kinfast.models.initialise import has_normalisation
from kinfast.models.weights import NONE
from kinfast.progress import Reporter, Silent
from kinfast.train import folder
from kinfast.train.assemble import assemble_fold, assemble_model, empty_model, fixed_loader, to_device
from kinfast.train.batch_size import find_batch_size
from kinfast.train.environment import changed_since, describe_environment
from kinfast.train.fit import fit
from kinfast.train.holding import held_folder
from kinfast.train.inference import answer
from kinfast.train.limits import memory_in_words, torch_threads
from kinfast.train.parallel import train_folds
from kinfast.train.planning.describe import DECISIVE, describe_run
from kinfast.train.planning.plan import Plan, make_plan
from kinfast.train.predictions import FoldAnswers, prediction_table
from kinfast.train.processes.ranks import ALONE, Ranks
from kinfast.train.processes.shares import norm_lines
from kinfast.train.resuming.checkpoint import (
    Checkpoint,
    checkpoint_path,
    drop_unneeded,
    has_checkpoint,
    load_checkpoint,
)
from kinfast.train.stepping.kernels import fast_kernels
from kinfast.train.stepping.losses import Loss
from kinfast.train.stepping.optimizers import default_learning_rate
from kinfast.train.watching.events import EVENTS, EventFiles, check_tensorboard
from kinfast.train.watching.trace import Trace


def train(
    store: PreparedStore,
    config: TrainConfig,
    out: Path,
    *,
    threads: int = 1,
    parallel_folds: int = 1,
    reporter: Reporter | None = None,
    ranks: Ranks = ALONE,
    tensorboard: bool = False,
    trace: bool = False,
) -> Path:
    """Train a model, fold by fold, and predict every site of the store.

    Args:
        store: what preprocess made.
        config: everything that decides the run.
        out: the run's folder; must not hold anything yet.
        threads: of torch on the CPU and of the loaders. A run is bit-identical on the CPU for the same number.
        parallel_folds: folds trained at once, in processes that share the threads.
        reporter: told of the plan in lines, and of the steps.
        ranks: the processes that train together, from `ranks.joined_ranks`; the first of them writes.
        tensorboard: write the history as event files too; a resumed run goes on with them.
        trace: trace some steps of the first fold, and say what bounds them; see `trace.Trace`.

    Returns:
        `out`.

    Raises:
        KinfastError: in one line, what does not fit.
        MemoryError: the device's memory is too small; says what to change.
    """
    reporter = reporter or Silent()
    if tensorboard:
        check_tensorboard()
    if trace and parallel_folds > 1:
        raise UsageError("--profile looks at one fold's steps: not together with --parallel-folds")
    plan, weights = ranks.together(
        lambda: (_plan(store, config, threads, parallel_folds, ranks), load_weights(config.backbone, config.weights))
    )
    with _at_work(plan, threads) as held:
        plan, report = ranks.together(lambda: _settle(plan, weights, store.image_size))
        ranks.together(lambda: folder.claim_folder(out) if ranks.first else None)
        ranks.together(lambda: held.enter_context(held_folder(out)) if ranks.first else None)
        _say(reporter, [*plan.notes, *report])
        if ranks.first:
            _write_settings(store, plan, out, threads)
            if tensorboard:
                (out / EVENTS).mkdir(exist_ok=True)
        traced = Trace(out, plan.precision) if trace and ranks.first else None
        return _run(store, plan, weights, out, threads, parallel_folds, reporter, traced)


def resume(
    store: PreparedStore,
    run: Path,
    *,
    threads: int = 1,
    parallel_folds: int = 1,
    reporter: Reporter | None = None,
    ranks: Ranks = ALONE,
) -> Path:
    """Go on with an interrupted run: the same folds, epochs and curve as if it had not been interrupted.

    Raises:
        RunError: there is no such run, or the store or the split are no longer the same.
    """
    reporter = reporter or Silent()
    plan = ranks.together(lambda: _plan_again(store, run, ranks))
    config = plan.config
    with _at_work(plan, threads) as held:
        ranks.together(lambda: held.enter_context(held_folder(run)) if ranks.first else None)
        ranks.together(lambda: folder.remove_unfinished(run) if ranks.first else None)
        begun = bool(ranks.share(_all_begun(run, plan)))
        weights = ranks.together(lambda: None if begun else load_weights(config.backbone, config.weights))
        now = _environment(plan, threads)
        changed = changed_since(folder.read_environment(run), now)
        _say(reporter, [*plan.notes, *changed])
        if changed and ranks.first:
            folder.append_line({"resumed_with": changed}, run / folder.CHANGES)
        return _run(store, plan, weights, run, threads, parallel_folds, reporter)


def train_fold_of(store: PreparedStore, run: Path, number: int, threads: int, reporter: Reporter) -> None:
    """Train one fold of a run that was begun; its checkpoint is what is left of it."""
    plan = _plan_again(store, run)
    begun = has_checkpoint(checkpoint_path(run, number))
    weights = None if begun else load_weights(plan.config.backbone, plan.config.weights)
    with _at_work(plan, threads):
        _train_fold(store, plan, weights, number, run, threads, reporter, lambda _rows: None)


def run_stores(run: Path) -> tuple[list[Path], Path | None]:
    """Give the paths of the stores that a run was trained on, and of the one that it was tested on only.

    Raises:
        RunError: the folder holds no run.
    """
    content = folder.read_config(run)
    stores = content.get("stores") or [{"path": str(content.get("prepared", "prepared")), "test_only": False}]
    test_on = [Path(part["path"]) for part in stores if part["test_only"]]
    return [Path(part["path"]) for part in stores if not part["test_only"]], test_on[0] if test_on else None


def _plan(store: PreparedStore, config: TrainConfig, threads: int, at_once: int, ranks: Ranks) -> Plan:
    """Decide a run; a batch size that is left open is found first, since steps and notes depend on it."""
    if config.batch_size != AUTO_BATCH:
        return make_plan(store, config, ranks)
    size, line = find_batch_size(store, make_plan(store, replace(config, batch_size=BATCH_SIZE)), threads, at_once)
    plan = make_plan(store, replace(config, batch_size=size))
    return replace(plan, batch_found=True, notes=(line, *plan.notes))


def _plan_again(store: PreparedStore, run: Path, ranks: Ranks = ALONE) -> Plan:
    content = folder.read_config(run)
    plan = make_plan(store, folder.asked_config(content, run), ranks)
    now = describe_run(store, plan)
    if differing := [what for key, what in DECISIVE.items() if key in content and content[key] != now[key]]:
        raise RunError(
            f"{run} was begun with another {', another '.join(differing)} than {store.root} gives now: train again"
        )
    return replace(
        plan,
        learning_rate=float(content["learning_rate"]),
        switch_learning_rate=float(content.get("switch_learning_rate") or 0.0),
    )


def _settle(plan: Plan, weights: PretrainedWeights | None, image_size: tuple[int, int]) -> tuple[Plan, list[str]]:
    """Count the model, see that weights and images fit it, and choose the learning rate."""
    config = plan.config
    model = empty_model(plan) if weights is None else assemble_model(plan, weights, fold=0)
    check_input_size(model, config.backbone, plan.stream_channels, plan.input_size)
    if not config.sync_bn:
        sites = plan.fewest_sites(image_size)
        check_few_sites(model, config.backbone, plan.stream_channels, plan.input_size, sites)
    usual = partial(default_learning_rate, pretrained=weights is not None, normalised=has_normalisation(model))
    rate, second, then = config.learning_rate or usual(config.optimizer), 0.0, ""
    if config.switch_to is not None:
        second = config.switch_learning_rate or usual(config.switch_to)
        then = f"; after epoch {config.switch_epoch} {config.switch_to}, learning rate {second:g}"
    lines = [*report_parameters(model, config.backbone).lines(), *norm_lines(model, config, plan.ranks)]
    lines.append(f"weights {weights.source if weights else NONE}; {config.optimizer}, learning rate {rate:g}{then}")
    return replace(plan, learning_rate=rate, switch_learning_rate=second), lines


def _run(
    store: PreparedStore,
    plan: Plan,
    weights: PretrainedWeights | None,
    out: Path,
    threads: int,
    parallel_folds: int,
    reporter: Reporter,
    trace: Trace | None = None,
) -> Path:
    if parallel_folds > 1 and plan.split.n_folds > 1:
        _train_at_once(store, plan, out, threads, min(parallel_folds, plan.split.n_folds), reporter)
    elif parallel_folds > 1:
        reporter.line("--parallel-folds has no effect: there is one fold")
    history: list[dict[str, Any]] = []
    models: list[dict[str, Tensor]] = []
    events = EventFiles(out) if (out / EVENTS).is_dir() else None
    for number in range(plan.split.n_folds):
        on_epoch = _history_writer(out, history, events) if plan.ranks.first else lambda _rows: None
        done = _train_fold(store, plan, weights, number, out, threads, reporter, on_epoch, None if number else trace)
        history += done.history
        models.append(done.best_weights)
    if events is not None:
        events.close()
    if plan.ranks.first:
        folder.write_weights(dict(enumerate(models)), out / folder.WEIGHTS)
    table = _predict(store, plan, models, threads, reporter)
    if plan.ranks.first:
        folder.write_table(table, out / folder.PREDICTIONS)
        keep_thumbnails(store, plan.labels.class_of_sites(), plan.composites, out)
        for number in range(plan.split.n_folds):
            drop_unneeded(checkpoint_path(out, number))
    return out


def _train_at_once(store: PreparedStore, plan: Plan, out: Path, threads: int, workers: int, reporter: Reporter) -> None:
    """Train the folds that are not finished, several at once; `_run` then finds their checkpoints."""
    saved = {number: load_checkpoint(checkpoint_path(out, number)) for number in range(plan.split.n_folds)}
    left = {number: state for number, state in saved.items() if state is None or not state.finished}
    steps = sum(
        plan.steps(number, store.image_size) * (plan.config.epochs - (state.epoch if state else 0))
        for number, state in left.items()
    )
    reporter.stage(f"{len(left)} folds, {workers} at once", steps * plan.config.batch_size, "sites")
    parts = store.dataset.get(STORES) or [{"path": str(store.root.resolve()), "test_only": False}]
    test_on = [Path(part["path"]) for part in parts if part["test_only"]]
    own = [Path(part["path"]) for part in parts if not part["test_only"]]
    tested = test_on[0] if test_on else None
    train_folds(own, tested, out, list(left), workers, threads, plan.config.device, reporter)


def _train_fold(
    store: PreparedStore,
    plan: Plan,
    weights: PretrainedWeights | None,
    number: int,
    out: Path,
    threads: int,
    reporter: Reporter,
    on_epoch: Callable[[list[dict[str, Any]]], None],
    trace: Trace | None = None,
) -> Checkpoint:
    path = checkpoint_path(out, number)
    begun = load_checkpoint(path, reporter)
    if begun is not None and begun.finished:
        on_epoch(begun.history)
        return begun
    if begun is None and weights is None:  # there were checkpoints, and all of them are damaged
        weights = load_weights(plan.config.backbone, plan.config.weights)
    fold = assemble_fold(store, plan, number, weights if begun is None else None, threads)
    if number == 0 and fold.training.cache != "none":
        reporter.line(f"images are kept in the memory of the {fold.training.cache}")
    steps = fold.steps * fold.epochs - (0 if begun is None else begun.steps_done(fold.steps))
    reporter.stage(f"fold {number + 1} of {plan.split.n_folds}", steps * plan.config.batch_size, "sites")
    return fit(fold, path, reporter, on_epoch, trace)


def _predict(
    store: PreparedStore, plan: Plan, models: list[dict[str, Tensor]], threads: int, reporter: Reporter
) -> pd.DataFrame:
    """Ask every fold's model about every site of the store."""
    everything = np.arange(len(store.sites), dtype=np.int64)
    own = len(everything[plan.ranks.shard.part(len(everything))])
    reporter.stage("predict" if own == len(everything) else "predict own share", len(models) * own, "sites")
    loader = fixed_loader(store, plan, everything, threads, labelled=False)
    frame, loss = plan.split.frame, Loss(plan.loss)
    folds, parts = [], []
    for number, values in enumerate(models):
        model = empty_model(plan)
        model.load_state_dict(values, assign=True)
        model = to_device(model, plan.precision.device)
        plan.ranks.share_buffers(model)
        said = answer(model, loader, loss, plan.precision, reporter, plan.ranks)
        folds.append(FoldAnswers(said.logits, said.probabilities))
        parts.append(frame.loc[frame[schema.FOLD] == number, schema.PART].to_numpy().astype(np.str_))
    return prediction_table(store.sites, plan.labels, parts, folds)


def _write_settings(store: PreparedStore, plan: Plan, out: Path, threads: int) -> None:
    folder.write_json(_environment(plan, threads), out / folder.ENVIRONMENT)
    folder.write_table(plan.split.frame, out / folder.SPLIT)
    folder.write_json(describe_run(store, plan), out / folder.CONFIG)


def _environment(plan: Plan, threads: int) -> dict[str, Any]:
    return describe_environment(
        device=plan.precision.device,
        loader=plan.loader,
        precision=plan.precision.name,
        threads=threads,
        processes=plan.ranks.size,
    )


@contextmanager
def _at_work(plan: Plan, threads: int) -> Iterator[ExitStack]:
    """Compute as planned; what is entered besides is left before that."""
    kernels = fast_kernels(plan.precision.device, plan.config.deterministic)
    with torch_threads(threads), kernels, _memory(plan), ExitStack() as held:
        yield held


def _memory(plan: Plan) -> AbstractContextManager[None]:
    batch = f"a minibatch of {plan.config.batch_size} sites of {plan.input_size} pixels"
    remedy = (
        f"lower --batch-size (auto finds what fits) or --input-size, give --accumulate {2 * plan.config.accumulate}"
    )
    remedy += "" if plan.config.checkpoint_activations else " or --checkpoint-activations"
    remedy += ", or give --amp" if plan.precision.amp_helps else ""
    remedy += ", or --cache host" if plan.config.cache in ("auto", "gpu") and plan.precision.device != "cpu" else ""
    return memory_in_words(plan.precision.device, batch, remedy)


def _say(reporter: Reporter, lines: list[str] | tuple[str, ...]) -> None:
    for line in lines:
        reporter.line(line)


def _all_begun(run: Path, plan: Plan) -> bool:
    return all(has_checkpoint(checkpoint_path(run, fold)) for fold in range(plan.split.n_folds))


def _history_writer(
    out: Path, before: list[dict[str, Any]], events: EventFiles | None
) -> Callable[[list[dict[str, Any]]], None]:
    def write(rows: list[dict[str, Any]]) -> None:
        folder.write_history([*before, *rows], out / folder.HISTORY)
        if events is not None:
            events.follow(rows)

    return write
