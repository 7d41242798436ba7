"""A run's folder: its files' names, and how they are written, whole or not at all."""

import datetime
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from kinfast.config import AUTO_BATCH, TrainConfig
from kinfast.errors import RunError

RUNS = "runs"
"""Folder of the runs that were given no other."""
CONFIG = "config.json"
ENVIRONMENT = "environment.json"
SPLIT = "split.parquet"
HISTORY = "history.jsonl"
PREDICTIONS = "predictions.parquet"
WEIGHTS = "model.safetensors"
CHECKPOINTS = "checkpoints"
UNFINISHED = ".tmp"
"""End of a name under which a file is being written."""
CHANGES = "resumed.jsonl"
"""What had changed each time that the run was gone on with; absent where nothing had."""


def new_run_path(parent: Path, backbone: str, today: datetime.date | None = None) -> Path:
    """Name the next free folder: runs/2026-11-23-vgg16-1."""
    day = (today or datetime.date.today()).isoformat()
    number = 1
    while (path := parent / f"{day}-{backbone}-{number}").exists():
        number += 1
    return path


def claim_folder(run: Path) -> None:
    """Make a run's folder.

    Raises:
        RunError: it already holds something.
    """
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise RunError(f"{run} is not empty: give another --out, or go on with it by --resume {run}")
    run.mkdir(parents=True, exist_ok=True)


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write a JSON file through a temporary name."""
    _write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)


def write_history(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write all epochs so far, a line each, through a temporary name."""
    _write_text("".join(json.dumps(row) + "\n" for row in rows), path)


def append_line(row: Mapping[str, Any], path: Path) -> None:
    """Write a JSON line below those that are there, through a temporary name."""
    _write_text((path.read_text(encoding="utf-8") if path.is_file() else "") + json.dumps(row) + "\n", path)


def read_environment(run: Path) -> dict[str, Any]:
    """Read environment.json; empty where it is absent or damaged, since it only informs."""
    try:
        return dict(json.loads((run / ENVIRONMENT).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a parquet file through a temporary name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = unfinished_name(path)
    try:
        frame.to_parquet(unfinished, index=False)
        give_name(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_arrays(arrays: Mapping[str, NDArray[np.float32]], path: Path) -> None:
    """Write named arrays into an NPZ file through a temporary name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = unfinished_name(path)
    try:
        with unfinished.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        give_name(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def give_name(unfinished: Path, path: Path) -> None:
    """Give a file its name once it is on the disk: a power cut must not leave the name on an empty file."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def write_weights(folds: Mapping[int, Mapping[str, Tensor]], path: Path) -> None:
    """Write all folds' models into one file, as `fold<i>.<parameter>`."""
    unfinished = unfinished_name(path)
    named = {f"fold{fold}.{name}": value.contiguous() for fold, part in folds.items() for name, value in part.items()}
    try:
        save_tensors(named, unfinished)
        give_name(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def save_tensors(tensors: Mapping[str, Tensor], path: Path, said: dict[str, str] | None = None) -> None:
    """Write tensors and what is said of them as safetensors.

    Raises:
        OSError: as of any other file; safetensors has an error of its own for a full disk.
    """
    try:
        save_file(dict(tensors), path, said)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def read_weights(path: Path, folds: int) -> list[dict[str, Tensor]]:
    """Read every fold's model.

    Raises:
        RunError: the file is absent or damaged, or lacks a fold.
    """
    if not path.is_file():
        raise RunError(f"no {path}: wanted the folder of a finished run; finish it with --resume {path.parent}")
    try:
        named = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    parts: list[dict[str, Tensor]] = []
    for fold in range(folds):
        prefix = f"fold{fold}."
        parts.append({name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)})
    if not all(parts):
        raise RunError(f"{path} lacks the model of a fold: {folds} wanted")
    return parts


def read_config(run: Path) -> dict[str, Any]:
    """Read config.json.

    Raises:
        RunError: it is absent or no JSON object.
    """
    path = run / CONFIG
    if not path.is_file():
        raise RunError(f"{run} is no run: {CONFIG} is missing; wanted the folder that `kinfast train` made")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} holds a {type(content).__name__}: wanted an object")
    return content


def asked_config(content: Mapping[str, Any], path: Path) -> TrainConfig:
    """Rebuild what was asked for from config.json's `asked`; a batch size that was found stays the same.

    Raises:
        RunError: it was written by another version.
    """
    asked = content.get("asked")
    known = {field.name for field in fields(TrainConfig)}
    if not isinstance(asked, dict) or set(asked) != known:
        raise RunError(f"{path / CONFIG} was written by another version of kinfast: train again")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()}
    if values["batch_size"] == AUTO_BATCH:
        values["batch_size"] = int(content["batch_size"])
    return TrainConfig(**values)


def remove_unfinished(run: Path) -> None:
    """Remove what a process that was killed left half written, checkpoints too: files under their temporary names."""
    for unfinished in run.rglob(f".*{UNFINISHED}"):
        unfinished.unlink(missing_ok=True)


def unfinished_name(path: Path) -> Path:
    """Name a file while it is being written."""
    return path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")


def _write_text(text: str, path: Path) -> None:
    unfinished = unfinished_name(path)
    try:
        unfinished.write_text(text, encoding="utf-8")
        give_name(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
