"""A run stopped anywhere goes on bit for bit; a torn checkpoint is passed over, and nothing in one is executed."""

import json
import os
import pickle
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from kinfast.config import OPTIMIZERS, TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import RunError
from kinfast.progress import Silent
from kinfast.train import resume, train
from kinfast.train.environment import changed_since
from kinfast.train.resuming.checkpoint import (
    Checkpoint,
    checkpoint_path,
    drop_unneeded,
    load_checkpoint,
    save_checkpoint,
)
from kinfast.train.resuming.packing import pack, restore_optimizer, unpack
from kinfast.train.stepping.optimizers import make_optimizer, optimizer_parameters

LOADERS = ["torch", "dali"]


class Signalling(Silent):
    """Sends this process a signal after so many steps, as a queue does before it takes the machine; keeps the lines."""

    def __init__(self, steps: int, number: int = signal.SIGTERM) -> None:
        self.left, self.number, self.lines = steps, number, list[str]()

    def advance(self, count: int = 1, note: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)

    def line(self, text: str) -> None:
        self.lines.append(text)


def curve(run: Path) -> list[dict[str, object]]:
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in ("seconds", "sites_per_second")} for row in rows]


def config_of(quick: TrainConfig, loader: str) -> TrainConfig:
    return replace(quick, folds=None, epochs=3, loader=loader, rotation_degrees=20.0, noise=0.01)


