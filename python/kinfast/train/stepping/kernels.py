"""How a GPU's kernels are chosen: compiled passes, and the fastest formats and algorithms that are precise enough."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from kinfast.errors import UsageError

UNCOMPILED = "none"
COMPILED = ("none", "kernels", "graphs")


def compile_passes(model: nn.Module, how: str) -> Any:
    """Give what calls a model forward, and through it backward.

    Args:
        model: stays as it is; its parameters are shared.
        how: none; kernels, torch.compile, which fuses what lies between convolutions and takes a minute or so for each
            of the two sizes of minibatch; graphs, the same replayed as CUDA graphs, for models of many small kernels.

    Raises:
        UsageError: an unknown way, or CUDA graphs without a CUDA device.
    """
    check_compiled(how, str(next(model.parameters()).device))
    if how == UNCOMPILED:
        return model
    # sizes are few and fixed: kernels for any size would lose the channels-last layout
    return torch.compile(model, dynamic=False, mode="reduce-overhead" if how == "graphs" else None)


def check_compiled(how: str, device: str) -> None:
    """Refuse what `compile_passes` does not know, and what a device cannot do.

    Raises:
        UsageError: it does not.
    """
    if how not in COMPILED:
        raise UsageError(f"compile {how!r} is unknown: wanted {', '.join(COMPILED)}")
    if how == "graphs" and torch.device(device).type != "cuda":
        raise UsageError(f"--compile graphs: CUDA graphs are of NVIDIA's GPUs, the device is {device}; wanted kernels")


@contextmanager
def fast_kernels(device: str, deterministic: bool = False) -> Iterator[None]:
    """On a GPU, let cuDNN time its algorithms once a shape, and matrix products round their factors to TF32.

    Convolutions do so by torch's default. Source: TF32 has float32's range and 10 bits of mantissa (NVIDIA, A100
    whitepaper). Outside of the region all is as before.

    Args:
        device: torch's name.
        deterministic: let only algorithms run that give the same bits each time, on any device.
    """
    if deterministic:
        with _same_bits():
            yield
        return
    if torch.device(device).type != "cuda":
        yield
        return
    before = torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before[0]
        torch.set_float32_matmul_precision(before[1])


@contextmanager
def _same_bits() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS' condition; read when it is first used
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
