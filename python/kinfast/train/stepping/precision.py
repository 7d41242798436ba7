"""Which number format the forward pass computes in, and whether gradients must be scaled for it."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from kinfast.errors import UsageError

FORMATS: Mapping[str, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
"""What `--precision` calls them."""


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
        return self.dtype is torch.float16

    @property
    def name(self) -> str:
        """float32, bfloat16 or float16."""
        return str(self.dtype or torch.float32).removeprefix("torch.")

    @property
    def amp_helps(self) -> bool:
        """Whether the device would be faster in fewer bits than now; a CPU without AVX-512 is slower."""
        able = self.device_type != "cpu" or "AVX512" in torch.backends.cpu.get_cpu_capability()
        return able and self.dtype is None

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Open the region in which operations choose their format."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, dtype=self.dtype)


def choose_precision(device: str, amp: bool, wanted: str | None = None) -> Precision:
    """Choose the number format.

    Args:
        device: torch's name.
        amp: without a wish, bfloat16 where the device computes in it, else float16.
        wanted: fp32, bf16 or fp16; None leaves it to `amp`.

    Raises:
        UsageError: no such format, one that the device only acts as if it had, or fp32 together with `amp`.
    """
    if wanted is None:
        return Precision(device, _reduced(device) if amp else None)
    if wanted not in FORMATS:
        raise UsageError(f"precision {wanted!r} is unknown: wanted {', '.join(FORMATS)}")
    if amp and wanted == "fp32":
        raise UsageError("--amp and --precision fp32 contradict each other: give one of them")
    if FORMATS[wanted] is torch.bfloat16 and not _has_bfloat16(device):
        raise UsageError(f"device {device} does not compute in bfloat16: wanted --precision fp16, or fp32")
    return Precision(device, FORMATS[wanted])


def same_precision(device: str, name: str) -> Precision:
    """Give the format that a run was trained in, by its `Precision.name`; float16 where the device lacks bfloat16."""
    dtype: torch.dtype | None = None if name == "float32" else getattr(torch, name)
    return Precision(device, _reduced(device) if dtype is torch.bfloat16 else dtype)


def _reduced(device: str) -> torch.dtype:
    return torch.bfloat16 if _has_bfloat16(device) else torch.float16


def _has_bfloat16(device: str) -> bool:
    return torch.device(device).type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
