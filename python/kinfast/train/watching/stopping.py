"""Which epoch's weights are kept, and when training stops: by the validation loss alone, never by the test part."""

import math
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Best:
    """The best epoch so far.

    A few validation sites are easily lucky in an epoch whose weights are still near their start, so the first epochs
    (`unripe`) count only as long as there is none after them.

    Attributes:
        epoch: 0-based; -1 before the first.
        loss: validation loss of that epoch.
        last: the latest epoch seen.
        unripe: number of first epochs that any later one replaces.
    """

    unripe: int
    epoch: int = -1
    loss: float = math.inf
    last: int = -1

    def after(self, epoch: int, loss: float) -> Self:
        """Take another epoch in. Without a validation part (the loss is not a number) the latest is the best."""
        better = self.epoch < 0 or math.isnan(loss) or self.epoch < self.unripe <= epoch or loss < self.loss
        return replace(self, last=epoch, **({"epoch": epoch, "loss": loss} if better else {}))  # type: ignore[arg-type]

    @property
    def is_latest(self) -> bool:
        """Whether the latest epoch is the best one."""
        return self.epoch == self.last

    def exhausted(self, patience: int) -> bool:
        """Whether `patience` ripe epochs went by without a better one; 0 is endless patience."""
        return patience > 0 and self.last - max(self.epoch, self.unripe) >= patience


def unripe_epochs(epochs: int, share: float) -> int:
    """Give the number of first epochs that are not kept as the best."""
    return min(epochs - 1, math.floor(epochs * share))
