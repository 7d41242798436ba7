"""TIFF files by hand, for what tifffile does not write: any tag, and LZW as others wrote it."""

import struct
from collections.abc import Mapping, Sequence
from itertools import accumulate

Value = int | bytes | Sequence[int]

ASCII, LONG, LONG8 = 2, 4, 16
STRIP_OFFSETS, STRIP_COUNTS, TILE_OFFSETS, TILE_COUNTS, TILE_WIDTH = 273, 279, 324, 325, 322


def write_page(
    tags: Mapping[int, Value], segments: Sequence[bytes], byteorder: str = "<", bigtiff: bool = False
) -> bytes:
    """One page: header, segments, tags, and what the tags point to. An empty segment was never written.

    Offsets and byte counts are set where `tags` do not name them. Text (bytes) becomes ASCII, integers LONG or LONG8.
    """
    start = 16 if bigtiff else 8
    places = [start, *accumulate((len(segment) for segment in segments), initial=start)][1:]
    offsets = [place if segment else 0 for place, segment in zip(places, segments, strict=False)]
    names = (TILE_OFFSETS, TILE_COUNTS) if TILE_WIDTH in tags else (STRIP_OFFSETS, STRIP_COUNTS)
    placed = dict(zip(names, (offsets, [len(segment) for segment in segments]), strict=True))
    ifd = write_ifd({**placed, **tags}, places[-1], byteorder, bigtiff)
    mark = b"II" if byteorder == "<" else b"MM"
    rest = struct.pack(f"{byteorder}HHHQ", 43, 8, 0, places[-1]) if bigtiff else b""
    head = rest or struct.pack(f"{byteorder}HI", 42, places[-1])
    return mark + head + b"".join(segments) + ifd


def write_ifd(tags: Mapping[int, Value], at: int, byteorder: str, bigtiff: bool, next_ifd: int = 0) -> bytes:
    """The directory that stands at byte `at`, and behind it the values that do not fit into their entries."""
    word, size = ("Q", 8) if bigtiff else ("I", 4)
    entries, behind = b"", b""
    after = at + (8 if bigtiff else 2) + len(tags) * (20 if bigtiff else 12) + size
    for tag, value in sorted(tags.items()):
        kind, count, content = pack_value(value, byteorder + word)
        if len(content) > size:
            inline, behind = struct.pack(byteorder + word, after + len(behind)), behind + content
        else:
            inline = content.ljust(size, b"\0")
        entries += struct.pack(f"{byteorder}HH{word}", tag, kind, count) + inline
    counted = struct.pack(byteorder + ("Q" if bigtiff else "H"), len(tags))
    return counted + entries + struct.pack(byteorder + word, next_ifd) + behind


def pack_value(value: Value, word: str) -> tuple[int, int, bytes]:
    """(type, count, bytes) of a tag's value."""
    if isinstance(value, bytes):
        return ASCII, len(value) + 1, value + b"\0"
    numbers = [value] if isinstance(value, int) else value
    content = b"".join(struct.pack(word, number) for number in numbers)
    return LONG8 if word[1] == "Q" else LONG, len(numbers), content


def encode_lzw(data: bytes, old_style: bool = False, end_code: bool = True, spare: int = 2) -> bytes:
    """TIFF's LZW; `old_style` as the first libtiff wrote it: lowest bit first, widths one code later.

    `spare`: codes left in the table when it is cleared; 0 fills it to the last one.
    """
    codes: list[tuple[int, int]] = [(256, 9)]
    table = {bytes([byte]): byte for byte in range(256)}
    text, following, width = b"", 258, 9
    for byte in data:
        longer = text + bytes([byte])
        if longer in table:
            text = longer
            continue
        codes.append((table[text], width))
        table[longer] = following
        # The decoder's table is one string behind.
        width = min(12, width + (following + (not old_style) >= 1 << width))
        following += 1
        text = bytes([byte])
        if following == 4096 - spare:
            codes += [(table[text], width), (256, width)]
            table = {bytes([value]): value for value in range(256)}
            text, following, width = b"", 258, 9
    if text:
        codes.append((table[text], width))
        width = min(12, width + (following + (not old_style) >= 1 << width))
    return pack_codes(codes + [(257, width)] * end_code, old_style)


def pack_codes(codes: Sequence[tuple[int, int]], old_style: bool) -> bytes:
    """(code, width) one after another, without a gap; the last byte is filled up with zeros."""
    texts = (f"{code:0{width}b}" for code, width in codes)
    bits = "".join(text[::-1] if old_style else text for text in texts)
    bits = bits.ljust((len(bits) + 7) // 8 * 8, "0")
    whole = [bits[at : at + 8] for at in range(0, len(bits), 8)]
    return bytes(int(byte[::-1] if old_style else byte, 2) for byte in whole)
