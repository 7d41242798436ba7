"""Fixtures that every benchmark may use; the table is printed and written when all are done."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from benchmarks.images import simulate_counts
from benchmarks.measuring import SMOKE, Measured
from benchmarks.record import RESULTS, Recorder
from numpy.typing import NDArray
from tests.conftest import test_data

__all__ = ["test_data"]

RECORDER = pytest.StashKey[Recorder]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORDER] = Recorder()


@pytest.fixture(scope="session")
def record(request: pytest.FixtureRequest) -> Callable[[str, Measured], None]:
    """Record a line of the table and hold it against its floor; at smoke size there is nothing to hold."""
    recorder = request.config.stash[RECORDER]
    return (lambda _name, _measured: None) if SMOKE else recorder.add


@pytest.fixture(scope="session")
def counts() -> NDArray[np.uint16]:
    """(2160, 2160) uint16, a full sCMOS sensor."""
    return simulate_counts()


@pytest.fixture(autouse=True)
def _one_opencv_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    recorder = config.stash[RECORDER]
    if recorder.found:
        recorder.write()
        terminalreporter.section(f"benchmarks, also in {Path(RESULTS)}")
        for line in recorder.lines():
            terminalreporter.line(line)
