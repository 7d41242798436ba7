"""Makes the fuzzer's seeds: small files of every kind the decoder knows, and bare streams for each codec.

PYTHONPATH=. python cpp/fuzz/make_corpus.py cpp/fuzz/corpus
"""

import hashlib
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from tests.reference.tiff_pages import encode_lzw, write_page

RNG = np.random.default_rng(0)
COMPRESSIONS = [None, "packbits", "lzw", "zlib", "zstd"]
PLAIN = {256: 9, 257: 7, 258: 8, 259: 1, 262: 1, 277: 1, 278: 7}
PIXELS = bytes(range(63))


def encode(pixels: np.ndarray[Any, Any], **options: Any) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, **{"photometric": "minisblack", "metadata": None, **options})
    return buffer.getvalue()


def draw(shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    return np.cumsum(RNG.integers(-3, 4, shape), axis=1).astype(dtype)


def written_by_tifffile() -> Iterator[bytes]:
    for index, (dtype, compression) in enumerate(product(["u1", "u2", "u4", "i8", "f2", "f4", "f8"], COMPRESSIONS)):
        layout: dict[str, Any] = [{"rowsperstrip": 5}, {"tile": (16, 16)}][index % 2]
        how = {"byteorder": "<>"[index // 2 % 2], "bigtiff": index % 3 == 0, "compression": compression, **layout}
        if compression is not None:
            how["predictor"] = [1, 3 if dtype[0] == "f" else 2][index // 3 % 2]
        samples = [(), (3,)][index % 4 == 1]
        yield encode(draw((13, 11, *samples), dtype), planarconfig="contig" if samples else None, **how)
    for compression in COMPRESSIONS:
        yield encode(draw((3, 20, 18), "u2"), planarconfig="separate", compression=compression, tile=(16, 16))
    yield encode(draw((5, 20, 18), "u1"), volumetric=True, tile=(2, 16, 16), compression="zlib")
    yield encode(draw((3, 6, 7), "u2"))
    yield encode(draw((6, 7, 3), "u1"), photometric="rgb", byteorder=">")
    yield encode(draw((6, 7), "u1"), photometric="palette", colormap=np.zeros((3, 256), np.uint16))


def sizes_of_a_pixel() -> Iterator[bytes]:
    small = draw((4, 4), "u2")
    yield encode(small, ome=True, metadata={"PhysicalSizeX": 0.3, "PhysicalSizeXUnit": "nm"})
    yield encode(small, imagej=True, resolution=(1.5, 1.5), metadata={"unit": "um"}, photometric=None)
    yield encode(small, resolution=(20000, 20000), resolutionunit="CENTIMETER")
    yield encode(small, description='<prop id="spatial-calibration-x" type="float" value="0.656"/>')
    yield encode(small, extratags=[(33628, 5, 7, [n for pair in zip(range(7), [220] * 7, strict=True) for n in pair])])
    note = (4).to_bytes(4, "little") + b"um\0\0" + (3).to_bytes(4, "little") + (10).to_bytes(4, "little")
    items = b"".join(item.to_bytes(4, "little") + (16 if item == 4 else 8).to_bytes(4, "little") for item in range(7))
    file = bytearray(write_page({**PLAIN, 33628: [0] * 14}, [note + PIXELS], "<"))
    file[-len(items) :] = items
    yield bytes(file)


def written_by_hand() -> Iterator[bytes]:
    for old_style, end_code, byteorder in product([False, True], [False, True], "<>"):
        yield write_page({**PLAIN, 259: 5}, [encode_lzw(PIXELS, old_style, end_code)], byteorder, byteorder == ">")
    for compression, stream in ((5, encode_lzw), (8, zlib.compress), (50000, imagecodecs.zstd_encode)):
        yield write_page({**PLAIN, 259: compression}, [stream(2 * PIXELS)])  # goes on after the last pixel
        yield write_page({**PLAIN, 259: compression, 266: 2}, [imagecodecs.bitorder_encode(stream(PIXELS))])
    for bits in (1, 4, 7, 10, 12, 14, 24, 33, 57, 64):
        width = 8 * len(PIXELS) // bits // 7
        yield write_page({**PLAIN, 256: max(width, 1), 258: bits}, [PIXELS], "<>"[bits % 2])
    yield write_page({**PLAIN, 278: 1}, [PIXELS[9 * row : 9 * row + 9] for row in range(7)])
    yield write_page({**PLAIN, 278: 4, 42113: b"77.5"}, [PIXELS[:36], b""])
    tiles = {**{tag: value for tag, value in PLAIN.items() if tag != 278}, 322: 16, 323: 16, 257: 20}
    yield write_page({**tiles, 42113: b"-1"}, [bytes(256), b""])
    yield write_page({**tiles, 256: 16, 257: 32}, [bytes(256), bytes(256)])
    for sample_format, bits in product((2, 3), (8, 16, 32, 64)):
        if (sample_format, bits) != (3, 8):
            pixels = {**PLAIN, 256: 3, 257: 2, 258: bits, 339: sample_format, 42113: b"-3"}
            yield write_page({**pixels, 278: 1}, [bytes(3 * bits // 8), b""])
    yield write_page({**PLAIN, 256: 3, 277: 3, 262: 6, 530: [1, 1], 284: 1}, [PIXELS])
    yield write_page({**PLAIN, 256: 3, 277: 3, 262: 6, 530: [2, 2]}, [PIXELS])
    yield write_page({**PLAIN, 279: 0}, [PIXELS], ">", True)


def refused() -> Iterator[bytes]:
    for tag, value in [
        (256, 0), (256, 2**32 - 1), (257, 2**31), (258, 65), (259, 7), (259, 999), (277, 0), (277, 70000), (278, 0),
        (317, 4), (317, 3), (339, 5), (339, 9), (258, [8, 16]), (273, 2**31), (279, 1), (32997, 9), (262, 40),
    ]:  # fmt: skip
        yield write_page({**PLAIN, **({277: 2} if tag == 258 else {}), tag: value}, [PIXELS])
    yield b"II\x2a\0\0\0\0\0"
    yield b"II\x2b\0\4\0\0\0"


def streams() -> Iterator[bytes]:
    noise, runs = RNG.integers(0, 5, 600).astype(np.uint8).tobytes(), bytes(900)
    for data, size in product((noise, runs, PIXELS), (64, 700)):
        wanted = size.to_bytes(2, "little")
        yield b"L" + wanted + encode_lzw(data)
        yield b"L" + wanted + encode_lzw(data, old_style=True, end_code=False)
        yield b"P" + wanted + imagecodecs.packbits_encode(data)
        yield b"Z" + wanted + imagecodecs.zstd_encode(data)
        for level, kind in product((1, 9), (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_FIXED)):
            packer = zlib.compressobj(level, strategy=kind)
            yield b"D" + wanted + packer.compress(data) + packer.flush()
        yield b"D" + wanted + zlib.compress(data, 0)
    yield b"L\xff\xff" + encode_lzw(RNG.integers(0, 256, 5000).astype(np.uint8).tobytes(), spare=0)
    for kind, parameter in product(b"HFU", (0, 1, 2, 3, 9, 11, 63)):
        yield bytes([kind, parameter, parameter % 3]) + noise[:70]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for make in (written_by_tifffile, sizes_of_a_pixel, written_by_hand, refused, streams):
        for content in make():
            name = f"{make.__name__}-{hashlib.sha256(content).hexdigest()[:12]}"
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
