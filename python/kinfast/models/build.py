"""One call from plain values to a model."""

import copy
from collections.abc import Sequence

import torch
from torch import nn

from kinfast.errors import UsageError
from kinfast.models.backbones import OWN, build_backbone
from kinfast.models.heads import MODERN, build_head
from kinfast.models.initialise import AUTO, KERAS, check_init, initialise
from kinfast.models.shapes import without_values
from kinfast.models.streams import StreamClassifier
from kinfast.models.weights import PretrainedWeights


def build_model(
    backbone: str,
    stream_channels: Sequence[int],
    n_classes: int,
    *,
    head: str = MODERN,
    dropout: float = 0.5,
    weights: PretrainedWeights | None = None,
    hidden_units: Sequence[int] = (512, 256),
    init: str = AUTO,
) -> StreamClassifier:
    """Build a classifier of any number of streams.

    Args:
        backbone: torchvision's name of a classifier ("vgg16", "resnet50", "mobilenet_v2", …) or one of `backbones.OWN`.
        stream_channels: channels of each stream's images; (3, 3) is the thesis' two composites, (5,) one stack of five.
        n_classes: outputs.
        head: "modern" or "thesis"; see `heads.build_head`.
        dropout: share of the joined features set to zero in training.
        weights: from `load_weights`, put into every stream's network; None draws from torch's current generator.
        hidden_units: of the thesis head.
        init: of weights that are not pretrained; see `initialise.initialise`. `backbones.OWN` have one of their own,
            for auto.

    Returns:
        the model, in training mode, on the CPU.

    Raises:
        UsageError: an unknown backbone or head, or no streams or fewer than one class.
        WeightsError: the weights do not fit.
    """
    if not stream_channels or min(stream_channels) < 1:
        raise UsageError(
            f"streams of {list(stream_channels)} channels: wanted at least one stream of at least one channel"
        )
    if n_classes < 1:
        raise UsageError(f"{n_classes} classes: wanted at least one")
    built = [build_backbone(backbone, channels, weights) for channels in stream_channels]
    features = sum(n_features for _, n_features in built)
    top = build_head(head, features, n_classes, dropout, hidden_units)
    check_init(init)
    if weights is None and not (backbone in OWN and init == AUTO):
        for part in (*(network for network, _ in built), *((top,) if init == KERAS else ())):
            initialise(part, init)
    return StreamClassifier([network for network, _ in built], top)


def build_shapes(
    backbone: str,
    stream_channels: Sequence[int],
    n_classes: int,
    *,
    head: str = MODERN,
    dropout: float = 0.5,
    hidden_units: Sequence[int] = (512, 256),
) -> StreamClassifier:
    """Build a model without values, where torch can: to count it, or to load values into with `assign=True`.

    Drawing VGG16's 138 million initial values, of which 120 million belong to the top, takes seconds a stream.
    """
    return without_values(
        lambda: build_model(backbone, stream_channels, n_classes, head=head, dropout=dropout, hidden_units=hidden_units)
    )


def check_input_size(model: nn.Module, backbone: str, stream_channels: Sequence[int], pixels: int) -> None:
    """Make sure that a model takes images of this size, by shapes alone.

    Raises:
        UsageError: it does not (too small for its poolings, or a transformer of fixed size).
    """
    try:
        _pass_shapes(copy.deepcopy(model).to("meta").eval(), stream_channels, pixels, 2)
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UsageError(
            f"{backbone} does not take {pixels} × {pixels} pixels ({reason}): change --input-size"
        ) from None


def check_few_sites(model: nn.Module, backbone: str, stream_channels: Sequence[int], pixels: int, sites: int) -> None:
    """Make sure that a model trains on as few sites at once, by shapes alone.

    Raises:
        UsageError: of maps of one pixel batch normalisation of one site has a single value, which has no variance.
    """
    if sites > 1:
        return
    try:
        _pass_shapes(copy.deepcopy(model).to("meta").train(), stream_channels, pixels, sites)
    except ValueError:
        raise UsageError(
            f"{backbone} makes maps of one pixel of {pixels} × {pixels}, and batch normalisation of one site at a time "
            "has nothing to compare them with: wanted a larger --batch-size (two sites or more for each process and "
            "piece of --accumulate), or a larger --input-size"
        ) from None


@torch.no_grad()
def _pass_shapes(shapes: nn.Module, stream_channels: Sequence[int], pixels: int, sites: int) -> None:
    shapes([torch.empty(sites, channels, pixels, pixels, device="meta") for channels in stream_channels])
