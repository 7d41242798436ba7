"""States of torch's generators, which dropout draws from: kept within an epoch, set again on resuming there."""

import torch
from torch import Tensor


def generator_states(device: str) -> dict[str, Tensor]:
    """Give the states of the CPU's generator and of the device's."""
    states = {"cpu": torch.get_rng_state()}
    kind = torch.device(device).type
    if kind == "cuda":
        states[kind] = torch.cuda.get_rng_state(device)
    elif kind == "mps":
        states[kind] = torch.mps.get_rng_state()
    return states


def set_generators(states: dict[str, Tensor], device: str) -> None:
    """Set the generators to what `generator_states` gave; a kind of device that has no state there stays."""
    torch.set_rng_state(states["cpu"])
    kind = torch.device(device).type
    if kind == "cuda" and kind in states:
        torch.cuda.set_rng_state(states[kind], device)
    elif kind == "mps" and kind in states:
        torch.mps.set_rng_state(states[kind])
