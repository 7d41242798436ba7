"""The bare minimum to hold ours against: one pread of a file, and adding its bytes up once in C.

The C function is compiled here, with `cc -O3 -march=native`, and is no part of kinfast.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from benchmarks.record import HERE
from numpy.typing import NDArray

CACHE = Path(".cache") / "benchmarks"


@contextmanager
def pread_all(path: Path, buffer: NDArray[np.uint8]) -> Iterator[Callable[[], object]]:
    """Give what opens a file and reads the whole of it into a buffer of its size."""

    def read() -> int:
        file = os.open(path, os.O_RDONLY)
        try:
            return os.preadv(file, [buffer], 0)
        finally:
            os.close(file)

    assert read() == len(buffer)
    yield read


@contextmanager
def read_and_add(path: Path) -> Iterator[Callable[[], int]]:
    """Give what reads a file and adds its bytes up, two at a time as a pixel has them."""
    add, size = _sum16(), path.stat().st_size
    buffer = np.empty(size, np.uint8)

    def run() -> int:
        file = os.open(path, os.O_RDONLY)
        try:
            os.preadv(file, [buffer], 0)
        finally:
            os.close(file)
        return int(add(buffer.ctypes.data, size // 2))

    yield run


def _sum16() -> Callable[[int, int], int]:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) to make the bare sum with")
    source, library = HERE / "bare.c", (CACHE / "bare.so").absolute()
    if not library.is_file() or library.stat().st_mtime < source.stat().st_mtime:
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O3", "-march=native", "-shared", "-fPIC", source, "-o", library], check=True)
    function = ctypes.CDLL(str(library)).sum16
    function.restype, function.argtypes = ctypes.c_uint64, [ctypes.c_void_p, ctypes.c_size_t]
    return function
