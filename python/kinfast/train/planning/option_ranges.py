"""Options out of range, and options that do not go together: each is one line, before anything is computed.

A comparison with what is not a number is false, so each asks for what is wanted, not for what is not.
"""

import math

from kinfast.config import AUTO_BATCH, TrainConfig
from kinfast.data.mixing import MixingSpec
from kinfast.errors import UsageError
from kinfast.models.initialise import AUTO, check_init
from kinfast.models.weights import NONE
from kinfast.train.stepping.schedules import check_schedule


def check_ranges(config: TrainConfig) -> None:
    """Refuse what can be refused without a store.

    Raises:
        UsageError: says what was wanted.
    """
    check_init(config.init)
    if config.init != AUTO and config.weights != NONE:
        raise UsageError(
            f"--init {config.init} draws weights that --weights {config.weights} brings: give --weights none"
        )
    _check_loop(config)
    _check_rates(config)
    _check_loss(config)
    _check_memory(config)


def _check_loop(config: TrainConfig) -> None:
    if config.batch_size == AUTO_BATCH:
        raise UsageError("batch size 0 (auto) is found by kinfast train alone: wanted a number here")
    for name in ("epochs", "batch_size"):
        if getattr(config, name) < 1:
            raise UsageError(f"{name.replace('_', ' ')} {getattr(config, name)}: wanted 1 or more")
    if config.steps_per_epoch is not None and config.steps_per_epoch < 1:
        raise UsageError(f"{config.steps_per_epoch} steps per epoch: wanted 1 or more")
    if not config.checkpoint_minutes > 0:
        raise UsageError(f"checkpoint every {config.checkpoint_minutes} minutes: wanted more than 0")
    if not 0 <= config.ema < 1:
        raise UsageError(f"ema {config.ema}: wanted 0 (none) to below 1, such as 0.999")
    if config.seed < 0:
        raise UsageError(f"seed {config.seed}: wanted 0 or more")
    if not 0 <= config.freeze_epochs <= config.epochs:
        raise UsageError(f"freeze epochs {config.freeze_epochs}: wanted 0 to the {config.epochs} of the training")
    if config.freeze_epochs and config.weights == NONE:
        raise UsageError("--freeze-epochs would keep backbones random: wanted --weights imagenet or a file")
    if config.patience < 0 or not config.clip_norm >= 0:
        raise UsageError(f"patience {config.patience}, clip norm {config.clip_norm}: wanted 0 or more")


def _check_rates(config: TrainConfig) -> None:
    check_schedule(config.schedule, config.warmup_epochs)
    for option, rate in (("--learning-rate", config.learning_rate), ("--switch-lr", config.switch_learning_rate)):
        if rate is not None and not 0 < rate < math.inf:
            raise UsageError(f"{option} {rate:g}: wanted a number above 0; leave it out for the optimizer's own")
    if not 0 < config.layer_decay <= 1:
        raise UsageError(f"layer decay {config.layer_decay}: wanted above 0 to 1 (none), such as 0.8")


def _check_loss(config: TrainConfig) -> None:
    if not 0 <= config.label_smoothing < 1:
        raise UsageError(f"label smoothing {config.label_smoothing}: wanted 0 to below 1")
    if not 0 <= config.focal < math.inf or not 0 <= config.logit_adjustment < math.inf:
        raise UsageError(f"focal {config.focal}, logit adjustment {config.logit_adjustment}: wanted 0 (none) or more")
    MixingSpec(config.mixup, config.cutmix)
    evening = {
        "--class-weights": bool(config.class_weights),
        "--balanced-sampling": config.balanced_sampling,
        "--logit-adjustment": config.logit_adjustment > 0,
    }
    if sum(evening.values()) > 1:
        both = " and ".join(name for name, given in evening.items() if given)
        raise UsageError(f"{both} each even out the classes' sizes, together they would turn them round: wanted one")


def _check_memory(config: TrainConfig) -> None:
    if not 1 <= config.accumulate <= config.batch_size:
        raise UsageError(f"accumulate {config.accumulate}: wanted 1 to the {config.batch_size} sites of a minibatch")
    if config.compile == "graphs" and config.accumulate > 1:
        raise UsageError("--accumulate needs gradients that stay, CUDA graphs overwrite them: wanted --compile kernels")
    if config.compile != "none" and config.checkpoint_activations:
        raise UsageError("--checkpoint-activations goes with --compile none only")
