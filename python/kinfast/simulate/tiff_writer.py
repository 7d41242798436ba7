"""TIFF bytes in any of the compressions that microscopes and their exports use, written atomically."""

import io
from pathlib import Path
from typing import Any

import tifffile

from kinfast.domain import AnyArray

_CODECS: dict[str, str | None] = {
    "none": None,
    "lzw": "lzw",
    "deflate": "zlib",
    "zstd": "zstd",
    "packbits": "packbits",
}
"""tifffile's names of our compressions."""


def encode_tiff(image: AnyArray, compression: str, predictor: bool, pixel_um: float) -> bytes:
    """Write one page: (H, W) grey or (H, W, 3) RGB, with the pixel size in the resolution tags."""
    buffer = io.BytesIO()
    options: dict[str, Any] = {"compression": _CODECS[compression], "predictor": predictor or None}
    tifffile.imwrite(
        buffer,
        image,
        photometric="rgb" if image.ndim == 3 else "minisblack",
        resolution=(1e4 / pixel_um, 1e4 / pixel_um),
        resolutionunit="CENTIMETER",
        metadata=None,
        software="kinfast simulate",
        **options,
    )
    return buffer.getvalue()


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name beside the target, then rename, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
