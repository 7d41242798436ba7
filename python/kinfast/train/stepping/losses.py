"""Losses and their probabilities: softmax and cross-entropy, or a sigmoid a class and binary cross-entropy.

A mean loss is a sum over sites (`Loss.total`) over a sum of the sites' weights (`Loss.mass`), so that a minibatch in
pieces, on one device or on several, gives the whole one's gradient.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

CROSS_ENTROPY = "cross_entropy"
BINARY_CROSS_ENTROPY = "binary_cross_entropy"


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """What is minimised.

    Attributes:
        kind: cross_entropy, of classes that exclude each other; binary_cross_entropy, of one yes or no a class.
        class_weights: (n_classes,) float32 on the device, or None for equal ones.
        label_smoothing: share of each target that is spread evenly over all classes; of cross-entropy alone.
            Source: Szegedy et al. 2016, arXiv:1512.00567, section 7.
        focusing: a site's loss is multiplied by (1 - p) to this power, p the probability of its class; 0: not.
            Source: Lin et al. 2017, arXiv:1708.02002; of labels between 0 and 1 by the distance of the two, Li et al.
            2020, arXiv:2006.04388.
        shift: (n_classes,) float32 added to the logits, of cross-entropy alone; None: nothing. With a multiple of the
            classes' log frequencies, probabilities (taken without it) answer as if classes were alike in number.
            Source: Menon et al. 2021, arXiv:2007.07314, equation 10.
    """

    kind: str
    class_weights: Tensor | None = None
    label_smoothing: float = 0.0
    focusing: float = 0.0
    shift: Tensor | None = None

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean loss.

        Args:
            logits: (B, n_classes) float32.
            targets: (B,) int64 classes, or (B, n_classes) float32 of 0 to 1. NaN, in binary cross-entropy, is not
                known, and left out.

        Returns:
            A scalar. Binary cross-entropy is a mean over sites and classes, as Keras' is, so that with k classes a
            predictor that knows the prior alone already scores about (1 + ln k) / k.
        """
        return self.total(logits, targets) / self.mass(targets)

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Add up the sites' losses, each times its weight: a scalar."""
        if self.kind == CROSS_ENTROPY:
            return self._cross_entropy(logits if self.shift is None else logits + self.shift, targets)
        wanted = self._one_hot(targets, logits)
        known = ~wanted.isnan()
        wanted = wanted.nan_to_num()
        cells = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * known
        if self.focusing:
            cells = cells * _powered((wanted - logits.sigmoid()).abs(), self.focusing)
        each = cells.sum(dim=1) / known.sum(dim=1).clamp(min=1)
        return (each * self._site_weights(targets)).sum()

    def mass(self, targets: Tensor) -> Tensor:
        """Add up the sites' weights: a scalar float32 above 0. It needs no logits."""
        return self._site_weights(targets).sum().clamp(min=torch.finfo(torch.float32).tiny)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Turn logits into probabilities: (…, n_classes); those of a sigmoid do not add up to 1."""
        return logits.softmax(dim=-1) if self.kind == CROSS_ENTROPY else logits.sigmoid()

    def logits(self, probabilities: Tensor) -> Tensor:
        """Give logits that `probabilities` turns back: the logarithm, or the log-odds."""
        tiny = torch.finfo(probabilities.dtype).tiny
        if self.kind == CROSS_ENTROPY:
            return probabilities.clamp(min=tiny).log()
        log_odds: Tensor = torch.special.logit(probabilities, eps=torch.finfo(probabilities.dtype).eps)
        return log_odds

    def to(self, device: str) -> Self:
        """Move what it holds."""
        held = {"class_weights": self.class_weights, "shift": self.shift}
        return replace(self, **{name: value.to(device) for name, value in held.items() if value is not None})  # type: ignore[arg-type]

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        if not self.focusing:
            return functional.cross_entropy(
                logits, targets, weight=self.class_weights, label_smoothing=self.label_smoothing, reduction="sum"
            )
        wanted = (1 - self.label_smoothing) * self._one_hot(targets, logits) + self.label_smoothing / logits.shape[1]
        logarithms = logits.log_softmax(dim=1)
        cells = -wanted * logarithms * _powered(1 - logarithms.exp(), self.focusing)
        return (cells if self.class_weights is None else cells * self.class_weights).sum()

    def _one_hot(self, targets: Tensor, logits: Tensor) -> Tensor:
        return targets if targets.ndim == 2 else functional.one_hot(targets, logits.shape[1]).to(logits.dtype)

    def _site_weights(self, targets: Tensor) -> Tensor:
        """Weigh sites by their classes, (B,): of several classes by their mean weight. A site of no class counts once.

        A site of which nothing is known does not count.
        """
        if targets.ndim == 1:
            return (
                torch.ones_like(targets, dtype=torch.float32)
                if self.class_weights is None
                else (self.class_weights[targets])
            )
        known, members = ~targets.isnan(), targets.nan_to_num()
        counts = known.any(dim=1).float()
        if self.class_weights is None:
            return counts
        share = members.sum(dim=1)
        tiny = torch.finfo(torch.float32).tiny
        return counts * torch.where(share > 0, (members @ self.class_weights) / share.clamp(min=tiny), 1.0)


def _powered(distance: Tensor, power: float) -> Tensor:
    """Raise to a power whose slope at 0 may be endless: at a distance of rounding there is none."""
    return distance.clamp(min=torch.finfo(distance.dtype).eps) ** power


def loss_kind(head: str, several_labels: bool) -> str:
    """Name the loss of a head: the thesis' is binary, and so is any task with several labels a site."""
    return BINARY_CROSS_ENTROPY if head == "thesis" or several_labels else CROSS_ENTROPY
