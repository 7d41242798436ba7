"""Whatever tifffile writes, kinfast reads as tifffile does; a damaged copy gives pixels or a typed error."""

from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kinfast import io

INTEGERS = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8"]
FLOATS = ["f2", "f4", "f8"]
COMPRESSIONS = [None, "packbits", "lzw", "zlib", "adobe_deflate", "zstd"]
SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))


def make_pixels(shape: tuple[int, ...], dtype: str, seed: int) -> NDArray[Any]:
    """Smooth counts with noise, and for floats any bits at all: runs, differences and carries all occur."""
    rng = np.random.default_rng(seed)
    if seed % 3 == 0:
        return np.frombuffer(rng.bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype).reshape(shape)
    steps = rng.integers(-3, 4, shape) * (rng.random(shape) < 0.3)
    return np.cumsum(steps, axis=1).astype(dtype)


def tifffile_page(data: bytes, page: int = 0) -> NDArray[Any]:
    with tifffile.TiffFile(BytesIO(data)) as file:
        return np.asarray(file.pages[page].asarray())


def assert_same(found: NDArray[Any], wanted: NDArray[Any]) -> None:
    """Bit for bit: NaN equals the same NaN."""
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    assert found.tobytes() == np.ascontiguousarray(wanted).tobytes()


@st.composite
def tiff_files(draw: st.DrawFn) -> bytes:
    height, width = draw(SHAPES)
    dtype = draw(st.sampled_from(INTEGERS + FLOATS))
    samples, planar = draw(st.sampled_from([(1, None), (2, "contig"), (3, "contig"), (3, "separate"), (5, "separate")]))
    shape: tuple[int, ...] = (height, width)
    if samples > 1:
        shape = (height, width, samples) if planar == "contig" else (samples, height, width)
    compression = draw(st.sampled_from(COMPRESSIONS))
    options: dict[str, Any] = {
        "photometric": "minisblack",
        "planarconfig": planar,
        "compression": compression,
        "byteorder": draw(st.sampled_from("<>")),
        "bigtiff": draw(st.booleans()),
        "metadata": None,
    }
    if compression is not None:
        options["predictor"] = draw(st.sampled_from([1, 3 if dtype in FLOATS else 2]))
    if draw(st.booleans()):
        options["tile"] = (16 * draw(st.integers(1, 3)), 16 * draw(st.integers(1, 3)))
    else:
        options["rowsperstrip"] = draw(st.integers(1, height))
    pixels = make_pixels(shape, dtype, draw(st.integers(0, 10**6)))
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


@settings(max_examples=400, deadline=None)
@given(tiff_files())
def test_pixels_equal_tifffile(data: bytes) -> None:
    wanted = tifffile_page(data)
    assert_same(io.imread(data), wanted)
    with NamedTemporaryFile(suffix=".tif") as file:  # read piece by piece, where bytes are at hand as a whole
        file.write(data)
        file.flush()
        assert_same(io.imread(file.name), wanted)
    info = io.read_info(data)
    assert (info.shape, info.dtype) == (wanted.shape, wanted.dtype.name)


@settings(max_examples=100, deadline=None)
@given(tiff_files(), st.data())
def test_a_damaged_copy_gives_pixels_or_a_typed_error(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data[: draw.draw(st.integers(0, len(data)), label="kept")])
    for _ in range(draw.draw(st.integers(0, 4), label="flips") if damaged else 0):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    try:
        assert io.imread(bytes(damaged)).size > 0
    except io.TiffError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


@settings(max_examples=60, deadline=None)
@given(SHAPES, st.integers(1, 16), st.sampled_from([None, "zlib", "lzw"]), st.sampled_from([1, 3]), st.booleans())
def test_packed_samples_of_any_width(
    size: tuple[int, int], bits: int, compression: str | None, samples: int, reversed_bits: bool
) -> None:
    """Written by hand, since tifffile does not write packed samples; each row begins at a byte."""
    height, width = size
    rng = np.random.default_rng(bits * 1000 + height)
    pixels = rng.integers(0, 2**bits, (height, width * samples), dtype=np.uint16)
    as_bits = (pixels[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    packed = np.packbits(as_bits.reshape(height, -1).astype(np.uint8), axis=1).tobytes()
    stored = {None: bytes, "zlib": imagecodecs.zlib_encode, "lzw": imagecodecs.lzw_encode}[compression](packed)
    if reversed_bits:
        stored = imagecodecs.bitorder_encode(stored)
    data = write_page(height, width, samples, bits, {None: 1, "zlib": 8, "lzw": 5}[compression], reversed_bits, stored)
    found = io.imread(data)
    assert found.dtype == (np.uint8 if bits <= 8 else np.uint16)
    np.testing.assert_array_equal(found.reshape(height, -1), pixels)


def write_page(
    height: int, width: int, samples: int, bits: int, compression: int, reversed_bits: bool, stored: bytes
) -> bytes:
    """A big-endian file of one strip; BitsPerSample is given once, for all samples."""
    fields = {
        256: width,
        257: height,
        258: bits,
        259: compression,
        262: 1,
        266: 2 if reversed_bits else 1,
        273: 8,
        277: samples,
        278: height,
        279: len(stored),
        284: 1,
    }
    ifd = 8 + len(stored)
    entries = b"".join(
        np.array([tag, 4], ">u2").tobytes() + np.array([1, n], ">u4").tobytes() for tag, n in fields.items()
    )
    count = np.array([len(fields)], ">u2").tobytes()
    return b"MM\0*" + np.array([ifd], ">u4").tobytes() + stored + count + entries + bytes(4)
