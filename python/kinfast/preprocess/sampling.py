"""Pass one: a stated, seeded sample of a plate's sites is decoded to fit its fields, windows and thresholds."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinfast import _native
from kinfast.domain import Plate, Site
from kinfast.progress import Reporter

GRID_SIDE = 64
"""Grid cells along the shorter side: cells of some 20 um, finer than a cell, so that gaps between cells show."""
SAMPLE_SIDE = 128
"""Raw pixels kept along the shorter side."""
SHAPE_FILES = 512
"""Files whose header is read, at most, to tell which shape most of the plate's images have."""
CHUNK = 64
"""Images a native call: progress and Ctrl-C live between calls."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelSample:
    """What pass one keeps of one channel of a plate.

    Attributes:
        sites: (n,) int64, positions of the sites in the plate, of what could be read.
        thumbnails: (n, gh, gw) float32, mean raw counts of each grid cell.
        samples: (n, sh, sw) uint16, every `stride`-th raw pixel.
        stride: raw pixels from one sample to the next.
    """

    sites: NDArray[np.int64]
    thumbnails: NDArray[np.float32]
    samples: NDArray[np.uint16]
    stride: int


def choose_sites(plate: str, n_sites: int, sample_sites: int, seed: int) -> NDArray[np.int64]:
    """Choose the sites of pass one: all of a small plate, else a seeded sample of them, in rising order.

    The seed is mixed with the plate's name, so that a plate's sample does not depend on the other plates.
    """
    if n_sites <= sample_sites:
        return np.arange(n_sites)
    words = np.frombuffer(hashlib.sha256(plate.encode()).digest(), np.uint32)
    rng = np.random.default_rng([seed, *words.tolist()])
    return np.sort(rng.choice(n_sites, sample_sites, replace=False))


def site_paths(root: Path, site: Site) -> list[list[str]]:
    """Give the planes' absolute paths, a list for each channel."""
    return [[str(root / image.path) for image in planes] for planes in site.channels]


@dataclass(frozen=True, slots=True)
class Headers:
    """What the headers of some of a plate's files say.

    Attributes:
        shape: (H, W) of most; of shapes that are equally common the larger one; None where no header can be read.
        n_read: headers that could be read.
        paged: paths of the files that have several pages.
    """

    shape: tuple[int, int] | None
    n_read: int
    paged: tuple[str, ...]

    def say_paged(self, plate: str) -> str:
        """Say that further pages are left out; nothing where there are none."""
        if not self.paged:
            return ""
        return (
            f"{plate}: {len(self.paged)} of {self.n_read} files looked at have several pages, such as {self.paged[0]}: "
            "the first of each is used; planes and channels must be files of their own"
        )


def look_at_headers(root: Path, plate: Plate, chosen: NDArray[np.int64]) -> Headers:
    """Read the headers of the chosen sites' files, of `SHAPE_FILES` at most."""
    files = [planes[0].path for i in chosen for planes in plate.sites[i].channels]
    step = -(-len(files) // SHAPE_FILES) if files else 1
    shapes: Counter[tuple[int, int]] = Counter()
    paged: list[str] = []
    n_read = 0
    for path in files[::step]:
        try:
            info = _native.read_info(str(root / path), 0)
        except (_native.TiffError, OSError, IndexError):
            continue
        n_read += 1
        if len(info.shape) == 2:
            shapes[info.shape[0], info.shape[1]] += 1
        if info.pages > 1:
            paged.append(path)
    most = max(shapes, key=lambda shape: (shapes[shape], shape[0] * shape[1], shape), default=None)
    return Headers(most, n_read, tuple(paged))


def sample_channel(
    sources: Sequence[Sequence[str]], sites: NDArray[np.int64], shape: tuple[int, int], threads: int, reporter: Reporter
) -> ChannelSample:
    """Decode one channel of the chosen sites; what cannot be read is left out here and reported by pass two.

    Args:
        sources: planes' paths of each chosen site.
        sites: (n,) int64, their positions in the plate.
        shape: (H, W) that every image must have.
        threads: threads of the decoding; they do not change the result.
        reporter: told of each chunk.
    """
    stride = sample_stride(shape)
    kept, thumbnails, samples = [], [], []
    for start in range(0, len(sources), CHUNK):
        chunk = sources[start : start + CHUNK]
        part = _native.sample_field(chunk, GRID_SIDE, stride, shape, threads)
        failed = {index for index, _ in part.failed}
        kept += [sites[start + i] for i in range(len(chunk)) if i not in failed]
        if part.n_images:
            thumbnails.append(part.thumbnails)
            samples.append(part.samples)
        reporter.advance(len(chunk))
    if not kept:
        return ChannelSample(np.empty(0, np.int64), *_nothing(shape, stride), stride)
    return ChannelSample(np.array(kept, np.int64), np.concatenate(thumbnails), np.concatenate(samples), stride)


def sample_stride(shape: tuple[int, int]) -> int:
    """Give the raw pixels from one sample to the next: some `SAMPLE_SIDE` samples along the shorter side."""
    return max(1, round(min(shape) / SAMPLE_SIDE))


def _nothing(shape: tuple[int, int], stride: int) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    height, width = (-(-side // stride) for side in shape)
    return np.empty((0, *grid_of(shape)), np.float32), np.empty((0, height, width), np.uint16)


def grid_of(shape: tuple[int, int]) -> tuple[int, int]:
    """Give the grid for images of a shape: `GRID_SIDE` cells along the shorter side, never more than pixels."""
    shorter = min(shape)
    side = min(GRID_SIDE, shorter)
    height, width = ((length * side + shorter // 2) // shorter for length in shape)
    return height, width
