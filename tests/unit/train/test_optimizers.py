"""Optimisers by name, every parameter stated."""

import inspect

import pytest
import torch
from torch import nn

from kinfast.config import DEFAULT_LEARNING_RATES, OPTIMIZERS
from kinfast.errors import UsageError
from kinfast.models import build_model
from kinfast.models.initialise import has_normalisation
from kinfast.train.stepping.optimizers import default_learning_rate, make_optimizer, optimizer_parameters


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_parameter_that_decides_is_stated(name: str) -> None:
    stated = optimizer_parameters(name, momentum=None, weight_decay=None)
    optimizer = make_optimizer(name, [nn.Parameter(torch.ones(2))], 0.1, stated)
    # how it is computed, not what
    execution = {"foreach", "fused", "maximize", "capturable", "differentiable", "decoupled_weight_decay", "nesterov"}
    known = set(inspect.signature(type(optimizer).__init__).parameters) - {"self", "params", "lr"} - execution
    assert known <= set(stated)
    assert {key: optimizer.defaults[key] for key in stated} == stated
    assert optimizer.defaults["lr"] == 0.1


def test_what_is_asked_for_is_taken() -> None:
    assert optimizer_parameters("sgd", momentum=0.5, weight_decay=1e-4) | {"x": 0} == {
        "momentum": 0.5,
        "dampening": 0.0,
        "weight_decay": 1e-4,
        "nesterov": False,
        "x": 0,
    }


@pytest.mark.parametrize(
    ("name", "momentum", "decay", "said"),
    [
        ("lion", None, None, "no optimizer 'lion'"),
        ("adam", 0.9, None, "adam has no momentum"),
        ("sgd", 1.0, None, "momentum 1.0 is out of range"),
        ("sgd", None, -1.0, "weight decay -1.0 is out of range"),
    ],
)
def test_nonsense_is_refused(name: str, momentum: float | None, decay: float | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        optimizer_parameters(name, momentum=momentum, weight_decay=decay)


def test_pretrained_and_unnormalised_networks_take_a_tenth() -> None:
    assert set(DEFAULT_LEARNING_RATES) == set(OPTIMIZERS)
    assert default_learning_rate("adam", pretrained=False, normalised=True) == 1e-3
    assert default_learning_rate("adam", pretrained=True, normalised=True) == pytest.approx(1e-4)
    assert default_learning_rate("adam", pretrained=False, normalised=False) == pytest.approx(1e-4)


def test_normalisation_is_seen() -> None:
    assert not has_normalisation(build_model("lenet_alexnet", (3,), 2))
    assert has_normalisation(build_model("squeezenet1_1", (3,), 2)) is False
    assert has_normalisation(nn.Sequential(nn.BatchNorm2d(3)))
