"""Initial weights of networks that are not pretrained.

Without normalisation a deep network must keep its signal by itself, and what images have in common must not drown what
parts them. Microscope images are dark: normalised, almost every pixel is below 0, and each ReLU adds a mean of its
own. Filters whose weights add up to 0 do not pass a mean on.
"""

import math

import torch
from torch import nn

from kinfast.errors import UsageError

AUTO, TORCHVISION, KERAS, STEADY = "auto", "torchvision", "keras", "steady"
INITS = (AUTO, TORCHVISION, KERAS, STEADY)
STEADY_GAIN = 2 / (1 - 1 / math.pi)
"""A ReLU leaves (1 - 1 / pi) / 2 of the variance of a normal signal, its mean taken off. Source: Brock et al. 2021,
arXiv:2101.08692, section 4, where filters are standardised so in every step."""
_LAYERS = (nn.Conv2d, nn.Linear)


def check_init(how: str) -> None:
    """Refuse an initialisation that is not known.

    Raises:
        UsageError: it is not.
    """
    if how not in INITS:
        raise UsageError(f"init {how!r} is unknown: wanted {', '.join(INITS)}")


def initialise(backbone: nn.Module, how: str) -> None:
    """Draw initial weights anew, from torch's current generator.

    Args:
        backbone: with the weights that it drew when it was built.
        how: torchvision leaves those; keras is Glorot's uniform draw with biases of 0; steady, see `_steady`; auto is
            steady where nothing normalises, else torchvision.

    Raises:
        UsageError: none of these.
    """
    check_init(how)
    if how == AUTO:
        how = TORCHVISION if has_normalisation(backbone) else STEADY
    if how == TORCHVISION:
        return
    for module in backbone.modules():
        if isinstance(module, _LAYERS):
            draw = _glorot if how == KERAS else _steady
            draw(module)


def has_normalisation(model: nn.Module) -> bool:
    """Say whether any layer normalises what flows through it."""
    kinds = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
    return any(isinstance(module, kinds) for module in model.modules())


@torch.no_grad()
def _steady(layer: nn.Conv2d | nn.Linear) -> None:
    """Draw normal filters that add up to 0, of a variance that the signal keeps from ReLU to ReLU."""
    weight = layer.weight
    inputs = weight[0].numel()
    drawn = torch.randn_like(weight)
    drawn -= drawn.flatten(1).mean(dim=1).reshape(-1, *[1] * (weight.ndim - 1))
    weight.copy_(drawn * math.sqrt(STEADY_GAIN / inputs))
    if layer.bias is not None:
        layer.bias.zero_()


def _glorot(layer: nn.Conv2d | nn.Linear) -> None:
    """Source: Glorot & Bengio 2010; Keras' default for both kinds of layer."""
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
