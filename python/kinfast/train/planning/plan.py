"""What a run will do, decided before anything is computed: classes, split, streams, steps, and why."""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast import schema
from kinfast.config import INPUT_SIZE, SMALL_SET_STEPS, TrainConfig
from kinfast.data.augment import AugmentationSpec, check_output_size
from kinfast.data.balance import balance_lines
from kinfast.data.cache import check_cache
from kinfast.data.composites import Composite, parse_composites
from kinfast.data.labels import LabelledSites
from kinfast.data.loaders import chosen_kind
from kinfast.data.splits import Split
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError
from kinfast.train.planning.labelled_split import choose_labels, choose_split, without_inactive
from kinfast.train.planning.no_effect import no_effect_lines
from kinfast.train.planning.option_ranges import check_ranges
from kinfast.train.processes.ranks import ALONE, Ranks, own_device
from kinfast.train.processes.shares import check_shares, share_lines
from kinfast.train.stepping.kernels import check_compiled
from kinfast.train.stepping.losses import CROSS_ENTROPY, loss_kind
from kinfast.train.stepping.optimizers import optimizer_parameters
from kinfast.train.stepping.precision import Precision, choose_precision


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A run, decided.

    Attributes:
        config: what was asked for.
        labels: of the store's sites.
        split: who is trained, validated and tested on, in each fold.
        composites: one a stream.
        input_size: pixels.
        augmentation: of training.
        precision: of computing, with the device.
        loader: dali or torch.
        loss: cross_entropy or binary_cross_entropy.
        optimizer: all its parameters but the learning rate.
        learning_rate: at the schedule's height; 0 until the model is known, where none was asked for.
        switch_parameters: of the second optimiser; None without one.
        switch_learning_rate: of the second optimiser; 0 without one, and until the model is known.
        notes: lines that a person should read.
        batch_found: whether the batch size was found, not asked for.
        ranks: the processes that train together.
    """

    config: TrainConfig
    labels: LabelledSites
    split: Split
    composites: tuple[Composite, ...]
    input_size: int
    augmentation: AugmentationSpec
    precision: Precision
    loader: str
    loss: str
    optimizer: dict[str, Any]
    learning_rate: float
    switch_parameters: dict[str, Any] | None
    switch_learning_rate: float
    notes: tuple[str, ...]
    batch_found: bool = False
    ranks: Ranks = ALONE

    @property
    def stream_channels(self) -> tuple[int, ...]:
        """Number of channels of each stream."""
        return tuple(len(composite.channels) for composite in self.composites)

    def steps(self, fold: int, image_size: tuple[int, int]) -> int:
        """Give the steps of an epoch: those asked for, else `default_steps`."""
        n_train = len(self.split.rows(fold, schema.PART_TRAIN))
        return self.config.steps_per_epoch or default_steps(
            n_train, self.config.batch_size, image_size, self.input_size
        )

    def epoch_sites(self, fold: int, image_size: tuple[int, int]) -> int:
        """Count the sites that an epoch's minibatches are made of, repetitions too."""
        rows, steps = self.split.rows(fold, schema.PART_TRAIN), self.steps(fold, image_size)
        if self.config.balanced_sampling:
            return steps * self.config.batch_size
        return len(training_rows(rows, self.config.batch_size, steps))

    def fewest_sites(self, image_size: tuple[int, int]) -> int:
        """Count the sites that go through the model at once where they are fewest: of a process, in a piece."""
        sites = [self.epoch_sites(fold, image_size) for fold in range(self.split.n_folds)]
        smallest = min(n // math.ceil(n / self.config.batch_size) for n in sites) // self.ranks.size
        return smallest // min(self.config.accumulate, max(1, smallest))

    def class_weights(self, fold: int) -> NDArray[np.float32] | None:
        """Give the classes' weights in a fold, or None where all weigh alike."""
        if not self.weighs_classes:
            return None
        return self.labels.class_weights(self.split.rows(fold, schema.PART_TRAIN))

    @property
    def weighs_classes(self) -> bool:
        """Whether the loss weighs classes: as asked, else unless their numbers are evened out otherwise.

        Soft targets are of no class.
        """
        if self.labels.soft:
            return False
        evened = self.config.balanced_sampling or self.config.logit_adjustment > 0
        return not evened if self.config.class_weights is None else self.config.class_weights

    def logit_shift(self, fold: int) -> NDArray[np.float32] | None:
        """Give what is added to the logits in the loss, or None; a class without a site counts as half a site."""
        if self.config.logit_adjustment == 0:
            return None
        counts = np.maximum(self.labels.class_counts(self.split.rows(fold, schema.PART_TRAIN)), 0.5)
        shares: NDArray[np.float32] = counts / counts.sum()
        return np.asarray(self.config.logit_adjustment * np.log(shares), np.float32)

    def balance_notes(self, image_size: tuple[int, int]) -> list[str]:
        """Say what an epoch of balanced sampling is, in each fold; nothing where it is not asked for."""
        if not self.config.balanced_sampling:
            return []
        said = []
        for fold in range(self.split.n_folds):
            codes = self.labels.codes[self.split.rows(fold, schema.PART_TRAIN)]
            names = (*self.labels.class_names, "no label")
            draws = self.steps(fold, image_size) * self.config.batch_size
            lines = balance_lines(names, np.bincount(codes, minlength=len(names)), draws, self.config.epochs)
            said += [f"fold {fold}: {line}" for line in lines]
        return said


def make_plan(store: PreparedStore, config: TrainConfig, ranks: Ranks = ALONE) -> Plan:
    """Decide a run.

    Raises:
        UsageError: options that do not go together, or that the store does not allow.
        SplitError: the labels do not allow the split; LeakError: it leaks.
    """
    check_ranges(config)
    device = own_device(config.device, ranks.local, ranks.on_machine)
    check_compiled(config.compile, device)
    check_cache(config.cache, device)
    store, inactive_notes = without_inactive(store, config)
    labels, label_notes = choose_labels(store, config)
    split, split_notes = choose_split(store, labels, config)
    input_size = config.input_size or min(INPUT_SIZE, *store.image_size)
    check_output_size(store.image_size, input_size)
    loss = loss_kind(config.head, labels.multi_hot is not None)
    if config.logit_adjustment and loss != CROSS_ENTROPY:
        raise UsageError("--logit-adjustment is of softmax and cross-entropy (--head modern, one label a site)")
    precision = choose_precision(device, config.amp, config.precision)
    plan = Plan(
        config=config,
        labels=labels,
        split=split,
        composites=parse_composites(config.composites, store),
        input_size=input_size,
        augmentation=AugmentationSpec(
            **{field.name: getattr(config, field.name) for field in fields(AugmentationSpec)}
        ),
        precision=precision,
        loader=chosen_kind(config.loader, device),
        loss=loss,
        optimizer=optimizer_parameters(
            config.optimizer,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            others=config.optimizer_parameters,
        ),
        learning_rate=config.learning_rate or 0.0,
        switch_parameters=_switch_parameters(config),
        switch_learning_rate=config.switch_learning_rate or 0.0,
        notes=(
            *inactive_notes,
            *label_notes,
            *split_notes,
            *share_lines(config, ranks),
            *no_effect_lines(config, loss, labels, precision),
        ),
        ranks=ranks,
    )
    if ranks.size > 1:
        check_shares(
            [plan.epoch_sites(fold, store.image_size) for fold in range(split.n_folds)], config.batch_size, ranks
        )
    return replace(plan, notes=(*plan.notes, *plan.balance_notes(store.image_size)))


def default_steps(n_train: int, batch_size: int, image_size: tuple[int, int], input_size: int) -> int:
    """Give the steps of an epoch: each training site once, or, where that is few steps, more often.

    A site of 512 × 512 pixels has room for 16 separate crops of 128: as many random crops of it are drawn in an epoch,
    as long as an epoch stays within `SMALL_SET_STEPS`.
    """
    crops = max(1, image_size[0] * image_size[1] // input_size**2)
    once = math.ceil(n_train / batch_size)
    return max(once, min(math.ceil(n_train * crops / batch_size), SMALL_SET_STEPS))


def training_rows(rows: NDArray[np.int64], batch_size: int, steps: int) -> NDArray[np.int64]:
    """Repeat the training sites as often as an epoch of `steps` needs them: (n,) int64."""
    wanted = steps * batch_size
    if wanted - len(rows) < batch_size:
        return rows  # once is enough; of more sites than are wanted, each epoch's order begins with others
    return np.tile(rows, math.ceil(wanted / len(rows)))[:wanted]


def _switch_parameters(config: TrainConfig) -> dict[str, Any] | None:
    """Give the second optimiser's parameters, its defaults with the weight decay that was asked for."""
    if config.switch_to is None:
        if config.switch_epoch is not None or config.switch_learning_rate is not None:
            raise UsageError("--switch-epoch and --switch-lr belong to a second optimizer: give --switch-to sgd")
        return None
    if config.switch_epoch is None or not 1 <= config.switch_epoch < config.epochs:
        raise UsageError(
            f"--switch-to {config.switch_to} after epoch {config.switch_epoch}: wanted --switch-epoch from 1 to "
            f"{config.epochs - 1}, the epochs that {config.optimizer} trains of {config.epochs}"
        )
    return optimizer_parameters(config.switch_to, momentum=None, weight_decay=config.weight_decay)
