"""The generalisation gap, train against test, over seeds: means, intervals, and paired differences between arms.

Source of the question: Keskar & Socher 2017, arXiv:1712.07628, whom the thesis cites (2.6, 6): does Adam generalise
worse than SGD?
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from kinfast import schema
from kinfast.config import INTERVAL
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.arrays import Float
from kinfast.studies.measures import part_log_loss, part_score

FEWEST_SEEDS = 3
"""Below so many seeds an interval of Student's t says next to nothing."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds with its interval; NaN where there are too few."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SeedScores:
    """What one run got, on the images that it was trained on and on those of its test part, both without augmentation.

    Attributes:
        train, test: the metric.
        train_loss, test_loss: log loss.
    """

    train: float
    test: float
    train_loss: float
    test_loss: float

    @property
    def gap(self) -> float:
        """By how much the metric is better in train."""
        return self.train - self.test

    @property
    def loss_gap(self) -> float:
        """By how much the log loss is larger in test."""
        return self.test_loss - self.train_loss


def measure_seed(run: Run, metric: str) -> SeedScores:
    """Measure a finished run."""
    return SeedScores(
        train=part_score(run, schema.PART_TRAIN, metric),
        test=part_score(run, schema.PART_TEST, metric),
        train_loss=part_log_loss(run, schema.PART_TRAIN),
        test_loss=part_log_loss(run, schema.PART_TEST),
    )


def mean_over_seeds(values: Sequence[float]) -> Mean:
    """Give the mean over seeds and Student's t interval of it (`INTERVAL`)."""
    known: Float = np.array([value for value in values if math.isfinite(value)], dtype=np.float64)
    if not known.size:
        return Mean(math.nan, math.nan, math.nan)
    value = float(known.mean())
    if known.size < FEWEST_SEEDS:
        return Mean(value, math.nan, math.nan)
    half = float(stats.t.ppf((1 + INTERVAL) / 2, known.size - 1) * known.std(ddof=1) / math.sqrt(known.size))
    return Mean(value, value - half, value + half)


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> Mean:
    """Give the mean difference of two arms over the same seeds: each seed has one split and one order of images."""
    return mean_over_seeds([a - b for a, b in zip(ours, theirs, strict=True)])
