"""From a plan to the things that are trained: models, loaders, folds."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from kinfast import schema
from kinfast.config import UNRIPE_SHARE
from kinfast.data.feed import LoaderSettings
from kinfast.data.loaders import Loader, make_loader
from kinfast.data.mixing import MixingLoader, MixingSpec
from kinfast.data.store import PreparedStore
from kinfast.models import PretrainedWeights, StreamClassifier, build_model, build_shapes
from kinfast.train.fit import Fold, SecondOptimizer
from kinfast.train.planning.plan import Plan, training_rows
from kinfast.train.processes.sync_norms import synchronise_norms
from kinfast.train.seeds import WEIGHTS, derived_seed, seed_torch
from kinfast.train.stepping.averaging import WeightAverage
from kinfast.train.stepping.losses import Loss
from kinfast.train.stepping.optimizers import make_optimizer, rate_groups
from kinfast.train.stepping.schedules import make_schedule
from kinfast.train.stepping.step import Updater

LEAST_FIXED_BATCH = 16
"""Sites of a minibatch of validation and prediction, where each is one image."""


def assemble_fold(
    store: PreparedStore, plan: Plan, number: int, weights: PretrainedWeights | None, threads: int
) -> Fold:
    """Put a fold's model, loaders, loss, optimiser and schedule together, on the plan's device."""
    config = plan.config
    steps = plan.steps(number, store.image_size)
    model, updater = assemble_updater(plan, weights, number)
    return Fold(
        number=number,
        model=model,
        updater=updater,
        training=_training_loader(store, plan, number, steps, threads),
        validation=_validation_loader(store, plan, number, threads),
        second=_second_optimizer(plan, model),
        optimizer=updater.optimizer,
        schedule=make_schedule(
            config.schedule,
            plan.learning_rate,
            warmup_epochs=config.warmup_epochs,
            epochs=config.epochs,
            steps_per_epoch=steps,
            switch_epoch=config.switch_epoch,
            switched_peak=plan.switch_learning_rate,
        ),
        freeze_epochs=config.freeze_epochs,
        epochs=config.epochs,
        steps=steps,
        patience=config.patience,
        unripe_share=UNRIPE_SHARE,
        seed=config.seed,
        checkpoint_minutes=config.checkpoint_minutes,
    )


def assemble_updater(plan: Plan, weights: PretrainedWeights | None, number: int) -> tuple[StreamClassifier, Updater]:
    """Put a fold's model and all that changes it together, on the plan's device."""
    config, device = plan.config, plan.precision.device
    model = to_device(assemble_model(plan, weights, number), device)
    if config.sync_bn and plan.ranks.size > 1:
        synchronise_norms(model)
    if config.checkpoint_activations:
        model.checkpoint_activations()
    return model, Updater(
        model,
        make_optimizer(config.optimizer, rate_groups(model, config.layer_decay), plan.learning_rate, plan.optimizer),
        make_loss(plan, number).to(device),
        plan.precision,
        config.clip_norm,
        config.compile,
        ranks=plan.ranks,
        pieces=config.accumulate,
        average=WeightAverage(model, config.ema) if config.ema else None,
    )


def make_loss(plan: Plan, fold: int) -> Loss:
    """Make what a fold minimises, on the CPU."""
    weights, shift = plan.class_weights(fold), plan.logit_shift(fold)
    return Loss(
        plan.loss,
        None if weights is None else torch.from_numpy(weights),
        plan.config.label_smoothing,
        plan.config.focal,
        None if shift is None else torch.from_numpy(shift),
    )


def _second_optimizer(plan: Plan, model: StreamClassifier) -> SecondOptimizer | None:
    config = plan.config
    if config.switch_to is None or config.switch_epoch is None or plan.switch_parameters is None:
        return None
    groups = rate_groups(model, config.layer_decay)
    second = make_optimizer(config.switch_to, groups, plan.switch_learning_rate, plan.switch_parameters)
    return SecondOptimizer(config.switch_epoch, second)


def assemble_model(plan: Plan, weights: PretrainedWeights | None, fold: int) -> StreamClassifier:
    """Build a fold's model on the CPU; its initial weights depend on the run's seed and the fold alone."""
    config = plan.config
    with torch.random.fork_rng(devices=[]):
        seed_torch(config.seed, fold, WEIGHTS)
        return build_model(
            config.backbone,
            plan.stream_channels,
            len(plan.labels.class_names),
            head=config.head,
            dropout=config.dropout,
            weights=weights,
            hidden_units=config.hidden_units,
            init=config.init,
        )


def empty_model(plan: Plan) -> StreamClassifier:
    """Build a model whose values are yet to be loaded."""
    config = plan.config
    return build_shapes(
        config.backbone,
        plan.stream_channels,
        len(plan.labels.class_names),
        head=config.head,
        dropout=config.dropout,
        hidden_units=config.hidden_units,
    )


def to_device(model: StreamClassifier, device: str) -> StreamClassifier:
    """Move a model, channels last in memory as the minibatches are: convolutions are a third faster so on a CPU."""
    return model.to(device).to(memory_format=torch.channels_last)


def fixed_loader(store: PreparedStore, plan: Plan, rows: NDArray[np.int64], threads: int, *, labelled: bool) -> Loader:
    """Serve sites in the rows' order, as fixed views, not augmented."""
    labels = plan.labels if labelled else None
    size = _fixed_batch_size(plan, store.image_size)
    settings = replace(_settings(plan, threads), views=plan.config.views, batch_size=size)
    return make_loader(plan.config.loader, store, rows, plan.composites, labels, settings)


def _fixed_batch_size(plan: Plan, image_size: tuple[int, int]) -> int:
    """Give the sites of a minibatch that is not trained on: more than a tiny training batch where a site is one image.

    Without gradients the memory allows it, and reading a network's weights for four images at a time takes longer than
    computing with them. A site of several views is several images already.
    """
    one_view = max(image_size) == plan.input_size
    return max(plan.config.batch_size, LEAST_FIXED_BATCH) if one_view else plan.config.batch_size


def _training_loader(store: PreparedStore, plan: Plan, fold: int, steps: int, threads: int) -> Loader:
    config = plan.config
    rows, draws = plan.split.rows(fold, schema.PART_TRAIN), None
    if config.balanced_sampling:
        draws = steps * config.batch_size
    else:
        rows = training_rows(rows, config.batch_size, steps)
    seed = derived_seed(config.seed, fold)
    settings = replace(_settings(plan, threads), augmentation=plan.augmentation, seed=seed, balanced_draws=draws)
    loader = make_loader(config.loader, store, rows, plan.composites, plan.labels, settings)
    mixing = MixingSpec(config.mixup, config.cutmix)
    return MixingLoader(loader, mixing, seed) if mixing else loader


def _validation_loader(store: PreparedStore, plan: Plan, fold: int, threads: int) -> Loader | None:
    rows = plan.split.rows(fold, schema.PART_VALIDATION)
    return fixed_loader(store, plan, rows, threads, labelled=True) if len(rows) else None


def _settings(plan: Plan, threads: int) -> LoaderSettings:
    return LoaderSettings(
        input_size=plan.input_size,
        batch_size=plan.config.batch_size,
        device=plan.precision.device,
        dtype=plan.precision.dtype or torch.float32,
        threads=threads,
        cache=plan.config.cache,
        shard=plan.ranks.shard,
    )
