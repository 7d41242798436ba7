"""A process that does a piece of work whenever it is told to: `python -m benchmarks.worker WORK PATH N`.

WORK is `imread` or `fused`. It says "ready" when it is warm, and "done" after each line that it is sent.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinfast import _native, io


def make_work(work: str, path: Path, n: int, threads: int) -> Callable[[], object]:
    """Make what reads one file, or puts it through the fused pass, n times on some threads."""
    if work == "imread":
        return lambda: io.imread_many([path] * n, threads=threads)
    height, width = io.read_info(path).shape
    one = np.ones((1, 1), np.float32)
    plan = _native.ChannelPlan(flatfield=one, darkfield=100 * one, low=50, high=4000, saturation_value=65535)
    out = np.empty((n, min(256, height), min(256, width), 1), np.uint8)
    return lambda: _native.process_sites([[[str(path)]]] * n, [plan], (height, width), out, threads)


if __name__ == "__main__":
    run = make_work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), 1)
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        run()
        print("done", flush=True)
