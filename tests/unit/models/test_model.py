"""Streams, heads and parameter counts."""

import pytest
import torch
from torch import nn

from kinfast.errors import UsageError
from kinfast.models import build_model, build_shapes, count_parameters, report_parameters
from kinfast.models.heads import build_head


@pytest.mark.parametrize("channels", [(3,), (3, 3), (5,), (3, 2, 1)])
@pytest.mark.parametrize("head", ["modern", "thesis"])
def test_any_number_of_streams_of_any_channels(channels: tuple[int, ...], head: str) -> None:
    model = build_model("lenet_alexnet", channels, 4, head=head)
    streams = [torch.rand(2, n, 16, 16) for n in channels]
    assert model(streams).shape == (2, 4)
    assert model.embed(streams).shape == (2, 128 * len(channels))


def test_streams_have_networks_of_their_own() -> None:
    torch.manual_seed(0)
    model = build_model("lenet_alexnet", (3, 3), 2, dropout=0.0).eval()
    one, other = torch.rand(2, 1, 3, 16, 16)
    assert not torch.equal(model([one, other]), model([other, one]))
    with pytest.raises(ValueError, match="1 streams given, 2 wanted"):
        model([one])


def test_the_thesis_head_is_dropout_relu_sigmoid_output() -> None:
    kinds = [type(layer) for layer in build_head("thesis", 8, 3, 0.5, (6, 4))]
    assert kinds == [nn.Dropout, nn.Linear, nn.ReLU, nn.Linear, nn.Sigmoid, nn.Linear]


def test_the_modern_head_is_dropout_and_one_layer() -> None:
    head = build_head("modern", 8, 3, 0.1, ())
    assert [type(layer) for layer in head] == [nn.Dropout, nn.Linear]
    assert count_parameters(head) == 8 * 3 + 3


@pytest.mark.parametrize(("kind", "dropout", "said"), [("old", 0.5, "no head 'old'"), ("modern", 1.0, "dropout 1.0")])
def test_a_wrong_head_is_refused(kind: str, dropout: float, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build_head(kind, 8, 3, dropout, (6, 4))


@pytest.mark.parametrize(("channels", "classes"), [((), 2), ((3, 0), 2), ((3,), 0)])
def test_a_model_of_nothing_is_refused(channels: tuple[int, ...], classes: int) -> None:
    with pytest.raises(UsageError, match="wanted at least one"):
        build_model("lenet_alexnet", channels, classes)


@pytest.mark.parametrize(
    ("name", "torchvision", "thesis"),
    [
        ("vgg16", 138_357_544, 138_357_544),
        ("resnet50", 25_557_032, 25_636_712),
        ("mobilenet_v2", 3_504_872, 3_538_984),
    ],
)
def test_counts_stand_beside_the_thesis(name: str, torchvision: int, thesis: int) -> None:
    report = report_parameters(build_shapes(name, (3, 3), 113), name)
    assert (report.torchvision_with_top, report.thesis_with_top) == (torchvision, thesis)
    assert report.total == sum(report.per_stream) + report.head
    assert f"{thesis:,} in the thesis (Keras)" in report.lines()[1]
    assert ("Keras also counts" in report.lines()[1]) == (torchvision != thesis)


def test_resnet50_differs_from_keras_by_running_statistics_and_biases() -> None:
    network = build_shapes("resnet50", (3,), 2).backbones[0]
    statistics = sum(b.numel() for name, b in network.named_buffers() if "running" in name)
    biases = sum(layer.out_channels for layer in network.modules() if isinstance(layer, nn.Conv2d))
    assert statistics + biases == 25_636_712 - 25_557_032
