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


def passed(model: StreamClassifier, images: Tensor) -> Tensor:
    """Go forward and back, and give the loss."""
    torch.manual_seed(1)
    loss = model([images]).square().mean()
    loss.backward()
    return loss.detach()


def count_kept(model: StreamClassifier, images: Tensor) -> int:
    """Count the values that a forward pass keeps. Its hooks would hide a write into what is kept from autograd."""
    kept: dict[int, Tensor] = {}
    own = {value.data_ptr() for value in model.state_dict().values()}

    def keep(value: Tensor) -> Tensor:
        if value.data_ptr() not in own:
            kept[value.data_ptr()] = value
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        model([images])
    return sum(value.numel() for value in kept.values())


# as training has it, channels last: there kernels keep what they gave, and a write into it is an error;
# without normalisation; with batch normalisation and long skips; with stochastic depth; with branches that are joined
@pytest.mark.parametrize(
    "backbone", ["lenet_alexnet", "lenet_alexnet_bn", "resnet18", "efficientnet_b0", "squeezenet1_1"]
)
def test_loss_gradients_and_statistics_stay_the_same(backbone: str) -> None:
    torch.manual_seed(0)
    model = build_model(backbone, (3,), 2, dropout=0.3).to(memory_format=torch.channels_last)
    less = copy.deepcopy(model)
    less.checkpoint_activations()
    images = torch.randn(2, 3, 64, 64).to(memory_format=torch.channels_last)
    assert torch.equal(passed(model, images), passed(less, images))
    for (name, ours), theirs in zip(model.named_parameters(), less.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad), name
    assert model.state_dict().keys() == less.state_dict().keys()
    for name, value in model.state_dict().items():  # running statistics saw the batch once
        assert torch.equal(value, less.state_dict()[name]), name
    assert count_kept(less, images) < 0.6 * count_kept(model, images)


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
