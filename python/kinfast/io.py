"""Reading microscope images: the public face of the native TIFF decoder."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from kinfast import _native
from kinfast._native import FormatError, IoError, LimitsError, TiffError, UnsupportedError

if TYPE_CHECKING:
    from kinfast._native import ImageInfo

__all__ = [
    "FormatError",
    "IoError",
    "LimitsError",
    "TiffError",
    "UnsupportedError",
    "imread",
    "imread_many",
    "instruction_sets",
    "read_info",
]

Source = str | os.PathLike[str] | bytes
"""A path, or the bytes of a whole file."""


def imread(source: Source, *, page: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Read one page of a TIFF file.

    Args:
        source: a path, or the bytes of a whole file.
        page: 0-based.
        out: a C-contiguous, writable array of the page's very shape and dtype to decode into; saves an allocation.

    Returns:
        The pixels in native byte order, shaped as tifffile shapes them: grey and palette (H, W), chunky (H, W, S),
        planar (S, H, W); D before H in a volume stored as one page. A palette's index is the pixel; MINISWHITE is not
        inverted, orientation not applied; 1-bit images are uint8 0/1; 10 to 14 bits become uint16, 24 bits uint32.
        Strips or tiles that were never written hold GDAL's no-data value or 0. `out` where it was given.

    Raises:
        FormatError: the file contradicts itself or ends too early.
        UnsupportedError: it is legal and uses something that is not decoded here.
        LimitsError: it asks for more memory than an image can need.
        IoError: it cannot be opened or read.
        IndexError: there is no such page.
        TypeError, ValueError: `out` does not fit.
    """
    return _native.decode(_plain(source), page, out)


def imread_many(
    sources: Sequence[Source], *, threads: int = 1, errors: Literal["raise", "return"] = "raise"
) -> list[NDArray[Any] | Exception]:
    """Read the first page of many files, several at once, in the order given.

    Args:
        sources: paths, or bytes of whole files.
        threads: how many to decode at a time.
        errors: "raise" the first failure (in the order of sources), or "return" it in its place in the list.

    Returns:
        An array for each source, as `imread` gives it, or the exception where errors="return".
    """
    if errors not in ("raise", "return"):
        raise ValueError(f"errors={errors!r}: wanted 'raise' or 'return'")
    batch = max(64, 16 * threads)
    results: list[NDArray[Any] | Exception] = []
    for start in range(0, len(sources), batch):  # an interrupt is heard between two native calls
        found = _native.decode_many([_plain(source) for source in sources[start : start + batch]], threads)
        if errors == "raise":
            for result in found:
                if isinstance(result, Exception):
                    raise result
        results += found
    return results


def read_info(source: Source, *, page: int = 0) -> "ImageInfo":
    """Read what a page says of itself (shape, dtype, compression, …) without decoding it."""
    return _native.read_info(_plain(source), page)


def _plain(source: Source) -> str | bytes:
    return source if isinstance(source, bytes) else os.fspath(source)


def instruction_sets() -> tuple[str, list[str]]:
    """Give the instruction set that the native kernels use, and those that this CPU has."""
    return _native.active_isa(), _native.available_isas()
