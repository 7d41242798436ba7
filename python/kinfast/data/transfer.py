"""From the host's memory to a device's without a wait on either side."""

import torch
from torch import Tensor


def empty_on_host(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Make room for bytes on their way to a device: page-locked for a GPU, so that the copy is asynchronous.

    torch's allocator gives a page-locked block out again only when the copies from it are done.
    """
    return torch.empty(shape, dtype=torch.uint8, pin_memory=device.type == "cuda")


def put(values: Tensor, device: torch.device) -> Tensor:
    """Copy to a device; to a GPU from page-locked memory, in order with the current stream's work, without waiting."""
    if device.type != "cuda":
        return values.to(device)
    return (values if values.is_pinned() else values.pin_memory()).to(device, non_blocking=True)
