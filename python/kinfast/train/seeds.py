"""Seeds: every draw of a run comes from its one seed, by what is drawn, for which fold and epoch."""

import numpy as np
import torch

WEIGHTS = 0
"""In the place of an epoch: the draw of a fold's initial weights."""


def seed_torch(seed: int, fold: int, epoch: int, rank: int = 0) -> None:
    """Set torch's generators on all devices: initial weights (epoch 0) and dropout (epochs from 1).

    The first of several processes draws what a process alone would, each other one its own.
    """
    torch.manual_seed(derived_seed(seed, fold, epoch, *([rank] if rank else [])))


def derived_seed(seed: int, *where: int) -> int:
    """Mix a run's seed with a place in the run, to 63 bits."""
    return int(np.random.SeedSequence([seed, *where]).generate_state(1, np.uint64)[0] >> 1)
