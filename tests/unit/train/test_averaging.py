"""The average of the weights: its formula, and that it is what is validated and kept, not what the optimiser steps."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.train import train
from kinfast.train.resuming.checkpoint import checkpoint_path, load_checkpoint
from kinfast.train.stepping.averaging import WeightAverage


def test_it_follows_by_its_formula() -> None:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    weight = model[0].weight
    average = WeightAverage(model, decay=0.25)
    expected = float(weight.detach())
    for step, value in enumerate((1.0, 2.0, -3.0), 1):
        with torch.no_grad():
            weight.fill_(value)
            model[1].num_batches_tracked.fill_(step)
        average.follow()
        decay = min(0.25, (1 + step) / (10 + step))  # 2/11, then a quarter
        expected = decay * expected + (1 - decay) * value
    with average.in_place():
        assert float(weight.detach()) == pytest.approx(expected, rel=1e-6)
        assert int(model[1].num_batches_tracked) == 3
        assert float(average.own_weights["0.weight"]) == -3.0  # what a checkpoint within validation keeps
    assert float(weight.detach()) == -3.0


def test_it_goes_on_where_it_was_kept() -> None:
    model = nn.Linear(3, 2)
    first, second = WeightAverage(model, 0.9), WeightAverage(model, 0.9)
    first.follow()
    with torch.no_grad():
        model.weight.add_(1.0)
    kept = first.as_kept()
    second.restore(kept)
    first.follow()
    second.follow()
    assert kept["steps"] == 1
    ours, theirs = first.as_kept(), second.as_kept()
    assert ours["steps"] == theirs["steps"] == 2
    assert all(torch.equal(ours["weights"][name], theirs["weights"][name]) for name in ours["weights"])
    assert not torch.equal(ours["weights"]["weight"], kept["weights"]["weight"])  # a copy, not a view


def test_the_average_is_what_is_kept(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    short = replace(quick, folds=None, epochs=1)
    runs = {ema: train(learnable, replace(short, ema=ema), tmp_path / str(ema)) for ema in (0.0, 0.99)}
    plain, averaged = (load_file(run / "model.safetensors") for run in runs.values())
    assert not any(torch.equal(plain[name], averaged[name]) for name in plain)
    # the optimiser's own weights do not know of it: the same losses step by step
    losses = [load_checkpoint(checkpoint_path(run, 0)).history[0] for run in runs.values()]  # type: ignore[union-attr]
    assert losses[0]["train_loss"] == losses[1]["train_loss"]
    assert losses[0]["validation_loss"] != losses[1]["validation_loss"]
