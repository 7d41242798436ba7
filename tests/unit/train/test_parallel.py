"""Folds in processes of their own, and the process that started them."""

import os
import queue
import signal
from pathlib import Path
from typing import Any

import pytest

from kinfast.train import parallel


@pytest.mark.parametrize("killed", [False, True])
def test_a_worker_whose_parent_was_killed_stops(monkeypatch: pytest.MonkeyPatch, killed: bool) -> None:
    """It would train on beside the run that is resumed, and then wait for work for ever."""
    told: queue.Queue[Any] = queue.Queue()
    sent: list[tuple[int, int]] = []
    ended: list[int] = []
    monkeypatch.setattr(os, "kill", lambda *what: sent.append(what))
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr("kinfast.data.merged.open_stores", lambda *_: None)
    monkeypatch.setattr("kinfast.train.run.train_fold_of", lambda *_: parallel._Sender().advance(8))
    monkeypatch.setattr(parallel, "_told", told)
    monkeypatch.setattr(parallel, "_parent", os.getppid() + killed)
    parallel._train_one((), None, run=Path("run"), fold=0, threads=1)
    assert sent == [(os.getpid(), signal.SIGTERM)] * killed
    assert ended == [130] * killed
    assert told.get_nowait() == (8, "")
