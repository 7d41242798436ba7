"""Reads a prepared store: the table of sites and the memory-mapped images behind it."""

import hashlib
import itertools
import json
import mmap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast._native import gather_sites
from kinfast.config import STORE_FORMAT_VERSION
from kinfast.domain import StoreImages
from kinfast.errors import StoreError

DATASET = "dataset.json"
SITES = "sites.parquet"
HASHED_BLOCKS, HASHED_BYTES = 64, 4096
_NEEDED = ("channels", "composites", "streams", "image_size")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedStore:
    """A prepared store, opened for reading. Images stay on disk until `gather` asks for them.

    Attributes:
        root: the store's folder.
        dataset: what dataset.json says.
        sites: a row per site; a site's position in it is its row number everywhere in this room.
        kept: what loaders keep of the images in memory, by names of theirs, so that they share it.
    """

    root: Path
    dataset: dict[str, Any]
    sites: pd.DataFrame
    _images: dict[str, StoreImages]
    _files: tuple[str, ...]
    _file_codes: NDArray[np.int64]
    _indices: NDArray[np.int64]
    kept: dict[tuple[object, ...], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a store and check that all its parts are there and belong together.

        Raises:
            StoreError: it is absent, incomplete or of another format version.
        """
        dataset = _read_dataset(path)
        sites = _read_sites(path)
        files = tuple(sorted(sites[schema.IMAGE_FILE].unique()))
        height, width = dataset["image_size"]
        shape = (int(height), int(width), len(dataset["channels"]))
        images = {file: _map_images(path, file, shape) for file in files}
        indices = sites[schema.IMAGE_INDEX].to_numpy(np.int64)
        codes = pd.Index(files).get_indexer(sites[schema.IMAGE_FILE]).astype(np.int64)
        _check_indices(path, images, files, codes, indices)
        return cls(path, dataset, sites, images, files, codes, indices)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the stored channels, in the store's order."""
        return tuple(self.dataset["channels"])

    @property
    def composites(self) -> dict[str, tuple[str, ...]]:
        """Channels of each named composite of the data set's spec."""
        return {name: tuple(channels) for name, channels in self.dataset["composites"].items()}

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the composites that are the default streams."""
        return tuple(self.dataset["streams"])

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of every stored image, pixels."""
        height, width = self.dataset["image_size"]
        return int(height), int(width)

    def images(self, plate: str) -> StoreImages:
        """Give one plate's images as they lie on disk: (n_sites, h, w, n_channels) uint8, memory-mapped.

        Raises:
            StoreError: the store has no such plate.
        """
        files = self.sites.loc[self.sites[schema.PLATE] == plate, schema.IMAGE_FILE].unique()
        if len(files) == 0:
            raise StoreError(f"{self.root}: no plate {plate!r}; it holds {', '.join(self._plates())}")
        return self._images[str(files[0])]

    def gather(
        self,
        rows: NDArray[np.int64],
        channel_indices: NDArray[np.int64],
        out: StoreImages | None = None,
        threads: int = 1,
    ) -> StoreImages:
        """Copy sites' channels out of the store. Sorted rows are read in fewest stretches.

        Args:
            rows: (n,) int64 positions in `sites`, in any order.
            channel_indices: (C,) int64 positions in `channels`; they may repeat.
            out: (n, h, w, C) uint8, C order, to be filled; made when not given.
            threads: threads of the copy.

        Returns:
            (n, h, w, C) uint8, C order.

        Raises:
            IndexError: a row is no site, or a channel is not there.
        """
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self.sites)):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of a store of {len(self.sites)} sites")
        if out is None:
            out = np.empty((len(rows), *self.image_size, len(channel_indices)), np.uint8)
        channels = np.ascontiguousarray(channel_indices, np.int64)
        codes = self._file_codes[rows]
        starts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(rows)] if len(rows) else [0]
        for start, stop in itertools.pairwise(starts):
            images = self._images[self._files[codes[start]]]
            gather_sites(images, self._indices[rows[start:stop]], channels, out[start:stop], threads)
        return out

    def read_ahead(self, rows: NDArray[np.int64]) -> None:
        """Tell the system that these sites will be gathered soon, so that it reads them from disk meanwhile.

        Args:
            rows: (n,) int64 positions in `sites`.
        """
        if not hasattr(mmap, "MADV_WILLNEED"):
            return
        codes, indices = self._file_codes[rows], self._indices[rows]
        order = np.lexsort((indices, codes))
        breaks = (np.diff(codes[order]) != 0) | (np.diff(indices[order]) > 1)
        for stretch in np.split(order, np.flatnonzero(breaks) + 1):
            images = self._images[self._files[codes[stretch[0]]]]
            _advise(images, int(indices[stretch[0]]), int(indices[stretch[-1]]) + 1)

    def content_hash(self) -> str:
        """Tell these images from others: a SHA-256 of each file's shape and of blocks all over it, 64 at most.

        A store of gigabytes is not read whole for it. Which site is which picture goes in too.
        """
        digest = hashlib.sha256(self._file_codes.tobytes() + self._indices.tobytes())
        for file in self._files:
            images = self._images[file]
            flat = images.reshape(-1)
            digest.update(f"{file} {images.shape}".encode())
            for start in np.linspace(0, max(0, len(flat) - HASHED_BYTES), HASHED_BLOCKS, dtype=np.int64).tolist():
                digest.update(flat[start : start + HASHED_BYTES].tobytes())
        return digest.hexdigest()[:16]

    def _plates(self) -> list[str]:
        return [str(plate) for plate in self.sites[schema.PLATE].unique()]


