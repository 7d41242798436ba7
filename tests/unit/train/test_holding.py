"""A run's folder is one process's while it trains, and a full disk is said in words."""

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import RunError
from kinfast.train import resume, train
from kinfast.train.folder import write_weights
from kinfast.train.holding import held_folder
from kinfast.train.resuming.checkpoint import Checkpoint, checkpoint_path, save_checkpoint


@pytest.fixture
def full_disk() -> Iterator[None]:
    """A disk that takes files of 4 KiB and no larger ones: the system's limit, whose error has a number likewise."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_two_processes_do_not_train_one_run(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with (
        held_folder(run),
        pytest.raises(RunError, match=f"another process trains {run}: wait for it"),
        held_folder(run),
    ):
        pass
    with held_folder(run):  # what a process held that has ended is free
        pass
    train(learnable, replace(quick, epochs=1, steps_per_epoch=1), tmp_path / "done")
    half_written = tmp_path / "done/checkpoints/fold0/.00000009.safetensors.1.tmp"
    half_written.touch()
    with held_folder(tmp_path / "done"), pytest.raises(RunError, match="another process trains"):
        resume(learnable, tmp_path / "done")
    assert half_written.exists()  # of the one that writes it


def test_a_full_disk_is_said_in_one_line(tmp_path: Path, full_disk: None) -> None:
    values = {"layer.weight": torch.zeros(64, 64)}
    fold = checkpoint_path(tmp_path, 0)
    said = rf"{tmp_path}: the disk is full .*: make room; kinfast train --resume {tmp_path} goes on"
    with pytest.raises(RunError, match=said), held_folder(tmp_path):
        save_checkpoint(Checkpoint(weights=values), fold)
    with pytest.raises(RunError, match=said), held_folder(tmp_path):
        write_weights({0: values}, tmp_path / "model.safetensors")
    assert [path.name for path in tmp_path.rglob("*.*")] == [".lock"]


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), held_folder(tmp_path / "run"):
        (tmp_path / "images.npy").read_bytes()
