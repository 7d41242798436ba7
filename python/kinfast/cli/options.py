"""Options that several commands share, so that they read the same everywhere."""

import os
from pathlib import Path
from typing import Annotated

import typer

from kinfast import launch
from kinfast.control_groups import processor_quota
from kinfast.words import csv_words

SPIN_ROUNDS = 10_000
"""Rounds, some tenths of a millisecond, that a waiting thread of libgomp's spins before it sleeps."""

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on the screen.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", expose_value=False)]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Threads. Default: the processors this process may use.", show_default=False),
]
FinishedRun = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")]
SameChannels = Annotated[Path, typer.Argument(metavar="PREPARED", help="A store with the same channels.")]
LoaderKind = Annotated[str, typer.Option("--loader", help="auto, dali or torch.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")]


def let_waiting_threads_sleep() -> None:
    """Let torch's threads spin only briefly while they wait for each other; call it before torch is imported.

    On a machine with other work long spinning costs twenty times the time (20 against 1 sites/s on two busy cores);
    on an idle one not spinning at all costs a third of it (22 against 36 sites/s), since every wake-up takes long. A
    short spin is as fast as a long one there. A policy of the person's own stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_ROUNDS))


def usable_threads(asked: int | None) -> int:
    """Give the number of threads to use: what was asked for, else affinity capped by the control groups' quota.

    Processes that torchrun started on this machine share them.
    """
    return max(1, (asked or _processors()) // launch.neighbours())


def _processors() -> int:
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = processor_quota()
    return affinity if quota is None else max(1, min(affinity, round(quota)))


def split_words(options: list[str] | None) -> list[str] | None:
    """Read an option that may be repeated and may hold several words, as a CSV row; None where it is absent."""
    return [word for option in options for word in csv_words(option)] if options else None
