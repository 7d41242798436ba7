"""The one place that changes a model."""

import copy
import math
import pathlib
from dataclasses import replace

import pytest
import torch
from torch import nn

import kinfast
from kinfast.data.minibatch import Minibatch
from kinfast.errors import UsageError
from kinfast.models import build_model
from kinfast.train.processes.device import choose_device
from kinfast.train.stepping.kernels import compile_passes
from kinfast.train.stepping.losses import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, Loss
from kinfast.train.stepping.precision import FORMATS, Precision, choose_precision, same_precision
from kinfast.train.stepping.step import Updater


def make_batch(n: int = 4) -> Minibatch:
    generator = torch.Generator().manual_seed(3)
    streams = tuple(torch.randn(n, 3, 16, 16, generator=generator) for _ in range(2))
    return Minibatch(streams, torch.arange(n) % 2, torch.arange(n))


def make_model() -> nn.Module:
    torch.manual_seed(0)
    return build_model("lenet_alexnet", (3, 3), 2, dropout=0.0)


def test_a_step_is_forward_backward_clip_and_step() -> None:
    batch, model = make_batch(), make_model()
    by_hand = copy.deepcopy(model)
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.05)
    loss = nn.functional.cross_entropy(by_hand(batch.streams), batch.targets)
    loss.backward()
    nn.utils.clip_grad_norm_(by_hand.parameters(), 0.01)
    optimizer.step()
    updater = Updater(
        model, torch.optim.SGD(model.parameters(), lr=9.9), Loss(CROSS_ENTROPY), Precision("cpu", None), 0.01
    )
    said, logits, _ = updater.step(batch, 0.05)
    assert float(said) == float(loss.detach())
    assert logits.shape == (4, 2)
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours.grad is None


def test_the_gradient_is_clipped() -> None:
    batch, model = make_batch(), make_model()
    before = copy.deepcopy(model)
    updater = Updater(
        model, torch.optim.SGD(model.parameters(), lr=1.0), Loss(CROSS_ENTROPY), Precision("cpu", None), 1e-3
    )
    updater.step(batch, 1.0)
    moved = torch.cat(
        [(a - b).detach().flatten() for a, b in zip(model.parameters(), before.parameters(), strict=True)]
    )
    # float32 weights of up to 1 are rounded by up to 6e-8 when something is added, each of 850,000
    assert float(moved.norm()) == pytest.approx(1e-3, rel=0.05)


def test_mixed_precision_learns_too() -> None:
    batch, model = make_batch(), make_model()
    updater = Updater(
        model, torch.optim.Adam(model.parameters()), Loss(CROSS_ENTROPY), choose_precision("cpu", True), 5.0
    )
    losses = [float(updater.step(batch, 1e-3)[0]) for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]
    assert all(value.dtype == torch.float32 for value in model.parameters())


def normless_batch(n: int) -> Minibatch:
    """Sites of two classes that are not of one size."""
    return replace(make_batch(n), targets=torch.tensor([0, 1, 1, 0, 1, 1, 1])[:n])


@pytest.mark.parametrize("pieces", [2, 3, 7, 20])
@pytest.mark.parametrize("targets", ["codes", "several"])
def test_pieces_give_the_gradient_of_the_whole(pieces: int, targets: str) -> None:
    """Seven sites in pieces of unlike sizes and class weights, some labels unknown: weighed by their true counts."""
    batch, kind = normless_batch(7), CROSS_ENTROPY
    if targets == "several":
        hot = torch.nn.functional.one_hot(batch.targets, 2).float()  # type: ignore[arg-type]
        hot[2, 0] = hot[5, 1] = math.nan
        batch, kind = replace(batch, targets=hot), BINARY_CROSS_ENTROPY
    model = make_model().double()
    batch = replace(batch, streams=tuple(stream.double() for stream in batch.streams))
    loss = Loss(kind, torch.tensor([1.0, 0.25]), 0.1)
    moved, said = [], []
    for count in (1, pieces):
        own = copy.deepcopy(model)
        updater = Updater(
            own, torch.optim.SGD(own.parameters(), lr=1.0), loss, Precision("cpu", None), 0.0, pieces=count
        )
        said.append(updater.step(batch, 1.0))
        moved.append(torch.cat([value.detach().flatten() for value in own.parameters()]))
    # logits are rounded to float32 before the loss: 2^-24 each, and the sum over sites is in another order
    torch.testing.assert_close(moved[1], moved[0], rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(said[1][0], said[0][0], rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(said[1][1], said[0][1])


def test_passes_are_compiled_only_when_asked() -> None:
    model = make_model()
    assert compile_passes(model, "none") is model
    compiled = compile_passes(model, "kernels")
    assert compiled is not model
    assert [id(value) for value in compiled.parameters()] == [id(value) for value in model.parameters()]
    with pytest.raises(UsageError, match="compile 'much' is unknown: wanted none, kernels, graphs"):
        compile_passes(model, "much")


def test_precision_is_chosen_by_device() -> None:
    assert choose_precision("cpu", False).name == "float32"
    assert choose_precision("cpu", True).name == "bfloat16"
    assert not choose_precision("cpu", True).scaled
    assert Precision("cuda", torch.float16).scaled


def test_precision_is_what_was_asked_for() -> None:
    assert [choose_precision("cpu", False, name).name for name in FORMATS] == ["float32", "bfloat16", "float16"]
    assert choose_precision("cpu", True, "fp16").dtype is torch.float16
    with pytest.raises(UsageError, match="precision 'int8' is unknown: wanted fp32, bf16, fp16"):
        choose_precision("cpu", False, "int8")
    with pytest.raises(UsageError, match="--amp and --precision fp32 contradict each other"):
        choose_precision("cpu", True, "fp32")
    assert [same_precision("cpu", choose_precision("cpu", False, name).name).name for name in FORMATS] == [
        "float32",
        "bfloat16",
        "float16",
    ]


def test_float16_is_scaled_and_a_step_whose_gradient_overflows_is_left_out() -> None:
    batch, model = make_batch(2), make_model()
    updater = Updater(
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        Loss(CROSS_ENTROPY),
        choose_precision("cpu", False, "fp16"),
        5.0,
    )
    updater.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)  # beyond float16's 65,504
    before = copy.deepcopy(model)
    updater.step(batch, 0.1)
    assert updater.scaler.get_scale() == 2.0**39
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True))
    updater.scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    updater.step(batch, 0.1)
    assert updater.scaler.get_scale() == 256.0
    assert not all(torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True))


@pytest.mark.parametrize(
    ("device", "said"), [("gpu", "device 'gpu' is unknown"), ("xla", "device xla: torch finds none")]
)
def test_a_device_that_is_not_here_is_refused(device: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose_device(device)


def test_nothing_else_steps_an_optimiser() -> None:
    root = pathlib.Path(kinfast.__file__).parent
    stepping = [
        file.name
        for file in root.rglob("*.py")
        if ".backward(" in file.read_text() or "optimizer.step(" in file.read_text()
    ]
    assert stepping == ["step.py"]


def test_a_gpu_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(UsageError, match="device cuda:2: this machine has 2 GPUs, from cuda:0"):
        choose_device("cuda:2")
