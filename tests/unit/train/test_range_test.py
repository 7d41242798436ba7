"""The learning-rate range test, on planted curves and on a network."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError
from kinfast.studies.rates import RateRange, find_rates, sentence
from kinfast.train.range_test import judge_range, smooth


def planted(middle: float, blow_up: float, steps: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """A loss that falls from 2 to 1 around `middle` and blows up at `blow_up`."""
    rates = np.geomspace(1e-7, 10, steps)
    fall = 1 / (1 + (middle / rates) ** 2)
    return rates, 2 - fall + (rates / blow_up) ** 2


def test_the_steepest_fall_is_found_where_it_was_planted() -> None:
    rates, losses = planted(middle=1e-3, blow_up=1.0)
    found = judge_range(rates, losses, diverged=False)
    # the exponential mean of weight 0.9 lags by nine steps, here a factor of 10^(9 x 8 / 199) = 2.3
    assert 1e-3 < found.steepest < 3e-3
    assert found.suggestion == min(found.steepest, found.lowest / 10)
    assert found.covers


def test_the_lowest_over_ten_is_suggested_where_it_is_smaller() -> None:
    rates, losses = planted(middle=1e-3, blow_up=2e-2)
    found = judge_range(rates, losses, diverged=True)
    assert found.suggestion <= found.lowest / 10
    assert found.lowest < 2e-2


def test_a_loss_that_never_falls_suggests_nothing() -> None:
    rates = np.geomspace(1e-7, 1, 50)
    found = judge_range(rates, np.linspace(1.0, 1.5, 50), diverged=False)
    assert math.isnan(found.suggestion)
    assert "the loss never falls" in sentence("vgg16", found)


def test_a_range_that_ends_too_early_says_so() -> None:
    rates, losses = planted(middle=1e-1, blow_up=1e9)
    found = judge_range(rates[:140], losses[:140], diverged=False)
    assert not found.covers
    assert "raise --end" in sentence("vgg16", found)


def test_smoothing_of_a_constant_is_the_constant() -> None:
    assert smooth(np.full(20, 0.7)) == pytest.approx(np.full(20, 0.7))


def test_a_network_gets_a_rate_with_which_it_learns(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path
) -> None:
    config = replace(quick, folds=None)
    found = find_rates(learnable, config, ["lenet_alexnet"], tmp_path, rates=RateRange(1e-6, 1.0, 60))
    assert 1e-5 < found["lenet_alexnet"].suggestion < 0.1
    curve = pd.read_csv(tmp_path / "lr_test.csv")
    assert list(curve.columns) == ["backbone", "learning_rate", "loss", "smoothed_loss"]
    assert curve["learning_rate"].is_monotonic_increasing
    assert (tmp_path / "lr_test.png").is_file()
    assert pd.read_csv(tmp_path / "lr_suggestions.csv").loc[0, "backbone"] == "lenet_alexnet"


def test_the_same_seed_gives_the_same_curve(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    config = replace(quick, folds=None)
    curves = [
        find_rates(learnable, config, ["lenet_alexnet"], tmp_path, rates=RateRange(1e-6, 1e-2, 10))["lenet_alexnet"]
        for _ in range(2)
    ]
    assert np.array_equal(curves[0].losses, curves[1].losses)


@pytest.mark.parametrize("rates", [RateRange(1e-2, 1e-3, 50), RateRange(0.0, 1.0, 50), RateRange(1e-4, 1.0, 5)])
def test_a_range_that_is_none_is_refused(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path, rates: RateRange
) -> None:
    with pytest.raises(UsageError, match="wanted a rising range"):
        find_rates(learnable, replace(quick, folds=None), ["lenet_alexnet"], tmp_path, rates=rates)
