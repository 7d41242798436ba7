"""Decoding TIFF against tifffile, imagecodecs (libtiff) and OpenCV (libtiff), one thread, files in the page cache.

Pixels are compared before anything is timed. `KINFAST_BENCH_SMOKE=1` sees that it runs, no more. Ratios are the peer's
time over ours; `.benchmarks/decode.json` keeps them with the machine they are from.
"""

import json
import platform
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from benchmarks.peers import PEERS, SMOKE, Comparison, compare, read_kinfast
from numpy.typing import NDArray

from kinfast import __version__, _native

SIDE = 256 if SMOKE else 2160
"""A full sCMOS sensor, the usual site of a screening microscope."""

FORMATS: dict[str, dict[str, Any]] = {
    "none": {},
    "none, big-endian": {"byteorder": ">"},
    "none, tiles": {"tile": (256, 256)},
    "packbits": {"compression": "packbits"},
    "lzw": {"compression": "lzw"},
    "lzw + predictor": {"compression": "lzw", "predictor": True},
    "deflate": {"compression": "zlib"},
    "deflate + predictor": {"compression": "zlib", "predictor": True},
    "deflate, tiles": {"compression": "zlib", "tile": (256, 256)},
    "zstd": {"compression": "zstd"},
    "zstd + predictor": {"compression": "zstd", "predictor": True},
}

REAL = {
    "Phenix, LZW in 5 strips": "plates/phenix-cell-painting-6ch",
    "BBBC022, 104 strips": "plates/imagexpress-bbbc022-dna",
    "BBBC013, palette, big-endian": "plates/bbbc013",
}

AT_LEAST = {"lzw": 1.5, "lzw + predictor": 1.5}
OTHERWISE_AT_LEAST = 0.7
"""Where one library inflates for all (libdeflate, zstd) or the time is the kernel's copy, nobody is much faster; the
floor leaves room for a busy machine. LZW is decoded by our own means: 2.5 times as fast as libtiff, measured."""


def simulate_counts(side: int) -> NDArray[np.uint16]:
    """Counts like a camera's: smooth structure of cells, an offset, and shot noise."""
    rng = np.random.default_rng(0)
    field = cv2.GaussianBlur(rng.random((side, side), dtype=np.float32), (0, 0), 8)
    field = (field - field.min()) / np.ptp(field)
    return rng.poisson(150 + 2500 * field**3).astype(np.uint16)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    counts = simulate_counts(SIDE)
    paths = {}
    for index, (name, options) in enumerate(FORMATS.items()):
        paths[name] = tmp_path_factory.mktemp("decode") / f"{index}.tif"
        if "tile" not in options:
            options = {"rowsperstrip": max(1, SIDE // 20), **options}
        tifffile.imwrite(paths[name], counts, metadata=None, **options)
    return paths


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, dict[str, Comparison]]]:
    """Collects what the tests measure; printed and written at the end."""
    rows: dict[str, dict[str, Comparison]] = {}
    yield rows
    for name, peers in rows.items():
        ours = min(comparison.ours_ms for comparison in peers.values())
        told = ", ".join(f"{peer} {c.theirs_ms:.2f} ms ({c.ratio:.2f} times ours)" for peer, c in peers.items())
        print(f"\n{name}: kinfast {ours:.2f} ms; {told}", end="")
    if rows and not SMOKE:
        write_results(rows)


def write_results(rows: dict[str, dict[str, Comparison]]) -> None:
    machine = {
        "machine": platform.machine(),
        "processor": platform.processor(),
        "isa": _native.active_isa(),
        "threads": 1,
        "side": SIDE,
        "kinfast": __version__,
        "tifffile": tifffile.__version__,
        "imagecodecs": imagecodecs.__version__,
        "opencv": cv2.__version__,
    }
    told = {
        name: {
            peer: {"ours_ms": comparison.ours_ms, "theirs_ms": comparison.theirs_ms, "ratio": comparison.ratio}
            for peer, comparison in peers.items()
        }
        for name, peers in rows.items()
    }
    path = Path(".benchmarks") / "decode.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"environment": machine, "decode": told}, indent=1))


def measure(path: Path, peer: str) -> Comparison:
    """Right before fast: the same pixels, or a visible skip where the peer cannot read the file."""
    decode = PEERS[peer]
    theirs = decode(path)
    if theirs is None:
        pytest.skip(f"{peer} does not read {path.name}")
    np.testing.assert_array_equal(read_kinfast(path), theirs)
    return compare(partial(read_kinfast, path), partial(decode, path))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str, peer: str, files: dict[str, Path], results: dict[str, dict[str, Comparison]]) -> None:
    comparison = measure(files[name], peer)
    results.setdefault(name, {})[peer] = comparison
    if not SMOKE:
        assert comparison.ratio >= AT_LEAST.get(name, OTHERWISE_AT_LEAST)


@pytest.mark.data
@pytest.mark.parametrize("peer", ["tifffile", "imagecodecs"])
@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str, peer: str, test_data: Path, results: dict[str, dict[str, Comparison]]) -> None:
    paths = sorted(path for path in (test_data / REAL[name]).rglob("*") if path.suffix.lower() in (".tif", ".tiff"))
    comparison = measure(paths[0], peer)
    results.setdefault(name, {})[peer] = comparison
    if not SMOKE:
        assert comparison.ratio >= OTHERWISE_AT_LEAST
