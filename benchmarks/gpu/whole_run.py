"""`kinfast train` on the clock: epochs, validation, checkpoints, predictions; and what it says of itself."""

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.results import Row
from benchmarks.gpu.stepping import Scene

from kinfast.config import AUTO_BATCH, TrainConfig
from kinfast.progress import Silent
from kinfast.train.folder import HISTORY
from kinfast.train.run import train


class OutOfTime(Exception):
    """The run has had the seconds it was given."""


class _Clock(Silent):
    """Stops a run between two epochs when its time is over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def line(self, text: str) -> None:
        """Hear of an epoch."""
        if "epoch" in text and time.monotonic() > self._end:
            raise OutOfTime


def time_run(scene: Scene, backbone: str, batch_size: int, epochs: int, seconds: float, out: Path) -> Row:
    """Time a run of two streams; where its time is over before the last epoch, say what all would take."""
    config = _config(scene, backbone, batch_size, epochs)
    began, finished = time.perf_counter(), True
    try:
        train(scene.store, config, out, threads=scene.threads, reporter=_Clock(seconds))
    except OutOfTime:
        finished = False
    taken = time.perf_counter() - began
    history = [json.loads(line) for line in (out / HISTORY).read_text(encoding="utf-8").splitlines()]
    return Row(
        f"{backbone}, two streams, batch {batch_size}",
        "torch",
        "auto",
        "none",
        note=_said(history, epochs, taken, finished),
    )


class _Notes(Silent):
    """Keeps what a run says of its batch size and of what bounds it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        """Hear a line."""
        if text.startswith("batch size") or " are bound by " in text:
            self.lines.append(text)


def ask_run(scene: Scene, backbone: str, out: Path) -> Row:
    """Train one epoch with `--batch-size auto --profile`, and give what it says of both."""
    notes, began = _Notes(), time.perf_counter()
    config = _config(scene, backbone, AUTO_BATCH, 1)
    train(scene.store, config, out, threads=scene.threads, reporter=notes, trace=True)
    taken = time.perf_counter() - began
    last = json.loads((out / HISTORY).read_text(encoding="utf-8").splitlines()[-1])
    note = "; ".join(["kinfast train --batch-size auto --profile", *notes.lines, f"{taken:.0f} s in all"])
    return Row(f"{backbone}, two streams", "torch", "auto", "none", last["sites_per_second"], note=note)


def _config(scene: Scene, backbone: str, batch_size: int, epochs: int) -> TrainConfig:
    return TrainConfig(
        backbone=backbone,
        weights="none",
        task="target",
        split_by="well",
        amp=scene.precision.dtype is not None,
        epochs=epochs,
        batch_size=batch_size,
        input_size=scene.input_size,
        loader="torch",
        device=scene.device,
        patience=0,
    )


def _said(history: list[dict[str, Any]], epochs: int, taken: float, finished: bool) -> str:
    last = history[-1]
    speed = f"{last['seconds']:.1f} s an epoch with validation, {last['sites_per_second']:,.0f} sites/s in training"
    if finished:
        return f"kinfast train, {epochs} epochs and all predictions: {taken / 60:.1f} min ({speed})"
    whole = taken + (epochs - len(history)) * last["seconds"]
    return (
        f"kinfast train, {len(history)} of {epochs} epochs measured, {epochs} would take {whole / 60:.1f} min ({speed})"
    )
