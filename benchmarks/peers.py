"""Decoders of one signature, a path in and an array out, on one thread; and how two are timed against each other."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from kinfast import io

SMOKE = os.environ.get("KINFAST_BENCH_SMOKE") == "1"

Decoder = Callable[[Path], NDArray[Any] | None]


def read_kinfast(path: Path) -> NDArray[Any]:
    return io.imread(path)


def read_tifffile(path: Path) -> NDArray[Any]:
    return np.asarray(tifffile.imread(path, maxworkers=1))


def read_imagecodecs(path: Path) -> NDArray[Any]:
    """libtiff, as imagecodecs builds it."""
    return np.asarray(imagecodecs.tiff_decode(path.read_bytes()))


def read_opencv(path: Path) -> NDArray[Any] | None:
    """libtiff, as OpenCV builds it; None where it cannot."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    cv2.setNumThreads(1)
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


PEERS: dict[str, Decoder] = {"tifffile": read_tifffile, "imagecodecs": read_imagecodecs, "opencv": read_opencv}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Times of one call, and how many times as long the peer takes."""

    ours_ms: float
    theirs_ms: float
    ratio: float


def best_of(call: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of `repeats` calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(ours: Callable[[], object], theirs: Callable[[], object]) -> Comparison:
    """Interleave both, so that both meet the same neighbours on the machine; the median of the rounds' ratios.

    A round is the best of some calls of each: what disturbs a call only ever adds time.
    """
    rounds, repeats = (1, 1) if SMOKE else (5, 5)
    pairs = [(best_of(ours, repeats), best_of(theirs, repeats)) for _ in range(rounds)]
    return Comparison(
        ours_ms=1e3 * min(pair[0] for pair in pairs),
        theirs_ms=1e3 * min(pair[1] for pair in pairs),
        ratio=statistics.median(theirs_time / ours_time for ours_time, theirs_time in pairs),
    )
