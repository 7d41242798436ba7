"""The first convolution of a network, widened or narrowed to any number of input channels."""

import torch
from torch import Tensor, nn


def find_stem(model: nn.Module) -> str:
    """Name the first convolution, in the order of definition: "features.0.0", "conv1".

    Raises:
        ValueError: the model has no convolution.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            return str(name)
    raise ValueError(f"{type(model).__name__} has no convolution to take the channels in")


def stem_channels(model: nn.Module) -> int:
    """Say how many channels a network takes."""
    stem = model.get_submodule(find_stem(model))
    assert isinstance(stem, nn.Conv2d)
    return stem.in_channels


def adapt_filters(filters: Tensor, channels: int) -> Tensor:
    """Give pretrained filters another number of input channels.

    Each of the n channels gets the mean over the old ones, times old / n: an image whose channels are all alike
    then gives the same activations as before, whatever n is.

    Args:
        filters: (out, old, k, k) float.
        channels: n, the new number.

    Returns:
        (out, channels, k, k), same dtype.

    Source: the inflation of Carreira & Zisserman 2017, arXiv:1705.07750, along channels in the place of time.
    """
    old = filters.shape[1]
    return filters.mean(dim=1, keepdim=True).repeat(1, channels, 1, 1) * (old / channels)


def adapt_stem(model: nn.Module, channels: int, *, keep_filters: bool) -> None:
    """Replace the first convolution in place, so that the model takes (B, channels, H, W).

    Args:
        model: any network whose first convolution takes the image.
        channels: input channels wanted.
        keep_filters: True adapts the filters there are (pretrained ones); False draws new ones.
    """
    name = find_stem(model)
    old = model.get_submodule(name)
    assert isinstance(old, nn.Conv2d)
    if old.in_channels == channels:
        return
    new = _resized(old, channels)
    with torch.no_grad():
        if keep_filters:
            new.weight.copy_(adapt_filters(old.weight, channels))
        else:
            nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
        if new.bias is not None and old.bias is not None:
            new.bias.copy_(old.bias)
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, new)


def _resized(old: nn.Conv2d, channels: int) -> nn.Conv2d:
    return nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        old.dilation,  # type: ignore[arg-type]
        bias=old.bias is not None,
        padding_mode=old.padding_mode,
    )
