"""Which number format the forward pass computes in, and whether gradients must be scaled for it."""

import contextlib
from dataclasses import dataclass

import torch

from kinfast.errors import UsageError


@dataclass(frozen=True, slots=True)
class Precision:
    """How a model computes.

    Attributes:
        device: torch's name of the device, with its number.
        dtype: of the autocast; None computes in float32 throughout.
    """

    device: str
    dtype: torch.dtype | None

    @property
    def device_type(self) -> str:
        """cpu, cuda or mps."""
        return torch.device(self.device).type

    @property
    def scaled(self) -> bool:
        """Whether small gradients would vanish: float16 has 5 bits of exponent, bfloat16 has float32's 8."""
        return self.dtype is torch.float16 and self.device_type == "cuda"

    @property
    def name(self) -> str:
        """float32, bfloat16 or float16."""
        return str(self.dtype or torch.float32).removeprefix("torch.")

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Open the region in which operations choose their format."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, dtype=self.dtype)


def choose_precision(device: str, amp: bool) -> Precision:
    """Choose bfloat16 where the device computes in it, else float16; float32 without `amp`."""
    if not amp:
        return Precision(device, None)
    if torch.device(device).type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return Precision(device, torch.float16)
    return Precision(device, torch.bfloat16)


def choose_device(wanted: str) -> str:
    """Give the device that `--device` means: auto takes CUDA, then Apple's, then the CPU.

    Raises:
        UsageError: torch knows no such device, or it is not here.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        kind = torch.device(wanted).type
    except RuntimeError:
        raise UsageError(f"device {wanted!r} is unknown: wanted auto, cpu, cuda, cuda:1 or mps") from None
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(kind, False):
        raise UsageError(f"device {wanted}: torch finds none here; use --device cpu, or auto")
    return wanted