@pytest.fixture(scope="module", params=LOADERS)
def undisturbed(
    request: pytest.FixtureRequest,
    learnable: PreparedStore,
    quick: TrainConfig,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[TrainConfig, Path]:
    config = config_of(quick, request.param)
    if request.param == "dali":
        pytest.importorskip("nvidia.dali")
    return config, train(learnable, config, tmp_path_factory.mktemp("undisturbed") / "run")


# 12 steps in all: within each epoch, at an epoch's last step (validation is still to come), one step after another
@pytest.mark.parametrize("steps", [(1,), (4,), (6, 3), (11,)])
def test_stopped_within_an_epoch_and_resumed_equals_undisturbed(
    undisturbed: tuple[TrainConfig, Path], learnable: PreparedStore, tmp_path: Path, steps: tuple[int, ...]
) -> None:
    config, whole = undisturbed
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(learnable, config, run, reporter=Signalling(steps[0]))
    state = load_checkpoint(checkpoint_path(run, 0))
    assert state is not None
    assert state.steps_done(4) == steps[0]  # not a step is lost
    for more in steps[1:]:
        with pytest.raises(KeyboardInterrupt):
            resume(learnable, run, reporter=Signalling(more))
    resume(learnable, run)
    assert curve(run) == curve(whole)
    ours, theirs = load_file(run / "model.safetensors"), load_file(whole / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_float16_goes_on_with_the_scale_that_it_had(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path
) -> None:
    config = replace(
        config_of(quick, "torch"), precision="fp16", epochs=2, steps_per_epoch=2, batch_size=2, input_size=16
    )
    train(learnable, config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(learnable, config, tmp_path / "run", reporter=Signalling(3))
    state = load_checkpoint(checkpoint_path(tmp_path / "run", 0))
    assert state is not None
    assert state.scaler["scale"] > 1
    assert state.scaler["_growth_tracker"] > 0  # steps since it last changed
    resume(learnable, tmp_path / "run")
    assert curve(tmp_path / "run") == curve(tmp_path / "whole")
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("run", "whole"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["precision"] == "float16"


@pytest.mark.parametrize("steps", [3, 6])
def test_average_pieces_mixing_and_balance_go_on_bit_for_bit(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path, steps: int
) -> None:
    config = replace(config_of(quick, "torch"), epochs=2, ema=0.9, accumulate=3, checkpoint_activations=True)
    config = replace(config, mixup=0.4, cutmix=1.0, balanced_sampling=True, focal=2.0)
    train(learnable, config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(learnable, config, tmp_path / "run", reporter=Signalling(steps))
    resume(learnable, tmp_path / "run")
    assert curve(tmp_path / "run") == curve(tmp_path / "whole")
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("run", "whole"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_ctrl_c_keeps_the_step_as_well(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(learnable, config_of(quick, "torch"), tmp_path / "run", reporter=Signalling(2, signal.SIGINT))
    state = load_checkpoint(checkpoint_path(tmp_path / "run", 0))
    assert state is not None
    assert state.midway["sums"]["steps"] == 2


def test_time_makes_checkpoints_within_an_epoch(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    class Dying(Silent):
        steps = 0

        def advance(self, count: int = 1, note: str = "") -> None:
            self.steps += 1
            if self.steps == 3:
                raise MemoryError("as a crash: nothing is kept on the way out")

    with pytest.raises(MemoryError):
        train(
            learnable, replace(config_of(quick, "torch"), checkpoint_minutes=1e-9), tmp_path / "run", reporter=Dying()
        )
    state = load_checkpoint(checkpoint_path(tmp_path / "run", 0))
    assert state is not None
    assert state.steps_done(4) == 2


def some_state(epoch: int) -> Checkpoint:
    weights = {
        "a": torch.arange(12.0).reshape(3, 4).t(),
        "b": torch.ones(2, dtype=torch.bfloat16),
        "none": torch.empty(0),
    }
    moments = {"state": {0: {"step": torch.tensor(3.0), "m": torch.ones(2)}}, "param_groups": [{"betas": (0.9, 0.999)}]}
    return Checkpoint(
        epoch=epoch, best={"loss": float("inf")}, best_weights=weights, weights=weights, optimizer=moments
    )


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    state = some_state(5)
    save_checkpoint(state, tmp_path)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert (found.epoch, found.best) == (5, {"loss": float("inf")})
    assert all(torch.equal(found.weights[name], value) for name, value in state.weights.items())
    assert found.optimizer["state"][0]["step"] == 3
    assert found.optimizer["param_groups"] == [{"betas": [0.9, 0.999]}]
    tensors, _ = pack([state.weights, state.best_weights])
    assert len(tensors) == 3  # the best epoch's weights are not written twice


@pytest.mark.parametrize("value", [0.1 + 0.2, 5e-324, -0.0, 2**62, None, True, "ü", [], {}])
def test_scalars_come_back_bit_for_bit(value: object) -> None:
    tensors, rest = pack({1: value})
    assert repr(unpack(tensors, rest)) == repr({1: value})


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="holds a ndarray"):
        pack({"a": np.zeros(2)})


@pytest.mark.parametrize("damage", ["short", "zeros", "pickle", "empty"])
def test_a_torn_checkpoint_is_passed_over_with_a_line(tmp_path: Path, damage: str) -> None:
    for epoch in (1, 2, 3):
        save_checkpoint(some_state(epoch), tmp_path)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["00000002.safetensors", "00000003.safetensors"]
    content = files[-1].read_bytes()
    executed = tmp_path / "executed"
    bad = pickle.dumps(_Evil(str(executed)))
    files[-1].write_bytes(
        {"short": content[:-9], "zeros": content[:-8] + bytes(8), "pickle": bad, "empty": b""}[damage]
    )
    said = Signalling(0)
    found = load_checkpoint(tmp_path, said)
    assert found is not None
    assert found.epoch == 2
    assert len(said.lines) == 1
    assert "00000003.safetensors is damaged" in said.lines[0]
    assert not executed.exists()


def test_a_finished_run_keeps_its_last_checkpoint_alone(
    undisturbed: tuple[TrainConfig, Path], learnable: PreparedStore, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(undisturbed[1], run)
    folder = checkpoint_path(run, 0)
    (kept,) = folder.iterdir()
    state = load_checkpoint(folder)
    assert state is not None
    assert state.finished
    assert not state.optimizer
    # as a run that was killed before its predictions were written: the older one is there, and goes at the end
    before = kept.with_name(f"{int(kept.stem) - 1:08d}.safetensors")
    before.write_bytes(b"an older one")
    (run / "predictions.parquet").unlink()
    resume(learnable, run)
    assert list(folder.iterdir()) == [kept]
    assert (run / "model.safetensors").read_bytes() == (undisturbed[1] / "model.safetensors").read_bytes()
    assert (run / "predictions.parquet").read_bytes() == (undisturbed[1] / "predictions.parquet").read_bytes()


@pytest.mark.parametrize("newest", ["damaged", "unfinished"])
def test_an_older_checkpoint_stays_beside_one_that_cannot_be_relied_on(tmp_path: Path, newest: str) -> None:
    save_checkpoint(some_state(1), tmp_path)
    save_checkpoint(replace(some_state(2), finished=newest == "damaged"), tmp_path)
    files = sorted(tmp_path.iterdir())
    if newest == "damaged":
        files[-1].write_bytes(files[-1].read_bytes()[:-8] + bytes(8))
    drop_unneeded(tmp_path)
    assert sorted(tmp_path.iterdir()) == files


class _Evil:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


def test_a_resume_says_what_changed(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(learnable, config_of(quick, "torch"), run, reporter=Signalling(1))
    environment = json.loads((run / "environment.json").read_text())
    environment["versions"]["torch"], environment["threads"] = "1.0", 7
    (run / "environment.json").write_text(json.dumps(environment))
    said = Signalling(2)
    with pytest.raises(KeyboardInterrupt):
        resume(learnable, run, reporter=said)
    changed = [line for line in said.lines if line.startswith("changed since the run began")]
    assert len(changed) == 2
    assert any("torch 1.0 -> " in line for line in changed)
    assert json.loads((run / "resumed.jsonl").read_text())["resumed_with"] == changed
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"data_hash": "0"}))
    with pytest.raises(RunError, match="another set of images"):
        resume(learnable, run)


def test_the_same_environment_is_not_said() -> None:
    assert changed_since({"threads": 1, "versions": {"a": "1"}}, {"threads": 1, "versions": {"a": "1"}}) == []


def test_one_pixel_block_is_another_set_of_images(learnable: PreparedStore, tmp_path: Path) -> None:
    shutil.copytree(learnable.root, tmp_path / "copy")
    copied = PreparedStore.open(tmp_path / "copy")
    assert copied.content_hash() == learnable.content_hash()
    file = next((tmp_path / "copy" / "images").iterdir())
    images = np.load(file)
    images[0] += 1
    np.save(file, images)
    assert PreparedStore.open(tmp_path / "copy").content_hash() != learnable.content_hash()


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_scalars_of_an_optimiser_stay_where_a_new_one_has_them(name: str) -> None:
    """torch moves NAdam's to the parameters' GPU, where each step would wait for each of them; meta stands for one."""
    stated = optimizer_parameters(name, momentum=None, weight_decay=None)
    here, there = (nn.Parameter(torch.ones(3, 2, device=device)) for device in ("cpu", "meta"))
    optimizer = make_optimizer(name, [here], 0.1, stated)
    here.grad = torch.ones(3, 2)
    optimizer.step()
    moved = make_optimizer(name, [there], 0.1, stated)
    restore_optimizer(moved, optimizer.state_dict())
    for key, value in optimizer.state[here].items():
        if isinstance(value, torch.Tensor):
            assert moved.state[there][key].device.type == ("cpu" if value.ndim == 0 else "meta"), key
            assert value.ndim or moved.state[there][key] == value
