"""A run's history as TensorBoard's event files, one folder a fold; always made from the history, and never twice."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from kinfast.errors import UsageError

EVENTS = "tensorboard"
"""Folder in a run; where it is, a resumed run goes on writing."""
_PARTS = ("train", "validation")
_NO_CURVES = ("fold", "epoch", "seconds")


class EventFiles:
    """Follows a run's folds. The first time that it sees a fold it writes all of its epochs anew."""

    def __init__(self, run: Path) -> None:
        self._folder = run / EVENTS
        self._written: dict[int, tuple[Any, int]] = {}

    def follow(self, rows: list[dict[str, Any]]) -> None:
        """Write the epochs of one fold's history that are not written yet."""
        if not rows:
            return
        fold = int(rows[0]["fold"])
        writer, done = self._written.get(fold) or (self._begin(fold), 0)
        for row in rows[done:]:
            for name, value in row.items():
                if name not in _NO_CURVES and isinstance(value, int | float):
                    writer.add_scalar(curve_name(name), value, row["epoch"])
        writer.flush()
        self._written[fold] = writer, len(rows)

    def close(self) -> None:
        """End all files."""
        for writer, _ in self._written.values():
            writer.close()

    def _begin(self, fold: int) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        folder = self._folder / f"fold{fold}"
        shutil.rmtree(folder, ignore_errors=True)
        return SummaryWriter(str(folder))


def curve_name(name: str) -> str:
    """Name a curve so that TensorBoard draws a score of training and of validation side by side: loss/train."""
    part, _, score = name.partition("_")
    return f"{score}/{part}" if part in _PARTS and score else name


def check_tensorboard() -> None:
    """See that event files can be written.

    Raises:
        UsageError: the package is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UsageError("--tensorboard: the package is not installed; pip install 'kinfast[tensorboard]'")
