"""What a fold's training needs to go on: written whole or not at all, the two newest kept, nothing in it executed.

A finished run keeps its folds' last ones alone: they hold the models, those before them an optimiser that nobody needs.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from kinfast.progress import Reporter, Silent
from kinfast.train.folder import CHECKPOINTS, give_name, save_tensors, unfinished_name
from kinfast.train.resuming.packing import pack, unpack

KEPT = 2
"""Checkpoints of a fold: should the newest be torn, the one before it is whole."""
_SUFFIX = ".safetensors"
_DAMAGE = (OSError, SafetensorError, ValueError, KeyError, TypeError)
"""What reading a torn file may raise."""


@dataclass(slots=True)
class Checkpoint:
    """Where a fold stands.

    Order and augmentation are drawn from seeds of (run, fold, epoch), so where the loader stands is a number of steps.

    Attributes:
        epoch: epochs done.
        finished: whether no epoch is to follow.
        best: `Best` as a mapping.
        best_weights: the best epoch's model.
        weights, optimizer, scaler: the latest; empty once finished.
        average: where the average of the weights stands; empty without one.
        history: the epochs' lines.
        midway: within the next epoch: its sums so far and torch's generators; empty between epochs.
    """

    epoch: int = 0
    finished: bool = False
    best: dict[str, Any] = field(default_factory=dict)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    average: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    midway: dict[str, Any] = field(default_factory=dict)

    def steps_done(self, steps: int) -> int:
        """Count the steps taken, of epochs of `steps`."""
        return self.epoch * steps + (int(self.midway["sums"]["steps"]) if self.midway else 0)


def checkpoint_path(run: Path, fold: int) -> Path:
    """Name the folder of a fold's checkpoints."""
    return run / CHECKPOINTS / f"fold{fold}"


def has_checkpoint(path: Path) -> bool:
    """Say whether a fold's folder holds any."""
    return bool(_newest_first(path))


def save_checkpoint(state: Checkpoint, path: Path) -> None:
    """Write a checkpoint to a temporary name, have it on the disk, rename it, and drop all but the newest two.

    Args:
        state: is not changed.
        path: the fold's folder.
    """
    path.mkdir(parents=True, exist_ok=True)
    before = _newest_first(path)
    target = path / f"{int(before[0].stem) + 1 if before else 1:08d}{_SUFFIX}"
    unfinished = unfinished_name(target)
    tensors, rest = pack({item.name: getattr(state, item.name) for item in fields(Checkpoint)})
    try:
        save_tensors(tensors, unfinished, {"state": rest, "crc32": str(_checksum(tensors, rest))})
        give_name(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    for old in before[KEPT - 1 :]:
        old.unlink(missing_ok=True)


def load_checkpoint(path: Path, reporter: Reporter | None = None) -> Checkpoint | None:
    """Read a fold's newest whole checkpoint, onto the CPU; None where there is none.

    Args:
        path: the fold's folder.
        reporter: told of each file that is passed over because it is torn.
    """
    reporter = reporter or Silent()
    for file in _newest_first(path):
        try:
            return _read(file)
        except _DAMAGE as error:
            reason = " ".join(str(error).split())
            reporter.line(f"{file} is damaged ({reason}) and is passed over")
    return None


def drop_unneeded(path: Path) -> None:
    """Drop the checkpoints before the last one of a fold that is finished, if that one reads back whole.

    Args:
        path: the fold's folder, of a run whose models and predictions are written.
    """
    newest, *older = _newest_first(path)
    try:
        finished = _read(newest).finished
    except _DAMAGE:
        return
    for file in older if finished else ():
        file.unlink(missing_ok=True)


def _read(file: Path) -> Checkpoint:
    with safe_open(file, framework="pt") as opened:
        said: Mapping[str, str] = opened.metadata() or {}
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # not a mapping
    if _checksum(tensors, said["state"]) != int(said["crc32"]):
        raise ValueError("its checksum is another")
    return Checkpoint(**unpack(tensors, said["state"]))


def _checksum(tensors: Mapping[str, Tensor], rest: str) -> int:
    """Sum all that is kept: a disk that lost power may hold a file of the right length and zeros in it."""
    total = zlib.crc32(json.dumps(rest).encode())
    for name in sorted(tensors):
        # as bytes, whatever the number format: NumPy knows no bfloat16
        flat = tensors[name].reshape(-1)
        total = zlib.crc32(flat.view(torch.uint8).numpy().data if flat.numel() else b"", total)
    return total


def _newest_first(path: Path) -> list[Path]:
    return sorted((file for file in path.glob(f"*{_SUFFIX}") if file.stem.isdecimal()), reverse=True)
