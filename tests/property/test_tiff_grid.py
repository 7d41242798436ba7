"""Every kind of file that tifffile writes, and streams as others leave them: the same bytes, however we read."""

import json
import os
import subprocess
import sys
import zlib
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from tests.reference.tiff_pages import encode_lzw, write_page

from kinfast import io

ROOT = Path(__file__).parents[2]
DTYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
COMPRESSIONS = [None, "packbits", "lzw", "zlib", "zstd"]
LAYOUTS: list[dict[str, Any]] = [{"rowsperstrip": 5}, {"rowsperstrip": 1000}, {"tile": (16, 32)}]
SIZES = [(37, 53), (1, 1), (16, 32), (7, 200)]
SAMPLES: list[tuple[tuple[int, ...], str | None]] = [((), None), ((3,), "contig"), ((2,), "separate")]
THREADS = range(1, 9)
CODES = {"lzw": 5, "zlib": 8, "zstd": 50000, "packbits": 32773}


def draw(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Steps as of an image, up to the type's highest bits."""
    rng = np.random.default_rng(shape[0] * 1000 + shape[1])
    steps = rng.integers(-3, 4, shape) * (rng.random(shape) < 0.5)
    counts = np.cumsum(steps, axis=-1)
    if dtype.startswith("f"):
        return (counts * 1.37).astype(dtype)
    return (counts << (8 * np.dtype(dtype).itemsize - 6)).astype(dtype)


def grid_files(dtype: str) -> list[tuple[str, bytes]]:
    files = []
    for number, (byteorder, compression, layout, (samples, planar), bigtiff) in enumerate(
        product("<>", COMPRESSIONS, LAYOUTS, SAMPLES, [False, True])
    ):
        size = SIZES[number % len(SIZES)]
        shape = (*samples, *size) if planar == "separate" else (*size, *samples)
        for predictor in [1] if compression is None else [1, 3 if dtype.startswith("f") else 2]:
            how: dict[str, Any] = {"byteorder": byteorder, "compression": compression, "bigtiff": bigtiff, **layout}
            buffer = BytesIO()
            if compression is not None:
                how["predictor"] = predictor
            tifffile.imwrite(
                buffer, draw(shape, dtype), photometric="minisblack", planarconfig=planar, metadata=None, **how
            )
            files.append((f"{dtype} {size} {samples} {planar} {how}", buffer.getvalue()))
    return files


def assert_same(found: NDArray[Any], wanted: NDArray[Any], what: object) -> None:
    assert found.dtype == wanted.dtype, what
    assert found.shape == wanted.shape, what
    assert found.tobytes() == np.ascontiguousarray(wanted).tobytes(), what


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_grid_equals_tifffile_for_any_number_of_threads(dtype: str, tmp_path: Path) -> None:
    files = grid_files(dtype)
    assert len(files) == 2 * 3 * 3 * 2 * (1 + 2 * 4)
    wanted = [tifffile.imread(BytesIO(data)) for _, data in files]
    for number, (_, data) in enumerate(files):
        (tmp_path / f"{number}.tif").write_bytes(data)
    sources = [tmp_path / f"{number}.tif" for number in range(len(files))]
    for threads in THREADS:
        for (what, _), found, pixels in zip(files, io.imread_many(sources, threads=threads), wanted, strict=True):
            assert_same(found, pixels, f"{threads} threads, {what}")
    for (what, data), pixels in zip(files, wanted, strict=True):
        assert_same(io.imread(data), pixels, f"from memory, {what}")


def streams(compression: str, data: bytes) -> dict[str, bytes]:
    """The same bytes as different writers leave them: with more behind them, without an end, in the old bit order."""
    if compression == "lzw":
        return {
            "over-long": encode_lzw(data + data[:999]),
            "no end code": encode_lzw(data, end_code=False),
            "old style": encode_lzw(data, old_style=True),
            "old style, no end code": encode_lzw(data, old_style=True, end_code=False),
            "old style, over-long": encode_lzw(data + data, old_style=True),
            "garbage behind": encode_lzw(data) + bytes(range(256)),
        }
    encode = {"zlib": zlib.compress, "zstd": imagecodecs.zstd_encode, "packbits": imagecodecs.packbits_encode}
    return {
        "over-long": encode[compression](data + data[:999]),
        "twice as long": encode[compression](data + data),
        "garbage behind": encode[compression](data) + (b"" if compression == "zstd" else bytes(range(256))),
    }


@pytest.mark.parametrize("compression", CODES)
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_streams_as_other_writers_leave_them(compression: str, byteorder: str) -> None:
    """Built by hand: what went in is the oracle."""
    for bits, (height, width), bigtiff, values in product((8, 16), [(61, 83), (1, 7)], [False, True], [2, 9, 250]):
        rng = np.random.default_rng(values)
        pixels = rng.integers(0, values, (height, width)).astype(np.dtype(f"u{bits // 8}"))
        rows = 16
        parts = [
            pixels[top : top + rows].astype(pixels.dtype.newbyteorder(byteorder)) for top in range(0, height, rows)
        ]
        tags = {256: width, 257: height, 258: bits, 259: CODES[compression], 262: 1, 277: 1, 278: rows}
        stored = [streams(compression, part.tobytes()) for part in parts]
        for what in stored[0]:
            data = write_page(tags, [part[what] for part in stored], byteorder, bigtiff)
            assert_same(io.imread(data), pixels, (what, bits, height, bigtiff, values))


def test_every_instruction_set_reads_the_grid_alike() -> None:
    """In processes of their own, because the choice is made once."""
    isas = io.instruction_sets()[1]
    answers = {}
    for isa in isas:
        environment = {**os.environ, "KINFAST_FORCE_ISA": isa, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=True)
        answers[isa] = json.loads(done.stdout)
        assert answers[isa]["isa"] == isa
    wanted = [
        zlib.crc32(tifffile.imread(BytesIO(data)).tobytes())
        for dtype in ("u1", "u2", "f4")
        for _, data in grid_files(dtype)
    ]
    assert len(answers) == len(isas) >= 1
    assert all(answer["crc"] == wanted for answer in answers.values())


if __name__ == "__main__":
    crc = [zlib.crc32(io.imread(data).tobytes()) for dtype in ("u1", "u2", "f4") for _, data in grid_files(dtype)]
    sys.stdout.write(json.dumps({"isa": io.instruction_sets()[0], "crc": crc}))
