"""How this process was started: alone, or by torchrun as one of several, which says so in the environment."""

import os

RANK, WORLD, LOCAL_RANK, LOCAL_WORLD = "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"
"""Number of the process, and how many there are: of all machines, and on this one. Source: torchrun."""
LIFE = "TORCHELASTIC_RESTART_COUNT"
"""How often torchrun has started its processes anew, after one of them had ended (`--max-restarts`)."""


def one_of_several() -> bool:
    """Say whether torchrun started other processes, too."""
    return all(name in os.environ for name in (RANK, WORLD, LOCAL_RANK)) and int(os.environ[WORLD]) > 1


def rank() -> int:
    """Give this process's number among all; 0 without torchrun."""
    return int(os.environ[RANK]) if one_of_several() else 0


def neighbours() -> int:
    """Count the processes that torchrun started on this machine; 1 without it."""
    return int(os.environ.get(LOCAL_WORLD, os.environ[WORLD])) if one_of_several() else 1


def life() -> int:
    """Count how often torchrun has started its processes anew; 0 without it."""
    return int(os.environ.get(LIFE, "0"))
