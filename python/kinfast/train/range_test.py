"""The learning-rate range test: a few dozen steps whose rate rises exponentially, and where the loss falls steepest.

Source: Smith 2017, arXiv:1506.01186; the exponential ramp, the smoothing and the two suggestions as in common use
(Howard & Gugger 2020, Information 11:108).
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kinfast.data.minibatch import Minibatch
from kinfast.errors import UsageError
from kinfast.metrics.arrays import Float
from kinfast.progress import Reporter, Silent
from kinfast.train.fit import Fold
from kinfast.train.seeds import seed_torch

SMOOTHING = 0.9
"""Weight of the past in the exponential mean of the loss."""
DIVERGED = 4.0
"""The test ends where the smoothed loss exceeds so many times its lowest value."""
EDGE = 0.1
"""Share of the steps at the beginning in which a slope is not looked for: the smoothed loss has not settled."""


@dataclass(frozen=True, slots=True, eq=False)
class RangeTest:
    """A finished test.

    Attributes:
        rates: (n,) rate of each step, rising.
        losses: (n,) loss of each step, as it was.
        smoothed: (n,) its exponential mean, corrected for its beginning.
        steepest: the rate at which the smoothed loss falls fastest per factor of the rate; NaN: it never falls.
        lowest: the rate at which it is lowest.
        diverged: whether the loss blew up before the last rate.
    """

    rates: Float
    losses: Float
    smoothed: Float
    steepest: float
    lowest: float
    diverged: bool

    @property
    def suggestion(self) -> float:
        """The smaller of the steepest and a tenth of the lowest: both are rates with which training is stable."""
        return min(self.steepest, self.lowest / 10) if math.isfinite(self.steepest) else math.nan

    @property
    def covers(self) -> bool:
        """Whether the range went far enough: the loss turned before the last rate."""
        return self.diverged or self.lowest < self.rates[-1]


def run_range_test(
    fold: Fold, *, lowest: float, highest: float, steps: int, reporter: Reporter | None = None
) -> RangeTest:
    """Train a fold's model for some steps at rates that rise exponentially. The model is spent afterwards.

    Args:
        fold: with a fresh model; its schedule is not used.
        lowest: first rate.
        highest: last rate, if the loss does not blow up before.
        steps: at most.
        reporter: told of each step.

    Raises:
        UsageError: a range that is none.
    """
    check_range(lowest, highest, steps)
    reporter = reporter or Silent()
    rates = np.geomspace(lowest, highest, steps)
    fold.model.train()
    seed_torch(fold.seed, fold.number, 1)
    losses: list[float] = []
    diverged = False
    for rate, batch in zip(rates, _batches(fold), strict=False):
        loss = float(fold.updater.step(batch, float(rate))[0])
        if not math.isfinite(loss):
            diverged = True
            break
        losses.append(loss)
        reporter.advance(note=f"{rate:.1e}")
        smoothed = smooth(np.array(losses))
        if len(losses) > EDGE * steps and smoothed[-1] > DIVERGED * smoothed.min():
            diverged = True
            break
    return judge_range(rates[: len(losses)], np.array(losses), diverged=diverged)


def check_range(lowest: float, highest: float, steps: int) -> None:
    """Refuse rates that do not rise.

    Raises:
        UsageError: a range that is none.
    """
    if not 0 < lowest < highest < math.inf or steps < 10:
        raise UsageError(f"rates from {lowest:g} to {highest:g} in {steps} steps: wanted a rising range and 10 or more")


def judge_range(rates: Float, losses: Float, *, diverged: bool) -> RangeTest:
    """Find the steepest and the lowest point of a test's losses.

    Args:
        rates: (n,) rising.
        losses: (n,) finite.
        diverged: whether the test ended early.

    Raises:
        UsageError: too few steps before the loss blew up.
    """
    if len(losses) < 5:
        raise UsageError(
            f"the loss blew up after {len(losses)} steps, at {rates[-1] if len(rates) else 0:g}: lower --start"
        )
    smoothed = smooth(losses)
    first = max(1, round(EDGE * len(losses)))
    slopes = np.gradient(smoothed, np.log(rates))
    low = first + int(np.argmin(smoothed[first:]))
    steep = first + int(np.argmin(slopes[first : low + 1]))
    falls = slopes[steep] < 0 and smoothed[low] < smoothed[: first + 1].min()
    return RangeTest(rates, losses, smoothed, float(rates[steep]) if falls else math.nan, float(rates[low]), diverged)


def smooth(losses: Float) -> Float:
    """Give the exponential mean of the losses so far, corrected for its beginning at zero: (n,)."""
    mean, out = 0.0, np.empty(len(losses))
    for step, loss in enumerate(losses):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * float(loss)
        out[step] = mean / (1 - SMOOTHING ** (step + 1))
    return out


def _batches(fold: Fold) -> Iterator[Minibatch]:
    for epoch in itertools.count():
        yield from fold.training.epoch(epoch)
