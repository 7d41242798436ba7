"""Pretrained weights: fetched, from a file, or none; a file never runs code."""

import os
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import ResNet18_Weights

from kinfast.errors import WeightsError
from kinfast.models import build_model, load_weights
from kinfast.models.backbones import construct


@pytest.fixture(scope="module")
def resnet_values() -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    return {name: value.clone() for name, value in construct("resnet18").state_dict().items()}


@pytest.mark.parametrize("kind", ["safetensors", "pth", "wrapped"])
def test_a_file_fills_every_stream(tmp_path: Path, resnet_values: dict[str, torch.Tensor], kind: str) -> None:
    path = tmp_path / ("weights.safetensors" if kind == "safetensors" else "weights.pth")
    if kind == "safetensors":
        save_file(resnet_values, path)
    else:
        torch.save({"state_dict": resnet_values} if kind == "wrapped" else resnet_values, path)
    model = build_model("resnet18", (3, 5), 2, weights=load_weights("resnet18", str(path)))
    values = model.state_dict()
    for stream in (0, 1):
        assert torch.equal(
            values[f"backbones.{stream}.network.layer4.1.conv2.weight"], resnet_values["layer4.1.conv2.weight"]
        )
    assert torch.equal(values["backbones.0.network.conv1.weight"], resnet_values["conv1.weight"])
    mean = resnet_values["conv1.weight"].mean(dim=1) * 3 / 5
    torch.testing.assert_close(values["backbones.1.network.conv1.weight"][:, 4], mean)


def test_weights_of_five_channels_fit_five_channels(tmp_path: Path, resnet_values: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "five.safetensors"
    five = resnet_values | {"conv1.weight": torch.rand(64, 5, 7, 7)}
    save_file(five, path)
    model = build_model("resnet18", (5,), 2, weights=load_weights("resnet18", str(path)))
    assert torch.equal(model.state_dict()["backbones.0.network.conv1.weight"], five["conv1.weight"])


def test_none_is_none() -> None:
    assert load_weights("vgg16", "none") is None


def test_a_failed_download_names_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", fail)
    with pytest.raises(
        WeightsError, match=r"resnet18 could not be fetched .*no route to host.*none.*--weights FILE"
    ) as caught:
        load_weights("resnet18", "imagenet")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_weights_of_another_network_are_refused(tmp_path: Path, resnet_values: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(resnet_values, path)
    with pytest.raises(
        WeightsError, match=r"does not fit.*first 'features.0.0.weight', missing, wanted \(32, 3, 3, 3\)"
    ):
        build_model("mobilenet_v2", (3,), 2, weights=load_weights("mobilenet_v2", str(path)))


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("owned",)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pth"
    torch.save({"weight": _Hostile()}, path)
    with pytest.raises(WeightsError, match="no plain torch state_dict"):
        load_weights("vgg16", str(path))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("name", "said"), [("junk.pth", "is no safetensors file"), ("junk.safetensors", "cannot be read")]
)
def test_junk_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"\x00" * 100)
    with pytest.raises(WeightsError, match=said):
        load_weights("vgg16", str(tmp_path / name))


def test_what_is_neither_a_name_nor_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights file"):
        load_weights("vgg16", str(tmp_path / "imagnet"))


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(WeightsError, match="holds no tensors"):
        load_weights("vgg16", str(tmp_path / "empty.pth"))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="holds a list"):
        load_weights("vgg16", str(tmp_path / "list.pth"))


def test_there_are_no_imagenet_weights_of_our_own_network() -> None:
    with pytest.raises(WeightsError, match="no ImageNet weights for lenet_alexnet"):
        load_weights("lenet_alexnet", "imagenet")
