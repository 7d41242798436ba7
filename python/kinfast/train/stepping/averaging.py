"""The exponential moving average of a model's weights: where asked for, it is validated, kept and predicted with.

Source: Polyak & Juditsky 1992, SIAM J. Control Optim. 30:838; the rising decay of the first steps as in TensorFlow's
ExponentialMovingAverage, so that a short training does not stay near its initial weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """Follows a model: its parameters and its running statistics of batch normalisation; counters are copied."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model, self._decay, self._steps = model, decay, 0
        self._values = _copied(model)
        # the model's own storage: loading values into it keeps it
        self._latest: dict[str, Tensor] = dict(model.state_dict())
        self._floats = [name for name, value in self._latest.items() if value.is_floating_point()]
        self._counts = [name for name, value in self._latest.items() if not value.is_floating_point()]
        self._own: dict[str, Tensor] | None = None

    @torch.no_grad()
    def follow(self) -> None:
        """Take a step's weights in: values = decay * values + (1 - decay) * weights."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        averaged, latest = ([values[name] for name in self._floats] for values in (self._values, self._latest))
        torch._foreach_lerp_(averaged, latest, 1 - decay)
        for name in self._counts:
            self._values[name].copy_(self._latest[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model be its average within the region."""
        self._own = _copied(self._model)
        self._model.load_state_dict(self._values)
        try:
            yield
        finally:
            self._model.load_state_dict(self._own)
            self._own = None

    @property
    def own_weights(self) -> dict[str, Tensor]:
        """The weights that the optimiser steps, within `in_place` too."""
        return self._model.state_dict() if self._own is None else self._own

    def as_kept(self) -> dict[str, Any]:
        """Give what a checkpoint keeps, copied to the CPU: the average goes on."""
        return {"steps": self._steps, "weights": {name: value.cpu().clone() for name, value in self._values.items()}}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what `as_kept` gave."""
        self._steps = int(kept["steps"])
        for name, value in self._values.items():
            value.copy_(kept["weights"][name])


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
