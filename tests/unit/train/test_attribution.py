"""Attributions add up, belong to their stains, and exist for every kind of backbone."""

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kinfast.data.composites import Composite
from kinfast.models import StreamClassifier, build_model
from kinfast.progress import Silent
from kinfast.train.finished.attribution import Maps, attribute, by_stain, cam_by_stream, shuffle_weights
from kinfast.train.finished.stain_exchange import MEAN, SWAP, Asked, measure_drops
from kinfast.train.finished.stain_views import StainViews, choose_donors, control_levels
from kinfast.train.stepping.losses import Loss

CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]
STREAMS = (Composite("MiCoPh", ("Mito", "ER", "AGP")), Composite("SyHoPh", ("RNA", "DNA", "AGP")))


def views(images: np.ndarray, sites: Any = None) -> StainViews:
    """A store in memory: (n, S, S, 5) uint8."""

    def gather(rows: np.ndarray, channels: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(images[rows][..., channels])

    store = SimpleNamespace(channels=CHANNELS, image_size=images.shape[1:3], gather=gather, sites=sites)
    return StainViews(store, STREAMS, images.shape[1], 1, "cpu")  # type: ignore[arg-type]


class Brightness(nn.Module):
    """A backbone of one feature: the mean of one channel."""

    def __init__(self, channel: int) -> None:
        super().__init__()
        self.channel = channel

    def forward(self, images: Tensor) -> Tensor:
        return images[:, self.channel : self.channel + 1]


def er_reader() -> StreamClassifier:
    """Class 1 where ER is bright: the second channel of the first stream; it looks at nothing else."""
    head = nn.Linear(2, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[-4.0, 0.0], [4.0, 0.0]]))
        head.bias.zero_()
    return StreamClassifier([Brightness(1), Brightness(0)], head).eval()


def bright_and_dark(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.integers(60, 180, (n, 16, 16, 5)).astype(np.uint8)
    codes = np.arange(n) % 2
    images[..., 2] = np.where(codes == 1, 200, 40)[:, None, None]
    return images, codes


def test_a_model_of_one_stain_loses_by_that_stain_alone() -> None:
    images, codes = bright_and_dark()
    seen = views(images)
    donors = choose_donors(np.full(len(codes), "P", object), codes[:, None] != codes, 2, 0)
    asked = Asked(np.arange(len(codes)), codes, donors, torch.full((len(codes), 5), 120.0))
    drops = measure_drops(er_reader(), seen, Loss("cross_entropy"), asked, 5, Silent())
    er = seen.stains.index("ER")
    for method in (SWAP, MEAN):
        others = np.delete(drops.stains[method], er, axis=1)
        assert np.abs(others).max() == 0
        assert drops.stains[method][:, er].min() > 0.2
        assert drops.streams[method][:, 0] == pytest.approx(drops.stains[method][:, er])
        assert np.abs(drops.streams[method][:, 1]).max() == 0
    assert drops.before.min() > 0.8


def test_donors_are_of_other_classes_and_the_same_plate_where_there_are_some() -> None:
    sites = [("A", 0), ("A", 1), ("A", 1), ("B", 0), ("B", 0)]
    plates, codes = np.array([plate for plate, _ in sites], object), np.array([code for _, code in sites])
    donors = choose_donors(plates, codes[:, None] != codes, 50, 0)
    for place, (plate, code) in enumerate(sites):
        given = {sites[donor] for donor in donors[:, place]}
        assert all(other != code for _, other in given)
        assert plate == "B" or {where for where, _ in given} == {"A"}
    assert choose_donors(plates[:2], np.zeros((2, 2), np.bool_), 3, 0).shape == (3, 2)


def test_the_level_of_controls_is_a_plates_own() -> None:
    import pandas as pd

    images = np.zeros((4, 8, 8, 5), np.uint8)
    images[:, ..., 0] = np.array([10, 20, 90, 50])[:, None, None]
    sites = pd.DataFrame({"Metadata_Plate": ["A", "A", "A", "B"], "Metadata_Role": ["negcon", "negcon", "trt", "trt"]})
    levels = control_levels(views(images, sites))
    assert levels["A"][0] == 15
    assert levels["B"][0] == 50


@pytest.mark.parametrize("backbone", ["lenet_alexnet", "mobilenet_v2", "resnet18"])
def test_integrated_gradients_add_up_to_the_difference_from_their_beginning(backbone: str) -> None:
    """Completeness; 64 steps of the midpoint rule leave 5 % of the difference in networks of ReLUs tried here."""
    torch.manual_seed(0)
    model = build_model(backbone, (3, 3), 3).eval()
    images = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 5)).astype(np.uint8)
    seen, codes = views(images), np.array([0, 2])
    stack, levels = seen.cut(np.arange(2)), torch.full((2, 5), 100.0)
    maps = attribute(model, seen, stack, levels, codes, 64)
    even = levels[:, :, None, None].expand(stack.shape)
    with torch.no_grad():
        gap = (model(seen.streams(stack)) - model(seen.streams(even)))[[0, 1], codes]
    total = sum(part.sum(dim=(1, 2, 3)) for part in maps.gradients)
    assert total.numpy() == pytest.approx(gap.numpy(), abs=0.05 * float(gap.abs().max()) + 1e-4)
    assert [tuple(cam.shape) for cam in maps.cams] == [(2, 64, 64)] * 2
    assert cam_by_stream(maps).sum(axis=1) == pytest.approx([1, 1])


def test_a_transformer_has_a_map_of_one_pixel() -> None:
    torch.manual_seed(0)
    model = build_model("vit_b_16", (3,), 2).eval()
    images = np.random.default_rng(0).integers(0, 255, (1, 224, 224, 5)).astype(np.uint8)
    seen = StainViews(views(images).store, STREAMS[:1], 224, 1, "cpu")
    maps = attribute(model, seen, seen.cut(np.arange(1)), torch.zeros(1, 3), np.array([0]), 2)
    assert float(maps.cams[0].max() - maps.cams[0].min()) < 1e-4


def test_a_stain_of_both_streams_gets_the_sum() -> None:
    gradients = (torch.ones(1, 3, 2, 2), -2 * torch.ones(1, 3, 2, 2))
    maps = Maps(gradients, (torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)))
    shares = by_stain(maps, [(4, 2, 3), (1, 0, 3)], 5)
    assert shares.sum() == pytest.approx(1)
    assert shares[0, :, 3] * 36 == pytest.approx([4, 8])
    assert by_stain(maps, [(0, 1, 0), (1, 0, 1)], 2)[0, 0] * 36 == pytest.approx([8, 4])


def test_shuffled_weights_are_the_same_values_in_another_order() -> None:
    model = build_model("lenet_alexnet", (3, 3), 2).eval()
    other = shuffle_weights(model, 0)
    for (name, mine), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(mine.reshape(-1).sort().values, theirs.reshape(-1).sort().values), name
    first, second = next(model.parameters()), next(other.parameters())
    assert not torch.equal(first, second)


def test_shuffled_copies_of_traced_networks_answer_as_in_evaluation() -> None:
    """A deep copy of a traced network is in training mode, whatever it was copied from, and its norms would learn."""
    model = build_model("mobilenet_v2", (3,), 2).eval()
    assert any(layer.training for layer in copy.deepcopy(model).modules())
    other = shuffle_weights(model, 0)
    assert not any(layer.training for layer in other.modules())
    before = {name: value.clone() for name, value in other.named_buffers()}
    other([torch.rand(2, 3, 32, 32)])
    assert all(torch.equal(value, before[name]) for name, value in other.named_buffers())
