"""What is gentle to pretrained backbones: frozen at first, and slower the deeper a block lies."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kinfast.config import TrainConfig
from kinfast.data.minibatch import Minibatch
from kinfast.data.store import PreparedStore
from kinfast.models import build_model
from kinfast.models.depth import group_by_depth
from kinfast.progress import Silent
from kinfast.train import resume, train
from kinfast.train.resuming.checkpoint import checkpoint_path, load_checkpoint
from kinfast.train.stepping.losses import CROSS_ENTROPY, Loss
from kinfast.train.stepping.optimizers import make_optimizer, optimizer_parameters, rate_groups
from kinfast.train.stepping.precision import Precision
from kinfast.train.stepping.step import Updater


def some_batch() -> Minibatch:
    generator = torch.Generator().manual_seed(3)
    return Minibatch((torch.randn(4, 3, 32, 32, generator=generator),), torch.arange(4) % 2, torch.arange(4))


def test_each_block_moves_by_its_share_of_the_rate() -> None:
    torch.manual_seed(0)
    model, batch = build_model("lenet_alexnet", (3,), 2, dropout=0.0), some_batch()
    torch.nn.functional.cross_entropy(model(batch.streams), batch.targets).backward()  # type: ignore[arg-type]
    before = [[(value.detach().clone(), value.grad.clone()) for value in group] for group in group_by_depth(model)]  # type: ignore[union-attr]
    model.zero_grad()
    plain = optimizer_parameters("sgd", momentum=0.0, weight_decay=0.0)
    optimizer = make_optimizer("sgd", rate_groups(model, 0.5), 9.9, plain)
    Updater(model, optimizer, Loss(CROSS_ENTROPY), Precision("cpu", None), 0.0).step(batch, 0.1)
    for depth, (group, were) in enumerate(zip(group_by_depth(model), before, strict=True)):
        for value, (old, gradient) in zip(group, were, strict=True):
            torch.testing.assert_close(value.detach(), old - 0.1 * 0.5**depth * gradient)


def test_frozen_backbones_stay_as_they_are_in_every_respect() -> None:
    torch.manual_seed(0)
    model, batch = build_model("resnet18", (3,), 2), some_batch()
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.freeze_backbones(True)
    optimizer = make_optimizer(
        "adam", model.parameters(), 0.1, optimizer_parameters("adam", momentum=None, weight_decay=0.1)
    )
    updater = Updater(model, optimizer, Loss(CROSS_ENTROPY), Precision("cpu", None), 5.0)
    updater.step(batch, 0.1)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.1.weight", "head.1.bias"}  # running statistics and weight decay included
    model.train()
    model.freeze_backbones(False)
    updater.step(batch, 0.1)
    assert not torch.equal(
        model.state_dict()["backbones.0.network.conv1.weight"], before["backbones.0.network.conv1.weight"]
    )
    assert int(model.state_dict()["backbones.0.network.bn1.num_batches_tracked"]) == 1


class Stopping(Silent):
    def __init__(self, steps: int) -> None:
        self.left = steps

    def advance(self, count: int = 1, note: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(5)
    network = build_model("lenet_alexnet", (3,), 2).backbones[0]
    file = tmp_path_factory.mktemp("weights") / "lenet.safetensors"
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, file)
    return file


def test_frozen_then_trained_and_resumed_on_either_side(
    learnable: PreparedStore, quick: TrainConfig, pretrained: Path, tmp_path: Path
) -> None:
    config = replace(
        quick, folds=None, epochs=2, weights=str(pretrained), freeze_epochs=1, layer_decay=0.7, checkpoint_minutes=1e-9
    )
    whole = train(learnable, config, tmp_path / "whole")
    theirs, given = load_file(whole / "model.safetensors"), load_file(pretrained)
    with pytest.raises(KeyboardInterrupt):
        train(learnable, config, tmp_path / "run", reporter=Stopping(5))  # a step after the first epoch's four
    state = load_checkpoint(checkpoint_path(tmp_path / "run", 0))
    assert state is not None
    assert state.epoch == 1
    assert torch.equal(state.weights["backbones.1.features.0.weight"], given["features.0.weight"])
    resume(learnable, tmp_path / "run")
    ours = load_file(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not torch.equal(ours["fold0.backbones.1.features.0.weight"], given["features.0.weight"])
