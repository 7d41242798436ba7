"""Processes side by side on one machine: each sees one of its GPUs, dealt out in turn."""

import os
from collections.abc import Iterable
from typing import Any

import torch

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Names of the GPUs that a process sees, read when it first uses one. Source: CUDA's programming guide."""
DEALT = ("auto", "cuda")
"""Devices, as asked for, that leave open which GPU."""


def deal_gpus(context: Any, processes: int, devices: Iterable[str]) -> Any:
    """Put a GPU's name for each process into a queue; None where there is nothing to deal.

    Args:
        context: of multiprocessing, whose processes take them.
        processes: that will be started.
        devices: that their runs ask for.
    """
    names = visible_gpus()
    if len(names) < 2 or any(device not in DEALT for device in devices):
        return None
    dealt = context.SimpleQueue()
    for number in range(processes):
        dealt.put(names[number % len(names)])
    return dealt


def take_gpu(dealt: Any) -> None:
    """Take this process's GPU: from here on it sees no other."""
    if dealt is not None:
        os.environ[VISIBLE] = dealt.get()


def visible_gpus() -> list[str]:
    """Name the GPUs that this process sees."""
    count = torch.cuda.device_count()
    named = [name for name in os.environ.get(VISIBLE, "").split(",") if name]
    return named[:count] or [str(number) for number in range(count)]
