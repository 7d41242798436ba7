"""Initial weights: a steady signal through sixteen layers of ReLU, and what a mean of the images does to it."""

import itertools

import pytest
import torch
from torch import nn

from kinfast.errors import UsageError
from kinfast.models import build_model
from kinfast.models.initialise import initialise


def deep(layers: int = 16, width: int = 48) -> nn.Sequential:
    torch.manual_seed(0)
    widths = [3, *[width] * layers]
    return nn.Sequential(
        *(
            module
            for inputs, outputs in itertools.pairwise(widths)
            for module in (nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="circular"), nn.ReLU())
        )
    )


def test_a_signal_neither_fades_nor_grows() -> None:
    stack, images = deep().requires_grad_(False), torch.randn(8, 3, 16, 16)
    initialise(stack, "steady")
    spread = float(stack[:-1](images).std())  # before the last ReLU
    # of 48 channels a layer's variance strays by a fifth or so: sixteen of them multiply
    assert 0.25 < spread < 4
    initialise(stack, "keras")
    assert float(stack[:-1](images).std()) < 0.05  # Glorot's halves the variance at each ReLU


@pytest.mark.parametrize("how", ["steady", "torchvision"])
def test_what_images_have_in_common_does_not_drown_what_parts_them(how: str) -> None:
    """Dark images: almost every value lies below 0, by a mean that all have; what parts them is a tenth of it."""
    stack = deep(8).requires_grad_(False)
    if how == "steady":
        initialise(stack, how)
    else:  # torchvision's draw of VGG16: normal, by the fan-out
        for module in stack:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    images = -1.5 + 0.15 * torch.randn(8, 3, 16, 16)
    features = stack(images).mean(dim=(2, 3))
    apart = float(features.std(dim=0).square().mean().sqrt() / features.square().mean().sqrt())
    assert (apart > 0.05) == (how == "steady")


def test_filters_add_up_to_nothing_and_biases_are_nothing() -> None:
    layer = nn.Conv2d(5, 4, 3)
    initialise(layer, "steady")
    assert layer.bias is not None
    assert not layer.bias.any()
    # 45 float32 weights of about 0.25: each sum is rounded by a few parts in ten million
    assert float(layer.weight.detach().sum(dim=(1, 2, 3)).abs().max()) < 1e-5


def test_auto_leaves_networks_that_normalise_and_the_one_that_has_its_own() -> None:
    for backbone, steady in (("squeezenet1_1", True), ("resnet18", False), ("lenet_alexnet", False)):
        torch.manual_seed(0)
        model = build_model(backbone, (3,), 2)
        stem = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
        assert (float(stem.weight.detach().sum(dim=(1, 2, 3)).abs().max()) < 1e-5) is steady
    with pytest.raises(UsageError, match="init 'magic' is unknown: wanted auto, torchvision, keras, steady"):
        build_model("lenet_alexnet", (3,), 2, init="magic")
