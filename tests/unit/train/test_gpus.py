"""GPUs are dealt out to processes in turn."""

import multiprocessing
import os

import pytest
import torch

from kinfast.train.processes.gpus import VISIBLE, deal_gpus, take_gpu, visible_gpus

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(autouse=True)
def _three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv(VISIBLE, raising=False)


def test_each_process_takes_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    dealt = deal_gpus(SPAWN, 4, ["auto", "cuda"])
    taken = []
    for _ in range(4):
        monkeypatch.setenv(VISIBLE, "all")
        take_gpu(dealt)
        taken.append(os.environ[VISIBLE])
    assert taken == ["0", "1", "2", "0"]


def test_what_is_hidden_from_the_parent_stays_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "4,GPU-8a1f,7")
    assert visible_gpus() == ["4", "GPU-8a1f", "7"]


def test_a_device_that_was_named_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert deal_gpus(SPAWN, 2, ["cuda:1"]) is None
    assert deal_gpus(SPAWN, 2, ["auto", "cpu"]) is None
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert deal_gpus(SPAWN, 2, ["auto"]) is None
    take_gpu(None)
    assert VISIBLE not in os.environ
