"""The learning rate at each step, as a function of the step alone: nothing to store, nothing to resume."""

import math
from dataclasses import dataclass

from kinfast.errors import UsageError

KINDS = ("cosine", "constant")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A warm-up from near zero, then a fall along half a cosine to zero, or a constant.

    Attributes:
        kind: cosine or constant.
        peak: the rate at the end of the warm-up.
        warmup_steps: steps of the warm-up.
        total_steps: of the whole training.
        switch_step: from which the second optimiser steps; None: there is none.
        switched_peak: the schedule's height from there on.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts; warm-up: Goyal et al. 2017, arXiv:1706.02677.
    """

    kind: str
    peak: float
    warmup_steps: int
    total_steps: int
    switch_step: int | None = None
    switched_peak: float = 0.0

    def rate(self, step: int) -> float:
        """Give the learning rate of a step, 0-based. A second optimiser goes on along the same curve."""
        switched = self.switch_step is not None and step >= self.switch_step
        return (self.switched_peak if switched else self.peak) * self._height(step)

    def _height(self, step: int) -> float:
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        if self.kind == "constant":
            return 1.0
        share = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))


def make_schedule(
    kind: str,
    peak: float,
    *,
    warmup_epochs: float,
    epochs: int,
    steps_per_epoch: int,
    switch_epoch: int | None = None,
    switched_peak: float = 0.0,
) -> Schedule:
    """Make a schedule; the warm-up takes at most half of the steps.

    Args:
        kind: cosine or constant.
        peak: its height.
        warmup_epochs: over which the rate rises.
        epochs: of the training.
        steps_per_epoch: of each epoch.
        switch_epoch: epochs of the first optimiser; None: there is one only.
        switched_peak: the height for the second.

    Raises:
        UsageError: an unknown kind, or a rate or warm-up out of range.
    """
    check_schedule(kind, warmup_epochs)
    for rate in (peak, *([] if switch_epoch is None else [switched_peak])):
        if not rate > 0 or not math.isfinite(rate):
            raise UsageError(f"learning rate {rate}: wanted a number above 0")
    total = epochs * steps_per_epoch
    warmup = min(round(warmup_epochs * steps_per_epoch), total // 2)
    switch_step = None if switch_epoch is None else switch_epoch * steps_per_epoch
    return Schedule(kind, peak, warmup, total, switch_step, switched_peak)


def check_schedule(kind: str, warmup_epochs: float) -> None:
    """Refuse what no schedule is made of.

    Raises:
        UsageError: an unknown kind, or a warm-up out of range.
    """
    if kind not in KINDS:
        raise UsageError(f"no schedule {kind!r}: wanted {' or '.join(KINDS)}")
    if not 0 <= warmup_epochs < math.inf:
        raise UsageError(f"{warmup_epochs} epochs of warm-up: wanted 0 or more")
