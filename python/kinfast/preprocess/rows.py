"""The image file of a plate, written row by row: rows first, the header when their number is known."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from kinfast.domain import StoreImages

HEADER_BYTES = 128
"""Room kept for the header: enough for any shape of four dimensions, and a multiple of 64 as the format asks."""


class RowWriter:
    """Appends (h, w, C) uint8 rows to a file that becomes a .npy of shape (n, h, w, C). A context manager."""

    def __init__(self, path: Path, row_shape: tuple[int, int, int]) -> None:
        self._path = path
        self._row_shape = row_shape
        self._row_bytes = int(np.prod(row_shape))
        self._file = -1
        self.n_rows = 0

    def __enter__(self) -> Self:
        self._file = os.open(self._path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o666)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def append(self, rows: StoreImages) -> None:
        """Write (n, h, w, C) uint8 rows, C order, behind those before."""
        if rows.shape[1:] != self._row_shape or rows.dtype != np.uint8:
            raise ValueError(f"rows are {rows.dtype} {rows.shape[1:]}, wanted uint8 {self._row_shape}")
        if not len(rows):  # a batch without a sound site: bytes cannot be viewed where there are none
            return
        content = memoryview(np.ascontiguousarray(rows)).cast("B")  # type: ignore[arg-type]  # 3.11 has no Buffer
        self._write(content, HEADER_BYTES + self.n_rows * self._row_bytes)
        self.n_rows += len(rows)

    def commit(self) -> None:
        """Write the header, and wait until all is on the disk."""
        self._write(memoryview(npy_header((self.n_rows, *self._row_shape))), 0)
        os.fsync(self._file)

    def _write(self, content: memoryview, offset: int) -> None:
        while content:  # a disk that fills up takes a part, and says so at the next one
            written = os.pwrite(self._file, content, offset)
            content, offset = content[written:], offset + written


def npy_header(shape: tuple[int, ...]) -> bytes:
    """Give a .npy header (format 1.0) of `HEADER_BYTES` bytes for uint8 in C order."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    room = HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + room.to_bytes(2, "little") + text.ljust(room - 1) + b"\n"
