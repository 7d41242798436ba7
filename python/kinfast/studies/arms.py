"""The arms of a study: what is compared, and the learning rate at which each is at its best."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kinfast.config import TrainConfig
from kinfast.errors import UsageError

SWITCHED = "+"
"""Between two optimisers: the first one trains, then the second."""
DEFAULT_OPTIMIZERS = ("adam", "sgd", "adam+sgd")
DEFAULT_RATES = {"adam": (1e-4, 1e-3, 1e-2), "sgd": (1e-3, 1e-2, 1e-1)}
OTHER_RATES = (1e-4, 1e-3, 1e-2)


@dataclass(frozen=True, slots=True)
class Arm:
    """One thing that is compared.

    Attributes:
        name: as it is shown.
        config: what its runs are trained with, but for seed and rate.
        rates: to choose from; empty: the rate is given, or taken from other arms.
    """

    name: str
    config: TrainConfig
    rates: tuple[float, ...] = ()


def optimizer_arms(names: Sequence[str], base: TrainConfig, rates: Sequence[float]) -> list[Arm]:
    """Make an arm for each optimiser; `adam+sgd` is Adam for half of the epochs, then SGD.

    Args:
        names: of optimisers, or two joined by a plus.
        base: what all share.
        rates: to choose from; empty: each optimiser's own.

    Raises:
        UsageError: fewer than two, one named twice, or a switch from or to one that is not compared itself.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(f"optimizers {', '.join(names)}: wanted two or more, each once")
    arms = []
    for name in names:
        first, switched, second = name.partition(SWITCHED)
        if not switched:
            found = tuple(rates) or DEFAULT_RATES.get(name, OTHER_RATES)
            arms.append(Arm(name, replace(base, optimizer=name, switch_to=None, switch_epoch=None), found))
            continue
        if first not in names or second not in names:
            raise UsageError(f"{name}: its rates are those of {first} and {second}, so compare these, too")
        half = max(1, base.epochs // 2)
        arms.append(Arm(name, replace(base, optimizer=first, switch_to=second, switch_epoch=half)))
    return arms


def stream_arms(base: TrainConfig, streams: Sequence[str], channels: Sequence[str]) -> list[Arm]:
    """Make the arms of one stream against two: the first composite, all channels in one stream, all composites.

    Raises:
        UsageError: the data set has fewer than two streams.
    """
    if len(streams) < 2:
        raise UsageError(f"streams {', '.join(streams) or 'none'}: wanted two composites to compare one with")
    inputs = {
        f"one stream, {streams[0]}": (streams[0],),
        f"one stream, {len(channels)} channels": ("+".join(channels),),
        f"{len(streams)} streams, {' and '.join(streams)}": tuple(streams),
    }
    return [Arm(name, replace(base, composites=composites)) for name, composites in inputs.items()]


def with_rate(arm: Arm, best: Mapping[str, float]) -> TrainConfig:
    """Give an arm's config at the best rate: its own, or, for a switch, those of both its optimisers."""
    config = arm.config
    if arm.rates:
        return replace(config, learning_rate=best[arm.name])
    if config.switch_to is not None and config.optimizer in best:
        return replace(config, learning_rate=best[config.optimizer], switch_learning_rate=best.get(config.switch_to))
    return config


def choose_rates(arms: Sequence[Arm], scores: Mapping[tuple[str, float], float], *, maximise: bool) -> dict[str, float]:
    """Choose each arm's rate by the validation scores.

    Args:
        arms: those with rates to choose from.
        scores: (arm, rate) -> score, NaN where a run failed.
        maximise: whether larger is better.

    Raises:
        UsageError: an arm of which every run failed.
    """
    best = {}
    for arm in arms:
        known = {rate: scores[arm.name, rate] for rate in arm.rates if math.isfinite(scores[arm.name, rate])}
        if not known:
            raise UsageError(f"{arm.name}: no rate of {', '.join(f'{rate:g}' for rate in arm.rates)} gives a score")
        best[arm.name] = (max if maximise else min)(known, key=lambda rate: known[rate])
    return best
