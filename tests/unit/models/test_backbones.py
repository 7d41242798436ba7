"""Networks without their tops, found from their graphs."""

import pytest
import torch
from torch import nn

from kinfast.errors import UsageError
from kinfast.models.backbones import FeatureMap, FeatureVector, build_backbone, construct, cut_top
from kinfast.models.build import build_model, build_shapes, check_few_sites, check_input_size
from kinfast.models.lenet_alexnet import LenetAlexnet


@pytest.mark.parametrize(
    ("name", "features", "side"),
    [
        # the side of a 64-pixel image's map, from the networks' published strides (32, 16, 8)
        ("mobilenet_v2", 1280, 2),
        ("resnet18", 512, 2),
        ("squeezenet1_1", 512, 3),
        ("shufflenet_v2_x0_5", 1024, 2),
        ("mnasnet0_5", 1280, 2),
        ("lenet_alexnet", 128, 8),
        ("lenet_alexnet_bn", 128, 8),
    ],
)
def test_a_backbone_gives_its_last_feature_map(name: str, features: int, side: int) -> None:
    network, n_features = build_backbone(name, 5, None)
    maps = network.eval()(torch.rand(2, 5, 64, 64))
    assert n_features == features
    assert maps.shape == (2, features, side, side)


def test_the_cut_is_where_torchvision_pools() -> None:
    torch.manual_seed(0)
    whole = construct("resnet18").eval()
    images = torch.rand(2, 3, 64, 64)
    network, _ = cut_top(whole, 3)
    assert isinstance(network, FeatureMap)
    pooled = network.eval()(images).mean(dim=(2, 3))
    whole.fc = nn.Identity()
    torch.testing.assert_close(pooled, whole(images), atol=1e-5, rtol=1e-5)  # two ways of averaging 4 float32 numbers


@pytest.mark.parametrize(
    ("name", "kind", "streams"),
    [("vgg16", FeatureMap, 14_714_688), ("resnet50", FeatureMap, 23_508_032), ("vit_b_16", FeatureVector, 85_798_656)],
)
def test_the_top_and_nothing_but_the_top_is_left_off(name: str, kind: type[nn.Module], streams: int) -> None:
    model = build_shapes(name, (3,), 2)
    assert isinstance(model.backbones[0], kind)
    # torchvision's totals less its ImageNet tops: VGG16 138,357,544 - 123,642,856, ResNet50 25,557,032 - 2,049,000,
    # ViT-B/16 86,567,656 - 769,000
    assert sum(value.numel() for value in model.backbones[0].parameters()) == streams


def test_an_unknown_name_is_answered_with_its_neighbours() -> None:
    with pytest.raises(UsageError, match=r"no backbone 'vgg_16'.*vgg16"):
        build_backbone("vgg_16", 3, None)


def test_lenet_alexnet_has_five_convolutions_and_no_normalisation() -> None:
    kinds = [type(module).__name__ for module in LenetAlexnet(3).modules()]
    assert kinds.count("Conv2d") == 5
    assert not any("Norm" in kind for kind in kinds)
    kinds = [type(module).__name__ for module in LenetAlexnet(3, normalised=True).modules()]
    assert (kinds.count("Conv2d"), kinds.count("BatchNorm2d")) == (5, 5)


def test_an_image_that_does_not_fit_is_said_before_training() -> None:
    model = build_model("lenet_alexnet", (3,), 2)
    check_input_size(model, "lenet_alexnet", (3,), 16)
    with pytest.raises(UsageError, match="lenet_alexnet does not take 4 × 4 pixels"):
        check_input_size(model, "lenet_alexnet", (3,), 4)


def test_one_site_of_one_pixel_cannot_be_normalised() -> None:
    small = build_shapes("mobilenet_v2", (3,), 2)
    check_few_sites(small, "mobilenet_v2", (3,), 32, sites=2)
    check_few_sites(small, "mobilenet_v2", (3,), 64, sites=1)
    with pytest.raises(UsageError, match=r"mobilenet_v2 makes maps of one pixel of 32 × 32.*--batch-size"):
        check_few_sites(small, "mobilenet_v2", (3,), 32, sites=1)
