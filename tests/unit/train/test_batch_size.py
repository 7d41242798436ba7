"""The batch size that fits: a stated rule on a CPU, and recorded so that a resumed run has the same."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kinfast.config import AUTO_BATCH, TrainConfig
from kinfast.data.minibatch import Minibatch
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError
from kinfast.models import build_model
from kinfast.progress import Silent
from kinfast.train import assemble, resume, train
from kinfast.train import batch_size as rule
from kinfast.train.assemble import assemble_fold
from kinfast.train.batch_size import activation_bytes, find_batch_size, largest_size, size_by_rule
from kinfast.train.planning.plan import make_plan
from kinfast.train.stepping.step import Updater


@pytest.mark.parametrize("backbone", ["lenet_alexnet", "resnet18"])
def test_activations_are_counted_by_shapes_as_they_are(backbone: str) -> None:
    torch.manual_seed(0)
    model = build_model(backbone, (3, 2), 4, dropout=0.5)
    own = {value.data_ptr() for value in model.state_dict().values()}
    kept: dict[int, tuple[Tensor, int]] = {}

    def keep(value: Tensor) -> Tensor:
        if value.data_ptr() not in own:
            kept[value.untyped_storage().data_ptr()] = value, value.untyped_storage().nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        model([torch.randn(4, 3, 64, 64), torch.randn(4, 2, 64, 64)])
    real = sum(size for _, size in kept.values()) / 4
    # a layer may keep a few bytes of its own beside the activations: dropout's mask, norms' means
    assert activation_bytes(model, (3, 2), 64) == pytest.approx(real, rel=0.05)


@pytest.mark.parametrize(
    ("free", "each", "limit", "size"),
    [(4000, 100, 32, 8), (4000, 10, 32, 32), (3999, 125, 32, 4), (0, 10, 32, 32), (8, 100, 32, 1), (10**9, 1, 24, 16)],
)
def test_the_rule(free: int, each: int, limit: int, size: int) -> None:
    assert size_by_rule(free, each, limit) == size


class Stopping(Silent):
    def __init__(self) -> None:
        self.steps, self.lines = 0, list[str]()

    def advance(self, count: int = 1, note: str = "") -> None:
        self.steps += 1
        if self.steps == 2:
            raise KeyboardInterrupt

    def line(self, text: str) -> None:
        self.lines.append(text)


def test_what_was_found_is_in_the_run_and_stays_the_same_when_it_goes_on(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Stopping()
    config = replace(quick, folds=None, epochs=1, batch_size=AUTO_BATCH, checkpoint_minutes=1e-9)
    with pytest.raises(KeyboardInterrupt):
        train(learnable, config, tmp_path / "run", reporter=said)
    written = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (written["batch_size"], written["asked"]["batch_size"]) == (2, AUTO_BATCH)  # 16 sites, 8 steps
    assert any(line.startswith("batch size 2: a power of two up to 32") for line in said.lines)
    monkeypatch.setattr(rule, "available_bytes", lambda: 1)  # another machine
    resume(learnable, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["batch_size"] == 2


def test_nothing_else_takes_a_size_that_is_left_open(learnable: PreparedStore, quick: TrainConfig) -> None:
    with pytest.raises(UsageError, match=r"batch size 0 \(auto\) is found by kinfast train alone"):
        make_plan(learnable, replace(quick, batch_size=AUTO_BATCH))


def test_of_several_processes_each_might_find_another(
    learnable: PreparedStore, quick: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="--batch-size auto is of one process"):
        find_batch_size(learnable, make_plan(learnable, quick), 1)


@pytest.mark.parametrize(
    ("holds", "limit", "size"),
    [(100, 1024, 96), (90, 1024, 64), (70, 64, 64), (1000, 100, 96), (1000, 5, 4), (3, 1024, 2), (1, 9, 1), (0, 9, 0)],
)
def test_the_search_finds_what_a_memory_holds(holds: int, limit: int, size: int) -> None:
    tried: list[int] = []

    def fits(sites: int) -> bool:
        tried.append(sites)
        return sites <= holds

    assert largest_size(fits, limit) == size
    assert max(tried) <= limit
    assert len(tried) == len(set(tried))


@pytest.mark.parametrize(
    "changes", [{}, {"ema": 0.9, "accumulate": 4, "checkpoint_activations": True, "head": "thesis"}]
)
def test_what_is_tried_is_a_step_of_the_run(
    learnable: PreparedStore, quick: TrainConfig, changes: dict[str, object]
) -> None:
    plan = make_plan(learnable, replace(quick, **changes))  # type: ignore[arg-type]
    steps: list[int] = []

    class Counted(Updater):
        def step(self, batch: Minibatch, learning_rate: float) -> tuple[Tensor, Tensor]:
            steps.append(len(batch))
            return super().step(batch, learning_rate)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(assemble, "Updater", Counted)
        rule._take_steps(plan, 4, torch.device("cpu"))
    assert steps == [4, 4]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_it_is_tried(learnable: PreparedStore, quick: TrainConfig) -> None:
    plan = make_plan(learnable, replace(quick, device="cuda"))
    size, line = find_batch_size(learnable, plan, 1)
    assert size >= 1
    assert "tried on the device" in line
    rows = plan.split.rows(0, "train")
    assert size <= len(rows)
    found = replace(plan, config=replace(plan.config, batch_size=size), learning_rate=1e-3)
    assert len(next(iter(assemble_fold(learnable, found, 0, None, 1).training.epoch(0)))) <= size
