"""Decoding TIFF into a warm buffer against tifffile, libtiff (imagecodecs) and OpenCV; one thread, page cache warm.

Pixels are compared before anything is timed. The fastest peer counts.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from benchmarks.bare import pread_all
from benchmarks.images import SIDE, STRIP_ROWS
from benchmarks.measuring import SMOKE, Measured, as_long, compare
from benchmarks.peers import PEERS, read_kinfast
from numpy.typing import NDArray

Record = Callable[[str, Measured], None]

CODECS: dict[str, dict[str, Any]] = {
    "LZW": {"compression": "lzw"},
    "LZW + predictor": {"compression": "lzw", "predictor": True},
    "Deflate": {"compression": "zlib"},
    "Deflate + predictor": {"compression": "zlib", "predictor": True},
    "Zstd": {"compression": "zstd"},
    "Zstd + predictor": {"compression": "zstd", "predictor": True},
}
STRIPS = {"many strips": STRIP_ROWS, "one strip": SIDE}
REAL = {
    "Phenix, LZW in 5 strips": "plates/phenix-cell-painting-6ch",
    "BBBC022, 104 strips": "plates/imagexpress-bbbc022-dna",
    "BBBC013, palette, big-endian": "plates/bbbc013",
}


def fastest_peer(path: Path, like: NDArray[Any]) -> Measured:
    """Hold ours against each peer that reads the file, right before fast; the lowest ratio counts."""
    mine, theirs = np.empty_like(like), np.empty_like(like)
    np.testing.assert_array_equal(read_kinfast(path, mine), like)
    lines = []
    for name, read in PEERS.items():
        found = read(path, theirs)
        if found is None:
            continue
        np.testing.assert_array_equal(found, like)
        one = compare(partial(read_kinfast, path, mine), partial(read, path, theirs))
        lines.append(Measured(one.ratio, one.ours, one.theirs, one.unit, name))
    return min(lines, key=lambda line: line.ratio)


@pytest.mark.parametrize("strips", STRIPS)
@pytest.mark.parametrize("codec", CODECS)
def test_compressed(codec: str, strips: str, counts: NDArray[np.uint16], tmp_path: Path, record: Record) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, counts, metadata=None, rowsperstrip=STRIPS[strips], **CODECS[codec])
    record(f"imread {codec}, {strips}", fastest_peer(path, counts))


def test_uncompressed(counts: NDArray[np.uint16], tmp_path: Path, record: Record) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, counts, metadata=None)
    record("imread uncompressed", fastest_peer(path, counts))


def test_uncompressed_takes_no_longer_than_one_read(counts: NDArray[np.uint16], tmp_path: Path, record: Record) -> None:
    """Both into the same memory: which pages it lies in changes the kernel's copy by a factor of two."""
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, counts, metadata=None)
    buffer = np.empty(path.stat().st_size, np.uint8)
    out = buffer[: counts.nbytes].view(counts.dtype).reshape(counts.shape)
    with pread_all(path, buffer) as read:
        record("imread uncompressed, times as long as", as_long(compare(partial(read_kinfast, path, out), read)))


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read_alike(name: str, test_data: Path) -> None:
    """Real microscopes' files are small, and each its own format; here it counts that none is slow."""
    path = next(
        path for path in sorted((test_data / REAL[name]).rglob("*")) if path.suffix.lower() in (".tif", ".tiff")
    )
    found = fastest_peer(path, np.asarray(tifffile.imread(path, maxworkers=1)))
    print(f"\n{name}: {found.ratio:.2f} times as fast as {found.peer}")
    # One library inflates for all, or the kernel copies: nobody is much faster. A smoke run calls each side once.
    assert SMOKE or found.ratio > 0.7
