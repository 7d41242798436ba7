"""What a fold's training needs to go on, written after each epoch: whole, or not at all."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kinfast.errors import RunError

FOLDER = "checkpoints"


@dataclass(slots=True)
class Checkpoint:
    """Where a fold stands.

    Order, augmentation and dropout are drawn from seeds of (run, fold, epoch), so no generator's state is stored.

    Attributes:
        epoch: epochs done.
        finished: whether no epoch is to follow.
        best: `Best` as a mapping.
        best_weights: the best epoch's model.
        weights, optimizer, scaler: of the latest epoch; empty once finished.
        history: the epochs' lines.
    """

    epoch: int = 0
    finished: bool = False
    best: dict[str, Any] = field(default_factory=dict)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


def checkpoint_path(run: Path, fold: int) -> Path:
    """Name a fold's checkpoint."""
    return run / FOLDER / f"fold{fold}.pt"


def save_checkpoint(state: Checkpoint, path: Path) -> None:
    """Write a checkpoint to a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    values = {name: getattr(state, name) for name in Checkpoint.__dataclass_fields__}
    try:
        torch.save(values, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint, onto the CPU; None where there is none. Nothing in the file is executed.

    Raises:
        RunError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch.load raises whatever the bytes lead it to
        raise RunError(f"{path} cannot be read ({type(error).__name__}): delete it to train this fold again") from error
