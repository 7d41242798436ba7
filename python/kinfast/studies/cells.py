"""Runs the runs of a study: each in a folder of its own, several at once, finished ones never again."""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from kinfast.config import TrainConfig
from kinfast.errors import KinfastError
from kinfast.evaluate.run_folder import CONFIG, PREDICTIONS
from kinfast.progress import Reporter, Silent


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a study: its folder's name and what it is trained with."""

    name: str
    config: TrainConfig


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a cell: error is empty where its run is finished."""

    cell: Cell
    run: Path
    error: str = ""


class StageOnly:
    """Passes on what stays on the screen, not the steps: a study counts runs."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter, self._name = reporter, name

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Leave the study's own bar alone."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Leave the study's own bar alone."""

    def line(self, text: str) -> None:
        """Say an epoch's line with the run's name; what a run says before is in its config.json."""
        if text.startswith("fold ") and " epoch " in text:
            self._reporter.line(f"{self._name}: {text}")


class Failures:
    """Says why runs failed: each reason once, and none before a run has succeeded.

    Where none does, as with an option that does not fit, the command ends with the reason, and nothing is said twice.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._known: set[str] = set()
        self._held: list[str] = []
        self._any_sound = False

    def take(self, outcome: Outcome) -> None:
        """Take note of one run's outcome."""
        if outcome.error and outcome.error not in self._known:
            self._known.add(outcome.error)
            self._held.append(f"{outcome.cell.name}: failed: {outcome.error}")
        self._any_sound |= not outcome.error
        while self._any_sound and self._held:
            self._reporter.line(self._held.pop(0))


class WhileParentLives(Silent):
    """A worker's reporter: ends the work at the next step where the study's own process was killed.

    An orphan would go on writing into folders that a restarted study trains in, too.
    """

    def __init__(self, parent: int) -> None:
        self._parent = parent

    def advance(self, count: int = 1, note: str = "") -> None:
        """Look for the parent."""
        if os.getppid() != self._parent:
            os._exit(1)  # not an exception: the pool would catch it, and the process wait for work for ever


def is_finished(run: Path) -> bool:
    """Say whether a run was trained and predicted to its end; predictions are written last, whole or not at all."""
    return (run / PREDICTIONS).is_file()


def train_cell(store_root: Path, cell: Cell, run: Path, threads: int, reporter: Reporter | None = None) -> Outcome:
    """Train a cell's run, or go on with it where it was interrupted.

    A loss that is no longer a number, or options that do not fit, end the cell and not the study.
    """
    from kinfast.data.store import PreparedStore
    from kinfast.train.run import resume, train

    if is_finished(run):
        return Outcome(cell, run)
    store = PreparedStore.open(store_root)
    try:
        if (run / CONFIG).is_file():
            resume(store, run, threads=threads, reporter=reporter)
        else:
            shutil.rmtree(run, ignore_errors=True)  # stopped before it knew what it was
            train(store, cell.config, run, threads=threads, reporter=reporter)
    except KinfastError as error:
        return Outcome(cell, run, " ".join(str(error).split()))
    return Outcome(cell, run)


def train_cells(
    store_root: Path,
    cells: Sequence[Cell],
    folder: Path,
    *,
    threads: int,
    processes: int,
    reporter: Reporter,
    trainer: Callable[..., Outcome] = train_cell,
    failures: Failures | None = None,
) -> list[Outcome]:
    """Train all cells that are not finished, in the cells' order, `processes` at once.

    Args:
        store_root: the prepared store.
        cells: with names of their own.
        folder: where each run gets a folder.
        threads: of all processes together.
        processes: runs at once; each opens the store for itself.
        reporter: told of each run.
        trainer: trains one cell.
        failures: of all calls for one study.

    Returns:
        An outcome for each cell, in order.
    """
    failures = failures or Failures(reporter)
    reporter.stage("runs", len(cells), "runs")
    done: dict[str, Outcome] = {}
    for outcome in _trained(store_root, cells, folder, threads, min(processes, len(cells)), reporter, trainer):
        done[outcome.cell.name] = outcome
        failures.take(outcome)
        reporter.advance(note=outcome.cell.name)
    return [done[cell.name] for cell in cells]


def _trained(
    store_root: Path,
    cells: Sequence[Cell],
    folder: Path,
    threads: int,
    processes: int,
    reporter: Reporter,
    trainer: Callable[..., Outcome],
) -> Iterator[Outcome]:
    if processes <= 1:
        for cell in cells:
            told = StageOnly(reporter, cell.name)
            yield trainer(store_root, cell, folder / cell.name, threads, told)
        return
    from kinfast.train.processes.gpus import deal_gpus, take_gpu

    each = max(1, threads // processes)
    # spawned, not forked: torch's threads do not survive a fork
    context = multiprocessing.get_context("spawn")
    dealt = deal_gpus(context, processes, (cell.config.device for cell in cells))
    with ProcessPoolExecutor(processes, mp_context=context, initializer=take_gpu, initargs=(dealt,)) as pool:
        waiting: set[Future[Outcome]] = {
            pool.submit(trainer, store_root, cell, folder / cell.name, each, WhileParentLives(os.getpid()))
            for cell in cells
        }
        try:
            while waiting:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ready)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
