"""Broken files: which ones, and how each is broken."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tifffile

from kinfast.domain import RawImage
from kinfast.simulate.plan import NORMAL, Plan
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import CHANNELS, SimulationSettings
from kinfast.simulate.tiff_writer import encode_tiff

TRUNCATED, CORRUPT, MISSING = "truncated", "corrupt", "missing"
_POISON = {"lzw": b"\xff", "deflate": b"\xff", "zstd": b"\xff", "packbits": b"\x80"}
"""A byte that, repeated, no decoder of that codec accepts: an LZW code before any was defined, a header that is none,
PackBits' no-operation (which yields no pixel)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken file; sites are positions in the plan."""

    site_index: int
    channel: str
    kind: str


def choose_faults(plan: Plan) -> tuple[Fault, ...]:
    """Choose the broken files: at most one a site, never at a site with a planted condition, all kinds in turn."""
    settings = plan.settings
    rng = generator(settings.seed, Stream.FAULTS)
    sound = [index for index, site in enumerate(plan.sites) if site.condition == NORMAL]
    chosen = rng.permutation(sound)[: settings.broken]
    kinds = list(KINDS)
    return tuple(
        Fault(int(site), CHANNELS[int(rng.integers(len(CHANNELS)))], kinds[number % len(kinds)])
        for number, site in enumerate(chosen)
    )


def break_file(kind: str, image: RawImage, settings: SimulationSettings) -> bytes | None:
    """Give the bytes of a broken file; None where it is to be missing.

    kind: one of `KINDS`. image: (H, W) uint16, what the file would have held.
    """
    return KINDS[kind](image, settings)


def _sound(image: RawImage, settings: SimulationSettings) -> bytes:
    return encode_tiff(image, settings.compression, settings.predictor, settings.pixel_um)


def _truncated(image: RawImage, settings: SimulationSettings) -> bytes:
    content = _sound(image, settings)
    return content[: len(content) * 11 // 20]


def _corrupt(image: RawImage, settings: SimulationSettings) -> bytes:
    """Spoil the pixels' stream; without compression any byte is a pixel, so there the strip is moved past the end."""
    content = bytearray(_sound(image, settings))
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        page = tiff.pages.first
        offset, length = page.dataoffsets[0], page.databytecounts[0]
        where = page.tags["StripOffsets"].valueoffset
    if settings.compression == "none":
        content[where : where + 4] = (0x7FFFFFF0).to_bytes(4, "little")
    else:
        content[offset : offset + length] = _POISON[settings.compression] * length
    return bytes(content)


def _wrong_size(image: RawImage, settings: SimulationSettings) -> bytes:
    return _sound(np.ascontiguousarray(image[: image.shape[0] // 2]), settings)


def _wrong_channels(image: RawImage, settings: SimulationSettings) -> bytes:
    return encode_tiff(
        np.repeat(image[..., None], 3, axis=2), settings.compression, settings.predictor, settings.pixel_um
    )


def _zero_bytes(image: RawImage, settings: SimulationSettings) -> bytes:
    return b""


def _not_a_tiff(image: RawImage, settings: SimulationSettings) -> bytes:
    return b"<html><body>503 Service Unavailable: the share did not answer</body></html>\n"


def _missing(image: RawImage, settings: SimulationSettings) -> None:
    return None


KINDS: dict[str, Callable[[RawImage, SimulationSettings], bytes | None]] = {
    TRUNCATED: _truncated,
    CORRUPT: _corrupt,
    "wrong_size": _wrong_size,
    "wrong_channels": _wrong_channels,
    MISSING: _missing,
    "zero_bytes": _zero_bytes,
    "not_a_tiff": _not_a_tiff,
}
"""Every way in which a file can be broken, in the order in which they are planted."""
