"""What follows the backbones: from the joined global averages, (B, n_features), to logits, (B, n_classes)."""

from collections.abc import Sequence

from torch import nn

from kinfast.errors import UsageError

MODERN = "modern"
THESIS = "thesis"
HEADS = (MODERN, THESIS)


def build_head(
    kind: str, n_features: int, n_classes: int, dropout: float, hidden_units: Sequence[int]
) -> nn.Sequential:
    """Build a head.

    Args:
        kind: "modern", dropout and one linear layer (the thesis' 3.7, for softmax and cross-entropy); or "thesis",
            dropout, a dense layer with ReLU, one with sigmoid, and the output (3.8, for a sigmoid a class and binary
            cross-entropy).
        n_features: of all streams together.
        n_classes: outputs.
        dropout: share of the features set to zero in training, 0 to below 1.
        hidden_units: widths of the thesis head's two hidden layers.

    Returns:
        a module that gives logits; the last sigmoid or softmax belongs to the loss.

    Raises:
        UsageError: no such head, or a dropout out of range.
    """
    if not 0.0 <= dropout < 1.0:
        raise UsageError(f"dropout {dropout} is out of range: wanted 0 to below 1")
    if kind == MODERN:
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(n_features, n_classes))
    if kind == THESIS:
        first, second = hidden_units
        return nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(n_features, first),
            nn.ReLU(inplace=True),
            nn.Linear(first, second),
            nn.Sigmoid(),
            nn.Linear(second, n_classes),
        )
    raise UsageError(f"no head {kind!r}: wanted one of {', '.join(HEADS)}")