def _read_dataset(path: Path) -> dict[str, Any]:
    file = path / DATASET
    if not file.is_file():
        raise StoreError(
            f"{path}: no prepared store ({DATASET} is missing): run `kinfast preprocess PLATES --out {path}`"
        )
    try:
        dataset = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreError(f"{file}: not JSON ({error}): preprocess again") from error
    version = dataset.get("format_version") if isinstance(dataset, dict) else None
    if version != STORE_FORMAT_VERSION:
        raise StoreError(f"{file}: store format {version}, wanted {STORE_FORMAT_VERSION}: preprocess again")
    missing = [key for key in _NEEDED if key not in dataset]
    if missing:
        raise StoreError(f"{file}: {', '.join(missing)} missing: preprocess again")
    return dict(dataset)


def _read_sites(path: Path) -> pd.DataFrame:
    file = path / SITES
    if not file.is_file():
        raise StoreError(f"{path}: incomplete store ({SITES} is missing): run preprocess again, it goes on from there")
    try:
        sites = pd.read_parquet(file)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise StoreError(f"{file}: cannot be read ({' '.join(str(error).split())}): preprocess again") from error
    missing = [name for name in (*schema.KEY, schema.IMAGE_FILE, schema.IMAGE_INDEX) if name not in sites.columns]
    if missing:
        raise StoreError(f"{file}: columns {', '.join(missing)} missing: preprocess again")
    if sites.empty:
        raise StoreError(f"{file}: holds no site: look at {path / 'quarantine.csv'}, which says why")
    return sites.reset_index(drop=True)


def _map_images(path: Path, file: str, shape: tuple[int, int, int]) -> StoreImages:
    try:
        images: StoreImages = np.load(path / file, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:  # an empty file is an EOFError
        raise StoreError(
            f"{path / file}: cannot be opened ({' '.join(str(error).split())}): preprocess again"
        ) from error
    ordered = images.flags.c_contiguous
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape or not ordered:
        found = f"{images.dtype} {images.shape}{'' if ordered else ' not in C order'}"
        raise StoreError(
            f"{path / file}: holds {found}, wanted C-ordered uint8 (sites, {', '.join(map(str, shape))}): "
            "preprocess again"
        )
    return images


def _advise(images: StoreImages, start: int, stop: int) -> None:
    """Ask for images[start:stop] of a memory-mapped file."""
    mapped = images.base
    if not isinstance(images, np.memmap) or not isinstance(mapped, mmap.mmap):
        return
    # the map begins at the file's first byte, before the header, and advice at a page's first
    first = images.offset + start * images[0].nbytes
    begin = first - first % mmap.PAGESIZE
    mapped.madvise(mmap.MADV_WILLNEED, begin, images.offset + stop * images[0].nbytes - begin)


def _check_indices(
    path: Path,
    images: dict[str, StoreImages],
    files: tuple[str, ...],
    codes: NDArray[np.int64],
    indices: NDArray[np.int64],
) -> None:
    for code, file in enumerate(files):
        mine = indices[codes == code]
        if mine.min() < 0 or mine.max() >= len(images[file]):
            raise StoreError(
                f"{path / SITES}: image_index {mine.max()} is past the {len(images[file])} sites of {file}: "
                "preprocess again"
            )
