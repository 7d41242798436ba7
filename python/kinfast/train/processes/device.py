"""Which device a process computes on."""

import torch

from kinfast.errors import UsageError


def choose_device(wanted: str) -> str:
    """Give the device that `--device` means: auto takes CUDA, then Apple's, then the CPU.

    Raises:
        UsageError: torch knows no such device, or it is not here.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise UsageError(f"device {wanted!r} is unknown: wanted auto, cpu, cuda, cuda:1 or mps") from None
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(device.type, False):
        raise UsageError(f"device {wanted}: torch finds none here; use --device cpu, or auto")
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        raise UsageError(f"device {wanted}: this machine has {count} GPUs, from cuda:0; wanted one of them, or auto")
    return wanted
