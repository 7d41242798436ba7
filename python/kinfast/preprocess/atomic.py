"""Files that are there whole or not at all: written beside their place under a temporary name, then renamed."""

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinfast.domain import AnyArray


def write_bytes(path: Path, content: bytes) -> None:
    """Put a file in place at once; a reader sees the old one or the new one, whole. An equal file is left alone."""
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, keys in the order given, with floats in the shortest form that reads back the same."""
    write_bytes(path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as CSV with Unix line ends."""
    write_bytes(path, frame.to_csv(index=False, lineterminator="\n").encode())


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, engine="pyarrow", compression="zstd")
    write_bytes(path, buffer.getvalue())


def write_npz(path: Path, arrays: Mapping[str, Callable[[], AnyArray]]) -> None:
    """Write what `numpy.savez` would, without the time of day that a zip file may carry.

    Each array is made when its turn comes, and is not copied: only one of them is in memory.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, make in arrays.items():
                _write_member(archive, f"{name}.npy", np.require(make(), requirements="C"))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _write_member(archive: zipfile.ZipFile, name: str, array: AnyArray) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.file_size = len(header.getvalue()) + array.nbytes
    with archive.open(info, "w") as member:
        member.write(header.getvalue())
        member.write(array.reshape(-1).view(np.uint8).data)
