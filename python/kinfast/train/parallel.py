"""Several folds at once, each in a process of its own; the checkpoints are what they leave."""

import multiprocessing
import os
import queue
import signal
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from kinfast.errors import EXIT_INTERRUPTED
from kinfast.progress import Reporter
from kinfast.train.processes.gpus import deal_gpus, take_gpu

LISTEN_SECONDS = 0.2
_told: Any = None
"""In a worker: the queue that its lines go to."""
_parent = 0
"""In a worker: number of the process that started it."""


class _Sender:
    """A worker's reporter: sends what it is told to the parent."""

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Leave the stage to the parent: one bar counts all folds."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Send the progress; where nobody is left to hear of it, ask this process to stop, as the parent would."""
        if _orphaned():
            os.kill(os.getpid(), signal.SIGTERM)
        _told.put((count, ""))

    def line(self, text: str) -> None:
        """Send a line."""
        _told.put((0, text))


def train_folds(
    stores: Sequence[Path],
    test_on: Path | None,
    run: Path,
    folds: Sequence[int],
    workers: int,
    threads: int,
    device: str,
    reporter: Reporter,
) -> None:
    """Train folds of a run that was begun, `workers` at a time, each with its share of the threads, and with a GPU of
    its own where `device`, as it was asked for, leaves that open.

    Raises:
        KinfastError, MemoryError: what a fold met; the others' checkpoints stay, and the run can be resumed.
    """
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    share = max(1, threads // workers)
    dealt = deal_gpus(context, workers, [device])
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(os.getpid(), messages, dealt)
    ) as pool:
        waiting = {pool.submit(_train_one, tuple(stores), test_on, run, fold, share) for fold in folds}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=LISTEN_SECONDS, return_when=FIRST_EXCEPTION)
                _pass_on(messages, reporter)
                for future in done:
                    future.result()
        except BaseException:
            for worker in multiprocessing.active_children():  # each keeps where its fold stands
                worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _pass_on(messages, reporter)


def _begin(parent: int, messages: Any, dealt: Any) -> None:
    global _told, _parent
    _told, _parent = messages, parent
    take_gpu(dealt)


def _orphaned() -> bool:
    """Whether the parent was killed. Its workers would go on beside the run that is resumed, and then wait for ever."""
    return os.getppid() != _parent


def _train_one(stores: tuple[Path, ...], test_on: Path | None, run: Path, fold: int, threads: int) -> None:
    from kinfast.data.merged import open_stores
    from kinfast.train.run import train_fold_of

    try:
        train_fold_of(open_stores(stores, test_on), run, fold, threads, _Sender())
    finally:
        if _orphaned():
            os._exit(EXIT_INTERRUPTED)


def _pass_on(messages: Any, reporter: Reporter) -> None:
    while True:
        try:
            count, text = messages.get_nowait()
        except queue.Empty:
            return
        if text:
            reporter.line(text)
        else:
            reporter.advance(count)
