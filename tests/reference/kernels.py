"""The kernels again, in plain NumPy and Python loops; each states the same definition in other words."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (0.1, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.9)

_MASK = (1 << 64) - 1
_PRIMES = (
    11400714785074694791,
    14029467366897019727,
    1609587929392839161,
    9650029242287828579,
    2870177450012600261,
)


def xxh64(data: bytes, seed: int = 0) -> int:
    """XXH64, step by step as its specification numbers them."""
    p1, p2, p3, p4, p5 = _PRIMES

    def rotate(value: int, by: int) -> int:
        return ((value << by) | (value >> (64 - by))) & _MASK

    def lane_round(lane: int, value: int) -> int:
        return rotate((lane + value * p2) & _MASK, 31) * p1 & _MASK

    at = 0
    if len(data) < 32:
        acc = (seed + p5) & _MASK
    else:
        lanes = [(seed + p1 + p2) & _MASK, (seed + p2) & _MASK, seed, (seed - p1) & _MASK]
        while at + 32 <= len(data):
            for i in range(4):
                value = int.from_bytes(data[at + 8 * i : at + 8 * i + 8], "little")
                lanes[i] = lane_round(lanes[i], value)
            at += 32
        acc = sum(rotate(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            acc = ((acc ^ lane_round(0, lane)) * p1 + p4) & _MASK
    acc = (acc + len(data)) & _MASK
    while at + 8 <= len(data):
        acc ^= lane_round(0, int.from_bytes(data[at : at + 8], "little"))
        acc = (rotate(acc, 27) * p1 + p4) & _MASK
        at += 8
    if at + 4 <= len(data):
        acc ^= int.from_bytes(data[at : at + 4], "little") * p1 & _MASK
        acc = (rotate(acc, 23) * p2 + p3) & _MASK
        at += 4
    for byte in data[at:]:
        acc = rotate(acc ^ (byte * p5 & _MASK), 11) * p1 & _MASK
    acc = (acc ^ (acc >> 33)) * p2 & _MASK
    acc = (acc ^ (acc >> 29)) * p3 & _MASK
    return acc ^ (acc >> 32)


_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def hash_bytes(data: bytes) -> int:
    """XXH3 with 64 bits and no seed, and XXH64 for what is not longer than 240 bytes."""
    return xxh3_long(data) if len(data) > 240 else xxh64(data)


def xxh3_long(data: bytes) -> int:
    """XXH3 of more than 240 bytes: stripes of 64 bytes, 16 to a block."""

    def words(source: bytes, at: int, count: int = 8) -> list[int]:
        return [int.from_bytes(source[at + 8 * i : at + 8 * i + 8], "little") for i in range(count)]

    def take_stripe(at: int, key_at: int) -> None:
        values, keys = words(data, at), words(_SECRET, key_at)
        for i in range(8):
            mixed = values[i] ^ keys[i]
            lanes[i] = (lanes[i] + values[i ^ 1] + (mixed & 0xFFFFFFFF) * (mixed >> 32)) & _MASK

    p1, p2, p3, p4, p5 = _PRIMES
    lanes = [0xC2B2AE3D, p1, p2, p3, p4, 0x85EBCA77, p5, 0x9E3779B1]
    for number, at in enumerate(range(0, len(data) - 64, 64)):
        if number and number % 16 == 0:
            keys = words(_SECRET, 128)
            lanes = [(x ^ (x >> 47) ^ key) * 0x9E3779B1 & _MASK for x, key in zip(lanes, keys, strict=True)]
        take_stripe(at, number % 16 * 8)
    if (len(data) - 1) % 1024 < 64:  # a block that ended just before the last stripe
        keys = words(_SECRET, 128)
        lanes = [(x ^ (x >> 47) ^ key) * 0x9E3779B1 & _MASK for x, key in zip(lanes, keys, strict=True)]
    take_stripe(len(data) - 64, 192 - 64 - 7)
    merged = len(data) * p1
    for i, key in enumerate(words(_SECRET, 11)):
        lanes[i] ^= key
    for one, other in zip(lanes[::2], lanes[1::2], strict=True):
        merged += (one * other & _MASK) ^ (one * other >> 64)
    merged &= _MASK
    merged = (merged ^ (merged >> 37)) * 0x165667919E3779F9 & _MASK
    return merged ^ (merged >> 32)


def expand_field(grid: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Along x first, then along y; positions in double, values in float32."""

    def blend(values: NDArray[np.float32], n: int) -> NDArray[np.float32]:  # along the first axis
        cells = len(values)
        out = np.empty((n, *values.shape[1:]), np.float32)
        for i in range(n):
            centre = min(max((i + 0.5) * (cells / n) - 0.5, 0.0), cells - 1.0)
            before = int(np.floor(centre))
            after = min(before + 1, cells - 1)
            weight = np.float32(centre - before)
            out[i] = values[before] + (values[after] - values[before]) * weight
        return out

    along_x = blend(np.ascontiguousarray(grid.T), width).T
    return blend(np.ascontiguousarray(along_x), height)


