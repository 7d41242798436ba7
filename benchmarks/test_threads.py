"""Two threads of one process against two processes that know nothing of each other, each doing half of the work.

The processes are up and warm; each waits for a line, works, and answers. What threads share (allocations, page tables,
locks) costs them, and must not cost much.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from benchmarks.images import STRIP_ROWS
from benchmarks.measuring import SMOKE, Measured, compare
from benchmarks.worker import make_work
from numpy.typing import NDArray

N = 2 if SMOKE else 16
"""Images of each process."""
WORK: dict[str, tuple[str, dict[str, Any]]] = {
    "imread uncompressed": ("imread", {}),
    "imread LZW": ("imread", {"compression": "lzw"}),
    "imread LZW + predictor": ("imread", {"compression": "lzw", "predictor": True}),
    "imread Deflate": ("imread", {"compression": "zlib"}),
    "imread Zstd": ("imread", {"compression": "zstd"}),
    "fused pass": ("fused", {}),
}


@contextmanager
def two_processes(work: str, path: Path) -> Iterator[Callable[[], None]]:
    """Start two workers, and give what makes both work once."""
    command = [sys.executable, "-m", "benchmarks.worker", work, str(path), str(N)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in range(2)
    ]

    def answers(word: str) -> None:
        assert [worker.stdout.readline().strip() for worker in workers if worker.stdout] == [word] * 2

    def run() -> None:
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
        answers("done")

    try:
        answers("ready")
        yield run
    finally:
        for worker in workers:
            worker.communicate()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
@pytest.mark.parametrize("name", WORK)
def test_two_threads(
    name: str, counts: NDArray[np.uint16], tmp_path: Path, record: Callable[[str, Measured], None]
) -> None:
    work, options = WORK[name]
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, counts, rowsperstrip=STRIP_ROWS, metadata=None, **options)
    ours = make_work(work, path, 2 * N, 2)
    ours()
    with two_processes(work, path) as theirs:
        record(f"two threads, {name}", compare(ours, theirs, repeats=2))
