"""What an epoch adds up while it trains, so that an interrupted one goes on adding where it stood."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kinfast.train.stepping.losses import BINARY_CROSS_ENTROPY, Loss


@dataclass(slots=True)
class Sums:
    """An epoch's sums. They stay on the device until the epoch's end.

    Attributes:
        loss, hits, right: scalars: the loss times sites, sites whose class is first, sigmoid outputs on their side.
        steps, sites: taken.
        outputs: of the model.
        several: whether a site may have several labels; then hits and right are not counted.
        seconds: trained before an interruption.
    """

    loss: Tensor
    hits: Tensor
    right: Tensor
    steps: int = 0
    sites: int = 0
    outputs: int = 1
    several: bool = False
    seconds: float = 0.0

    @classmethod
    def on(cls, device: str, kept: dict[str, Any] | None = None) -> "Sums":
        """Begin at zero, or from what `as_kept` gave."""
        if kept:
            moved: dict[str, Any] = {n: v.to(device) if isinstance(v, Tensor) else v for n, v in kept.items()}
            return cls(**moved)
        loss, hits, right = (torch.zeros((), device=device) for _ in range(3))
        return cls(loss, hits, right)

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Add a step's."""
        self.steps += 1
        self.sites += len(targets)
        self.outputs, self.several = logits.shape[1], targets.ndim == 2
        self.loss += loss * len(targets)
        if not self.several:
            self.hits += (logits.argmax(dim=1) == targets).sum()
            self.right += _right_outputs(logits, targets)

    def as_kept(self, seconds: float) -> dict[str, Any]:
        """Give what a checkpoint keeps, copied: the sums go on."""
        names = ("loss", "hits", "right", "steps", "sites", "outputs", "several")
        kept = {name: getattr(self, name) for name in names}
        return {n: v.cpu().clone() if isinstance(v, Tensor) else v for n, v in kept.items()} | {"seconds": seconds}

    def row(self, loss: Loss) -> dict[str, Any]:
        """Give the history's values: mean loss, accuracies."""
        found: dict[str, Any] = {"train_loss": float(self.loss) / self.sites}
        found["train_top1_accuracy"] = None if self.several else float(self.hits) / self.sites
        if loss.kind == BINARY_CROSS_ENTROPY and not self.several:
            found["train_binary_accuracy"] = float(self.right) / (self.sites * self.outputs)
        return found


def _right_outputs(logits: Tensor, targets: Tensor) -> Tensor:
    """Count the sigmoid outputs that are on their class's side of a half: what Keras calls the accuracy."""
    positive = logits > 0
    own = positive.gather(1, targets[:, None]).sum()
    return logits.numel() - len(logits) - positive.sum() + 2 * own
