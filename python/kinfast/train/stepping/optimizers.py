"""The optimisers by name, with every parameter stated."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from kinfast.config import DEFAULT_LEARNING_RATES, GENTLE_RATE_FACTOR, OPTIMIZERS
from kinfast.errors import UsageError
from kinfast.models import StreamClassifier
from kinfast.models.depth import group_by_depth

SHARE = "rate_share"
"""Of a group of parameters: what the learning rate is multiplied by."""
_FUSED = ("adam", "adamw", "sgd")
"""Those that torch has as one kernel over all parameters; on a GPU dozens of small ones would wait for the host."""
_CLASSES: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def optimizer_parameters(
    name: str, *, momentum: float | None, weight_decay: float | None, others: Sequence[str] = ()
) -> dict[str, Any]:
    """Give all of an optimiser's parameters but the learning rate: the defaults, and what was asked for.

    Args:
        name: of the optimiser.
        momentum: None leaves the default.
        weight_decay: None leaves the default.
        others: any parameters as NAME=VALUE, by torch.optim's names; a pair has a slash: betas=0.9/0.999.

    Raises:
        UsageError: no such optimiser, one without a momentum, or a value that it does not take.
    """
    if name not in OPTIMIZERS:
        raise UsageError(f"no optimizer {name!r}: wanted one of {', '.join(OPTIMIZERS)}")
    parameters = dict(OPTIMIZERS[name])
    if momentum is not None:
        if "momentum" not in parameters:
            raise UsageError(f"{name} has no momentum (it has {', '.join(parameters)}): leave out --momentum")
        parameters["momentum"] = _within("momentum", momentum, 1.0)
    if weight_decay is not None:
        parameters["weight_decay"] = _within("weight decay", weight_decay, float("inf"))
    parameters |= dict(_read_parameter(word, name, parameters) for word in others)
    _try(name, parameters)
    return parameters


def make_optimizer(
    name: str,
    values: Iterable[nn.Parameter] | Sequence[Mapping[str, Any]],
    learning_rate: float,
    parameters: dict[str, Any],
) -> torch.optim.Optimizer:
    """Make an optimiser from what `optimizer_parameters` gave: on a GPU the fused one, where there is one.

    Args:
        name: of the optimiser.
        values: parameters, or groups of them from `rate_groups`.
        learning_rate: at the schedule's height.
        parameters: all others.
    """
    build: Any = _CLASSES[name]
    given: list[Any] = list(values)
    flat = [value for part in given for value in (part["params"] if isinstance(part, Mapping) else [part])]
    fused = {"fused": True} if name in _FUSED and all(value.is_cuda for value in flat) else {}
    optimizer: torch.optim.Optimizer = build(given, lr=learning_rate, **parameters, **fused)
    return optimizer


def rate_groups(model: StreamClassifier, decay: float) -> list[dict[str, Any]]:
    """Group parameters by their share of the learning rate: the head's is 1, a block's `decay` times that of the next.

    Source: Howard & Ruder 2018, arXiv:1801.06146, section 3.2 (discriminative fine-tuning).
    """
    if decay == 1:
        return [{"params": list(model.parameters()), SHARE: 1.0}]
    groups = group_by_depth(model)
    return [{"params": values, SHARE: decay**depth} for depth, values in enumerate(groups) if values]


def default_learning_rate(name: str, *, pretrained: bool, normalised: bool) -> float:
    """Give an optimiser's default rate, a tenth of it for networks that large steps would spoil.

    Args:
        name: of the optimiser.
        pretrained: whether the weights are.
        normalised: whether the network has normalisation layers.
    """
    gentle = pretrained or not normalised
    return DEFAULT_LEARNING_RATES[name] * (GENTLE_RATE_FACTOR if gentle else 1.0)


def _try(name: str, parameters: dict[str, Any]) -> None:
    """Let the optimiser itself say which of its parameters it does not take, before anything is computed."""
    build: Any = _CLASSES[name]
    try:
        build([nn.Parameter(torch.zeros(1))], lr=1.0, **parameters)
    except ValueError as error:
        raise UsageError(f"{name} does not take these parameters: {error}") from None


def _read_parameter(word: str, name: str, known: dict[str, Any]) -> tuple[str, Any]:
    """Read NAME=VALUE as a value of the default's type."""
    key, _, text = (part.strip() for part in word.partition("="))
    if key not in known:
        raise UsageError(f"{name} has no parameter {key!r}: it has {', '.join(known)}")
    default = known[key]
    try:
        if isinstance(default, bool):
            return key, {"true": True, "false": False}[text.lower()]
        if isinstance(default, tuple):
            first, second = text.split("/")
            return key, (float(first), float(second))
        return key, float(text)
    except (KeyError, ValueError):
        raise UsageError(f"{word!r} cannot be read: wanted a value such as {key}={_spell(default)}") from None


def _spell(value: Any) -> str:
    return "/".join(f"{part:g}" for part in value) if isinstance(value, tuple) else str(value).lower()


def _within(what: str, value: float, above: float) -> float:
    if not 0.0 <= value < above:
        raise UsageError(
            f"{what} {value} is out of range: wanted 0 or more{'' if above == float('inf') else ', below 1'}"
        )
    return value
