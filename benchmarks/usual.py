"""What one writes with tifffile, NumPy and OpenCV: one site, and, as a program, a plate in two processes.

`python -m benchmarks.usual PLATES OUT PROCESSES`: the mean image of each channel, Gaussian-smoothed, over its mean is
its flat-field; each image is divided by it, measured (percentiles, variance of the Laplacian), shrunk with INTER_AREA,
put into a window of its channel and saved with `np.save`. Both passes are shared out image by image, so that no process
waits for the other.
"""

import multiprocessing
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

PERCENTILES = (0.1, 1, 5, 25, 50, 75, 95, 99, 99.9)
STORED = 256
FIELDS: dict[str, NDArray[np.float32]] = {}
"""Flat-field of each channel, by its token."""
CHUNKS = 2
"""Parts of each channel's mean image, one a process."""


def measure_and_shrink(
    raw: NDArray[Any], flatfield: NDArray[np.float32], darkfield: NDArray[np.float32] | float, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
    """Correct, measure and shrink one image: (resized, percentiles of the raw image, focus)."""
    corrected = (raw - darkfield) / flatfield if isinstance(darkfield, np.ndarray) else raw / flatfield
    percentiles = np.percentile(raw, PERCENTILES)
    focus = float(cv2.Laplacian(raw, cv2.CV_32F).var())
    return cv2.resize(corrected, size[::-1], interpolation=cv2.INTER_AREA), percentiles, focus


def to_levels(small: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Put intensities into a window of 256 levels."""
    levels: NDArray[np.uint8] = np.clip(np.rint((small - low) * (255 / (high - low))), 0, 255).astype(np.uint8)
    return levels


def sum_images(paths: list[Path]) -> NDArray[np.float32]:
    """Add up images."""
    total: NDArray[np.float32] = tifffile.imread(paths[0], maxworkers=1).astype(np.float32)
    for path in paths[1:]:
        total += tifffile.imread(path, maxworkers=1)
    return total


def process_image(path: Path) -> tuple[NDArray[np.float32], list[float]]:
    """Read and process one image of a channel."""
    raw = tifffile.imread(path, maxworkers=1)
    small, percentiles, focus = measure_and_shrink(raw, FIELDS[_token(path)], 0.0, (STORED, STORED))
    return small, [float(raw.mean()), float(raw.std()), focus, *percentiles.tolist()]


def _token(path: Path) -> str:
    return path.stem.rpartition("_w")[2]


def fit_fields(by_channel: dict[str, list[Path]], pool: Any) -> None:
    """Smooth each channel's mean image."""
    parts = [paths[i::CHUNKS] for paths in by_channel.values() for i in range(CHUNKS)]
    sums = iter(pool.map(sum_images, parts, chunksize=1))
    for token, paths in by_channel.items():
        mean = sum(next(sums) for _ in range(CHUNKS)) / len(paths)
        field = cv2.GaussianBlur(np.asarray(mean, np.float32), (0, 0), mean.shape[0] / 10)
        FIELDS[token] = field / field.mean()


def process_plate(root: Path, out: Path, processes: int) -> None:
    """Process a plate and save images and table."""
    by_channel: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*.tif")):
        by_channel.setdefault(_token(path), []).append(path)
    cv2.setNumThreads(1)  # here too: a process forked from one that had OpenCV's threads waits for them for ever
    new_pool = partial(multiprocessing.get_context("fork").Pool, processes)
    with new_pool() as pool:
        fit_fields(by_channel, pool)
    paths = [path for of_channel in by_channel.values() for path in of_channel]
    with new_pool() as pool:  # made now, so that it has the fields without their being sent
        done = pool.map(process_image, paths, chunksize=5)
    out.mkdir()
    for c, token in enumerate(by_channel):
        n = len(by_channel[token])
        small = np.stack([image for image, _ in done[c * n : (c + 1) * n]])
        np.save(out / f"{token}.npy", to_levels(small, *np.percentile(small, (0.1, 99.9))))
    np.save(out / "table.npy", np.array([row for _, row in done]))


if __name__ == "__main__":
    process_plate(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
