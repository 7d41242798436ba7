"""Activation checkpointing changes what is kept, and nothing else."""

import copy

import pytest
import torch
from torch import Tensor, nn

from kinfast.models import StreamClassifier, build_model
from kinfast.models.recompute import split_graph


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def passed(model: StreamClassifier, images: Tensor) -> tuple[Tensor, int]:
    """Go forward and back. Returns the loss, and how many values were kept on the way."""
    kept: dict[int, int] = {}
    own = {value.data_ptr() for value in model.state_dict().values()}

    def keep(value: Tensor) -> Tensor:
        if value.data_ptr() not in own:
            kept[value.data_ptr()] = value.numel()
        return value

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        loss = model([images]).square().mean()
    loss.backward()
    return loss.detach(), sum(kept.values())


# without normalisation; with batch normalisation and long skips; with stochastic depth; with branches that are joined
@pytest.mark.parametrize("backbone", ["lenet_alexnet", "resnet18", "efficientnet_b0", "squeezenet1_1"])
def test_loss_gradients_and_statistics_stay_the_same(backbone: str) -> None:
    torch.manual_seed(0)
    model = build_model(backbone, (3,), 2, dropout=0.3)
    less = copy.deepcopy(model)
    less.checkpoint_activations()
    images = torch.randn(2, 3, 64, 64)
    whole, kept = passed(model, images)
    again, left = passed(less, images)
    assert torch.equal(whole, again)
    for (name, ours), theirs in zip(model.named_parameters(), less.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad), name
    assert model.state_dict().keys() == less.state_dict().keys()
    for name, value in model.state_dict().items():  # running statistics saw the batch once
        assert torch.equal(value, less.state_dict()[name]), name
    assert left < 0.6 * kept


def test_a_network_is_cut_where_one_tensor_flows() -> None:
    model = build_model("resnet18", (3,), 2)
    backbone = model.backbones[0]
    segments = split_graph(backbone, 3)
    assert len(segments) > 3
    value = images = torch.randn(2, 3, 64, 64)
    backbone.train()
    for segment in segments:
        value = segment(value)
    assert torch.equal(value, copy.deepcopy(backbone)(images))


def test_a_network_that_is_not_trained_is_passed_as_it_is() -> None:
    model = build_model("lenet_alexnet", (3,), 2, dropout=0.0)
    model.checkpoint_activations()
    calls: list[nn.Module] = []
    model.backbones[0].register_forward_hook(lambda module, *_: calls.append(module))
    model.eval()
    model([torch.randn(1, 3, 32, 32)])
    assert calls == [model.backbones[0]]
