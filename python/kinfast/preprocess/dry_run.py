"""How long a run will take and how much disk: a few sites are processed and thrown away; nothing is written."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinfast import _native
from kinfast.preprocess.plan import NO_SHAPE, PlateTask, stored_shape
from kinfast.preprocess.sampling import GRID_SIDE, choose_sites, look_at_headers, sample_stride, site_paths
from kinfast.progress import Reporter

DRY_RUN_SITES = 20
FIT_SECONDS = 0.5
"""Of one channel's fit, one thread; it runs beside the decoding of the next."""
TABLE_BYTES = 2000
"""Bytes of a site's row in the tables, roughly."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would do.

    Attributes:
        plates: plates to be processed, with why.
        n_sites: sites in them.
        n_timed: sites that were timed.
        seconds_per_site: of both passes, where each site takes part in both.
        seconds: of the whole run.
        size_bytes: disk that it takes.
        failed: (path, reason) of files among those timed that cannot be used.
        note: what a person should read of their headers; mostly empty.
    """

    plates: dict[str, str]
    n_sites: int
    n_timed: int
    seconds_per_site: float
    seconds: float
    size_bytes: int
    failed: tuple[tuple[str, str], ...]
    note: str = ""


def estimate_run(tasks: Sequence[PlateTask], todo: dict[str, str], threads: int, reporter: Reporter) -> Estimate:
    """Time both passes on `DRY_RUN_SITES` sites of the first plate that is to be done, and scale up."""
    waiting = [task for task in tasks if task.plate.name in todo]
    n_sites = sum(len(task.plate.sites) for task in waiting)
    timed = next((task for task in waiting if task.plate.sites), None)
    if timed is None:
        return Estimate(todo, 0, 0, 0.0, 0.0, 0, ())
    chosen = choose_sites(timed.plate.name, len(timed.plate.sites), DRY_RUN_SITES, timed.config.seed)
    headers = look_at_headers(timed.root, timed.plate, chosen)
    raw = headers.shape or NO_SHAPE
    reporter.stage("dry run", len(chosen), "sites")
    second, failed = _time_pass_two(timed, chosen, raw, threads)
    first = _time_pass_one(timed, chosen, raw, threads)
    reporter.advance(len(chosen))
    sampled = sum(min(len(task.plate.sites), task.config.sample_sites) for task in waiting)
    fits = FIT_SECONDS * len(waiting) * len(timed.channels) / min(threads, len(timed.channels))
    stored = stored_shape(raw, timed.config.shorter_side)
    size = n_sites * (stored[0] * stored[1] * len(timed.channels) + TABLE_BYTES)
    seconds = n_sites * second + sampled * first + fits
    said = headers.say_paged(timed.plate.name)
    return Estimate(todo, n_sites, len(chosen), first + second, seconds, size, failed, said)


def _time_pass_two(
    task: PlateTask, chosen: np.ndarray, raw: tuple[int, int], threads: int
) -> tuple[float, tuple[tuple[str, str], ...]]:
    one = np.ones((GRID_SIDE, GRID_SIDE), np.float32)
    plans = [
        _native.ChannelPlan(
            flatfield=one,
            darkfield=0 * one,
            low=0,
            high=65535,
            saturation_value=65535,
            nuclei_threshold=1e4 if channel == task.nuclei_channel else None,
        )
        for channel in task.channels
    ]
    out = np.empty((len(chosen), *stored_shape(raw, task.config.shorter_side), len(task.channels)), np.uint8)
    paths = [site_paths(task.root, task.plate.sites[i]) for i in chosen]
    began = time.perf_counter()
    results = _native.process_sites(paths, plans, raw, out, threads)
    seconds = (time.perf_counter() - began) / len(chosen)
    prefix = f"{task.root}/"
    failed = ((c.error_path.removeprefix(prefix), c.error) for site in results for c in site if c.error)
    return seconds, tuple(failed)


def _time_pass_one(task: PlateTask, chosen: np.ndarray, raw: tuple[int, int], threads: int) -> float:
    paths = [site_paths(task.root, task.plate.sites[i]) for i in chosen]
    began = time.perf_counter()
    for channel in range(len(task.channels)):
        _native.sample_field([site[channel] for site in paths], GRID_SIDE, sample_stride(raw), raw, threads)
    return (time.perf_counter() - began) / len(chosen)
