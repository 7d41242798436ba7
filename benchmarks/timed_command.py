"""The `kinfast` command with a clock on its native calls: `python -m benchmarks.timed_command FILE WORDS...`.

FILE gets the seconds that calls into the native core took, all together. Calls of several threads that overlap count
once: it is the time during which at least one was under way.
"""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any

from kinfast import _native
from kinfast.cli.main import run


class Clock:
    """Adds up the time during which any call is under way."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._under_way, self._since, self._lock = 0, 0.0, threading.Lock()

    def watch(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function with this clock on it."""

        def watched(*positional: Any, **named: Any) -> Any:
            self._step(1)
            try:
                return function(*positional, **named)
            finally:
                self._step(-1)

        return watched

    def _step(self, change: int) -> None:
        with self._lock:
            now = time.perf_counter()
            self.seconds += (now - self._since) if self._under_way else 0.0
            self._since, self._under_way = now, self._under_way + change


if __name__ == "__main__":
    clock = Clock()
    for name, value in list(vars(_native).items()):
        if isinstance(value, BuiltinFunctionType):
            setattr(_native, name, clock.watch(value))
    try:
        run(sys.argv[2:])
    finally:
        Path(sys.argv[1]).write_text(str(clock.seconds), encoding="utf-8")
