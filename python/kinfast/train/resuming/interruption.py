"""Ctrl-C and pre-emption: training is asked to stop, keeps where it stands after the step, and then stops."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether training was asked to stop."""

    def __init__(self, patient: bool) -> None:
        self.asked = False
        self._patient = patient

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal; a second one stops at once, unless patient."""
        if self.asked and not self._patient:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def hear_signals(*, patient: bool = False) -> Iterator[Stop]:
    """Note SIGINT and SIGTERM (what SLURM and clouds send before they take a machine away) within the region.

    Python lets the main thread alone set handlers: in another one nothing is noted.

    Args:
        patient: let a second signal pass: a process of several may hear the first twice, from the system and from
            torchrun, which ends it by itself when it takes too long.
    """
    stop = Stop(patient)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def terminating_as_interrupted() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: finished parts are kept, and the exit code is an interrupt's."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def ignore_termination() -> None:
    """Let SIGTERM pass from here on: torchrun sends it once a process is gone, and this one has still to say so.

    For a process that ends in any case; torchrun kills what takes longer than half a minute.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
