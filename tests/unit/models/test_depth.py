"""Blocks are found by the names of parameters, in any backbone, and every parameter lies in one."""

import pytest

from kinfast.models import build_shapes
from kinfast.models.depth import group_by_depth


@pytest.mark.parametrize(
    ("backbone", "blocks", "deepest", "first"),
    [
        ("lenet_alexnet", 5, "features.10.weight", "features.0.weight"),
        ("vgg11_bn", 8, "features.25.weight", "features.0.weight"),
        ("resnet18", 5, "layer4.0.conv1.weight", "conv1.weight"),
        ("mobilenet_v2", 19, "features.18.0.weight", "features.0.0.weight"),
    ],
)
def test_a_block_is_the_first_numbered_part(backbone: str, blocks: int, deepest: str, first: str) -> None:
    model = build_shapes(backbone, (3, 3), 4)
    names = {id(value): name for name, value in model.named_parameters()}
    groups = [[names[id(value)] for value in group] for group in group_by_depth(model)]
    assert sorted(name for group in groups for name in group) == sorted(names.values())
    assert groups[0] == ["head.1.weight", "head.1.bias"]
    assert len(groups) == 1 + blocks
    for group, wanted in ((groups[1], deepest), (groups[-1], first)):
        assert group[0].removeprefix("backbones.0.").removeprefix("network.") == wanted
        assert any(name.startswith("backbones.1.") for name in group)  # as deep in either stream


def test_a_norm_belongs_to_the_convolution_before_it() -> None:
    model = build_shapes("resnet18", (3,), 4)
    stem = {id(value) for value in group_by_depth(model)[-1]}
    named = dict(model.named_parameters())
    assert stem == {id(named[f"backbones.0.network.{name}"]) for name in ("conv1.weight", "bn1.weight", "bn1.bias")}
