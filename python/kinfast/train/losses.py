"""Losses and their probabilities: softmax and cross-entropy, or a sigmoid a class and binary cross-entropy."""

from dataclasses import dataclass

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
    """

    kind: str
    class_weights: Tensor | None = None
    label_smoothing: float = 0.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean loss.

        Args:
            logits: (B, n_classes) float32.
            targets: (B,) int64 classes, or (B, n_classes) float32 of 0 to 1 (binary cross-entropy alone); NaN is
                not known, and left out.

        Returns:
            A scalar. Binary cross-entropy is a mean over sites and classes, as Keras' is, so that with k classes a
            predictor that knows the prior alone already scores about (1 + ln k) / k.
        """
        if self.kind == CROSS_ENTROPY:
            return functional.cross_entropy(
                logits, targets, weight=self.class_weights, label_smoothing=self.label_smoothing
            )
        wanted = targets if targets.ndim == 2 else functional.one_hot(targets, logits.shape[1]).to(logits.dtype)
        known = ~wanted.isnan()
        wanted = wanted.nan_to_num()
        cells = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * known
        each = cells.sum(dim=1) / known.sum(dim=1).clamp(min=1)
        return each.mean() if self.class_weights is None else self._weighted(each, wanted)

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

    def _weighted(self, each: Tensor, wanted: Tensor) -> Tensor:
        """Weigh sites by the mean weight of their classes. A site of no class counts once."""
        assert self.class_weights is not None
        members = wanted.sum(dim=1)
        weights = torch.where(members > 0, (wanted @ self.class_weights) / members.clamp(min=1), 1.0)
        return (each * weights).sum() / weights.sum()


def loss_kind(head: str, several_labels: bool) -> str:
    """Name the loss of a head: the thesis' is binary, and so is any task with several labels a site."""
    return BINARY_CROSS_ENTROPY if head == "thesis" or several_labels else CROSS_ENTROPY
