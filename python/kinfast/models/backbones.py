"""Any torchvision classifier without its top, found from its graph and not from a list of names.

A network is traced; of the tensors that flow through it the last (B, C, h, w) map before the classifier is what a
global average is taken of. For VGG16 that is `features.30`, for ResNet50 `layer4.2.relu_2`, for MobileNetV2
`features.18`. A network without such a map (a vision transformer) gives its vector, as a map of one pixel.
"""

import copy
import difflib
from collections.abc import Mapping
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import get_model, list_models
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from kinfast.errors import UsageError
from kinfast.models.lenet_alexnet import WIDTHS, LenetAlexnet
from kinfast.models.stem import adapt_stem, find_stem
from kinfast.models.weights import PretrainedWeights

LENET_ALEXNET, LENET_ALEXNET_BN = "lenet_alexnet", "lenet_alexnet_bn"
OWN = (LENET_ALEXNET, LENET_ALEXNET_BN)
"""Backbones that are not torchvision's."""
TOPS = frozenset({"avgpool", "classifier", "dropout", "fc", "flatten", "head", "heads"})
"""What torchvision calls the parts behind the feature map."""
_PROBE_PIXELS = 224
_LEAST_KEPT = 0.9
"""Share of the parameters before the top that a cut must keep: a transformer's only map is its patches, unlearned."""
_WITHOUT_AUXILIARY: Mapping[str, Mapping[str, bool]] = {
    "googlenet": {"aux_logits": False, "init_weights": True, "transform_input": False},
    "inception_v3": {"aux_logits": False, "init_weights": True, "transform_input": False},
}


class FeatureMap(nn.Module):
    """(B, C, S, S) images to a (B, n_features, h, w) map: a traced network cut before its top."""

    def __init__(self, network: nn.Module, node: str, n_features: int) -> None:
        super().__init__()
        self.network = create_feature_extractor(network, {node: "map"}, suppress_diff_warning=True)
        self.n_features = n_features

    def forward(self, images: Tensor) -> Tensor:
        """Compute the feature map."""
        features: Tensor = self.network(images)["map"]
        return features


class FeatureVector(nn.Module):
    """(B, C, S, S) images to a (B, n_features, 1, 1) map: a network whose top was replaced by nothing."""

    def __init__(self, network: nn.Module, n_features: int) -> None:
        super().__init__()
        self.network = network
        self.n_features = n_features

    def forward(self, images: Tensor) -> Tensor:
        """Compute the feature vector, as a map of one pixel."""
        vector: Tensor = self.network(images)
        return vector[:, :, None, None]


def backbone_names() -> list[str]:
    """List every name that `build_backbone` takes."""
    return [*OWN, *list_models(module=torchvision.models)]


def check_name(name: str) -> None:
    """Make sure that a backbone of this name exists.

    Raises:
        UsageError: it does not; the nearest names are given.
    """
    names = backbone_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=4, cutoff=0.4) or ["vgg16", "resnet50", "mobilenet_v2"]
        raise UsageError(
            f"no backbone {name!r}: torchvision's classifiers and {', '.join(OWN)} are known; near: {', '.join(near)}"
        )


def build_backbone(name: str, channels: int, weights: PretrainedWeights | None) -> tuple[nn.Module, int]:
    """Build one stream's network without its top.

    Args:
        name: torchvision's name of a classifier, "lenet_alexnet" or "lenet_alexnet_bn".
        channels: of the input images.
        weights: pretrained ones, or None for random initialisation from torch's current generator.

    Returns:
        the network, (B, channels, S, S) to (B, n_features, h, w), and n_features.

    Raises:
        UsageError: no such backbone.
        WeightsError: the weights do not fit.
    """
    check_name(name)
    if name in OWN:
        network = LenetAlexnet(channels, normalised=name == LENET_ALEXNET_BN)
        fill_and_adapt(network, channels, weights)
        return network, WIDTHS[-1]
    whole = construct(name)
    fill_and_adapt(whole, channels, weights)
    return cut_top(whole, channels)


def construct(name: str) -> nn.Module:
    """Build torchvision's whole classifier, top included, with random weights."""
    arguments: dict[str, Any] = dict(_WITHOUT_AUXILIARY.get(name, {}))
    network: nn.Module = get_model(name, weights=None, **arguments)
    return network


def fill_and_adapt(network: nn.Module, channels: int, weights: PretrainedWeights | None) -> None:
    """Load weights where there are any and give the stem its number of channels, in the order that the weights need."""
    if weights is None:
        adapt_stem(network, channels, keep_filters=False)
        return
    stem = network.get_submodule(find_stem(network))
    assert isinstance(stem, nn.Conv2d)
    trained_on = weights.stem_channels(find_stem(network), stem.in_channels)
    adapt_stem(network, trained_on, keep_filters=False)
    weights.fill(network, tops=TOPS)
    adapt_stem(network, channels, keep_filters=True)


def cut_top(whole: nn.Module, channels: int) -> tuple[nn.Module, int]:
    """Cut a classifier before its top; see the module's head for where that is."""
    found = _find_map(whole, channels)
    if found is not None:
        node, n_features = found
        return FeatureMap(whole, node, n_features), n_features
    for name, _ in whole.named_children():
        if name in TOPS:
            setattr(whole, name, nn.Identity())
    n_features = _flow(copy.deepcopy(whole), channels).shape[1]
    return FeatureVector(whole, n_features), n_features


def _find_map(whole: nn.Module, channels: int) -> tuple[str, int] | None:
    """Find the last feature map before the top: the node's name and its channels; None where there is none."""
    training, evaluation = get_graph_node_names(whole, suppress_diff_warning=True)
    shared = set(training)
    nodes = [name for name in evaluation[1:] if name in shared and name.partition(".")[0] not in TOPS]
    probe = create_feature_extractor(copy.deepcopy(whole), nodes, suppress_diff_warning=True)
    flowing: dict[str, Any] = _flow(probe, channels)
    maps = [(name, value) for name, value in flowing.items() if _is_map(value)]
    if not maps or _reached(maps[-1][1], probe) < _LEAST_KEPT * _size_below_top(whole):
        return None
    return maps[-1][0], maps[-1][1].shape[1]


def _is_map(value: object) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4 and value.shape[-1] > 1 and value.shape[-1] == value.shape[-2]


def _size_below_top(network: nn.Module) -> int:
    return sum(value.numel() for name, value in network.named_parameters() if name.partition(".")[0] not in TOPS)


def _reached(features: Tensor, network: nn.Module) -> int:
    """Count the parameters that a feature map depends on."""
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(features.sum(), parameters, allow_unused=True)
    return sum(value.numel() for value, slope in zip(parameters, gradients, strict=True) if slope is not None)


def _flow(network: nn.Module, channels: int) -> Any:
    """Send an empty image through a network; its values are thrown away and only shapes are computed."""
    return network.to("meta").eval()(torch.empty(2, channels, _PROBE_PIXELS, _PROBE_PIXELS, device="meta"))
