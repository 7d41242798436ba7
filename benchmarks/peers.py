"""Decoders of one signature: a path, and an array that is decoded into where the library can do that; one thread."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from kinfast import io

Decoder = Callable[[Path, NDArray[Any]], NDArray[Any] | None]


def read_kinfast(path: Path, out: NDArray[Any]) -> NDArray[Any]:
    return io.imread(path, out=out)


def read_tifffile(path: Path, out: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(tifffile.imread(path, out=out, maxworkers=1))


def read_imagecodecs(path: Path, out: NDArray[Any]) -> NDArray[Any]:
    """libtiff, as imagecodecs builds it."""
    return np.asarray(imagecodecs.tiff_decode(path.read_bytes(), out=out))


def read_opencv(path: Path, out: NDArray[Any]) -> NDArray[Any] | None:
    """libtiff, as OpenCV builds it; None where it cannot, or makes colours of a palette."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.imread(str(path), out, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None


PEERS: dict[str, Decoder] = {"tifffile": read_tifffile, "libtiff": read_imagecodecs, "OpenCV": read_opencv}
