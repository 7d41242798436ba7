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

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts; warm-up: Goyal et al. 2017, arXiv:1706.02677.
    """

    kind: str
    peak: float
    warmup_steps: int
    total_steps: int

    def rate(self, step: int) -> float:
        """Give the learning rate of a step, 0-based."""
        if step < self.warmup_steps:
            return self.peak * (step + 1) / (self.warmup_steps + 1)
        if self.kind == "constant":
            return self.peak
        share = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        return self.peak * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))


def make_schedule(kind: str, peak: float, *, warmup_epochs: float, epochs: int, steps_per_epoch: int) -> Schedule:
    """Make a schedule; the warm-up takes at most half of the steps.

    Raises:
        UsageError: an unknown kind, or a rate or warm-up out of range.
    """
    if kind not in KINDS:
        raise UsageError(f"no schedule {kind!r}: wanted {' or '.join(KINDS)}")
    if not peak > 0 or not math.isfinite(peak):
        raise UsageError(f"learning rate {peak}: wanted a number above 0")
    if not warmup_epochs >= 0:
        raise UsageError(f"{warmup_epochs} epochs of warm-up: wanted 0 or more")
    total = epochs * steps_per_epoch
    return Schedule(kind, peak, min(round(warmup_epochs * steps_per_epoch), total // 2), total)