def correct(
    raw: NDArray[np.uint16], flatfield: NDArray[np.float32], darkfield: NDArray[np.float32]
) -> NDArray[np.float32]:
    gain = expand_field(np.float32(1) / flatfield, *raw.shape)
    dark = expand_field(darkfield, *raw.shape)
    return (raw.astype(np.float32) - dark) * gain


def _covered(n_in: int, n_out: int, i: int) -> list[tuple[int, Fraction]]:
    """The input elements that output element i covers, and the covered share of each."""
    begin, end = Fraction(i * n_in, n_out), Fraction((i + 1) * n_in, n_out)
    shares = [(k, min(end, Fraction(k + 1)) - max(begin, Fraction(k))) for k in range(n_in)]
    return [(k, share) for k, share in shares if share > 0]


def area_resize(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Columns' sums in float32 from the top down, then rows' sums in float64 from left to right."""
    area = image.size / (height * width)
    out = np.empty((height, width), np.float32)
    columns = [_covered(image.shape[1], width, j) for j in range(width)]
    for i in range(height):
        sums = np.zeros(image.shape[1], np.float32)
        for y, share in _covered(image.shape[0], height, i):
            sums = sums + np.float32(float(share)) * image[y]
        for j, covered in enumerate(columns):
            total = 0.0
            for x, share in covered:
                total += float(np.float32(float(share))) * float(sums[x])
            out[i, j] = np.float32(total / area)
    return out


def exact_area_means(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float64]:
    """The same means in rational arithmetic, rounded once."""
    area = Fraction(image.size, height * width)
    out = np.empty((height, width))
    for i in range(height):
        rows = _covered(image.shape[0], height, i)
        for j in range(width):
            columns = _covered(image.shape[1], width, j)
            total = sum(
                (share_y * share_x * Fraction(float(image[y, x])) for y, share_y in rows for x, share_x in columns),
                Fraction(0),
            )
            out[i, j] = float(total / area)
    return out


def quantise(image: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    low32, high32 = np.float32(low), np.float32(high)
    scale = np.float32(255.0 / (float(high32) - float(low32)))
    with np.errstate(invalid="ignore", over="ignore"):
        levels = (image - low32) * scale
    levels = np.where(np.isnan(levels), np.float32(0), levels)
    return np.rint(np.clip(levels, 0, 255)).astype(np.uint8)


def percentiles(raw: NDArray[np.uint16]) -> NDArray[np.float64]:
    return np.percentile(raw, PERCENTILES, method="lower").astype(np.float64)


def focus(raw: NDArray[np.uint16]) -> float:
    """Products of differences of neighbouring rows of the 2 x 2 binned image; see the stub."""
    height, width = raw.shape[0] // 2, raw.shape[1] // 2
    if width < 3 or height < 2:
        return 0.0
    base, top = (int(p) for p in percentiles(raw[:: max(1, len(raw) // 64)])[[0, -1]])
    shift = 0
    while (top - base) >> shift > 1023:
        shift += 1
    levels = np.minimum(np.maximum(raw.astype(np.int64) - base, 0) >> shift, 1023)
    blocks = levels[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    binned = blocks.sum(axis=(1, 3)) >> 1
    slope = binned[:, 2:] - binned[:, :-2]
    curve = binned[:, 2:] + binned[:, :-2] - 2 * binned[:, 1:-1]
    slopes = int((slope[1:] * slope[:-1]).sum())
    curves = int((curve[1:] * curve[:-1]).sum())
    energy = int((slope[1:] ** 2).sum())
    noise = max(energy - slopes, 0) / 2.0 / np.sqrt(slope[1:].size)
    if slopes <= 4.0 * (np.sqrt(6.0) * noise):
        return 0.0
    return float(max(4.0 * (curves - 2.0 * (np.sqrt(70.0) * noise)) / slopes, 0.0))


def component_pixels(image: NDArray[np.float32], threshold: float, min_area: int) -> int:
    """Flood fill, with a stack."""
    left = image > np.float32(threshold)
    areas = []
    while left.any():
        seeds = [tuple(int(i) for i in np.argwhere(left)[0])]
        left[seeds[0]] = False
        area = 0
        while seeds:
            y, x = seeds.pop()
            area += 1
            for near_y in range(max(y - 1, 0), min(y + 2, left.shape[0])):
                for near_x in range(max(x - 1, 0), min(x + 2, left.shape[1])):
                    if left[near_y, near_x]:
                        left[near_y, near_x] = False
                        seeds.append((near_y, near_x))
        areas.append(area)
    return sum(area for area in areas if area >= min_area)
