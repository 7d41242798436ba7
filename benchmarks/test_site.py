"""From a site's TIFF to the store in one pass, against tifffile, NumPy and OpenCV doing the same, one thread.

Ours does all that the usual chain does, and more: an exact histogram, hashes of file and pixels, a focus that noise
cannot fool. Outputs are compared first.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from benchmarks.bare import read_and_add
from benchmarks.images import SIDE, STRIP_ROWS
from benchmarks.measuring import SMOKE, Measured, as_long, compare
from benchmarks.usual import PERCENTILES, measure_and_shrink, to_levels
from numpy.typing import NDArray

from kinfast import _native

STORED, N_IMAGES = (64, 2) if SMOKE else (256, 8)
LOW, HIGH = 50.0, 4000.0
CODECS = {"uncompressed": None, "Deflate": "zlib", "LZW": "lzw"}


@pytest.fixture(scope="module")
def grids() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A flat-field that falls off towards the corners, and a dark-field that is nearly flat."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    return (1.1 - 0.3 * (x**2 + y**2) / 2).astype(np.float32), (100 + 5 * x).astype(np.float32)


class FusedPass:
    """Process one file as many images of a site."""

    def __init__(self, path: Path, grids: tuple[NDArray[np.float32], NDArray[np.float32]], n_images: int) -> None:
        plan = _native.ChannelPlan(flatfield=grids[0], darkfield=grids[1], low=LOW, high=HIGH, saturation_value=65535)
        self.sites, self.plans = [[[str(path)]] * n_images], [plan] * n_images
        self.out = np.empty((1, STORED, STORED, n_images), np.uint8)

    def __call__(self) -> list[_native.ChannelResult]:
        return _native.process_sites(self.sites, self.plans, (SIDE, SIDE), self.out, 1)[0]


def per_image(measured: Measured, n_images: int) -> Measured:
    """Tell times of one image."""
    return Measured(measured.ratio, measured.ours / n_images, measured.theirs / n_images)


@pytest.mark.parametrize("codec", CODECS)
def test_one_pass_beats_the_usual_chain(
    codec: str,
    counts: NDArray[np.uint16],
    grids: tuple[NDArray[np.float32], NDArray[np.float32]],
    tmp_path: Path,
    record: Callable[[str, Measured], None],
) -> None:
    path = tmp_path / "site.tif"
    tifffile.imwrite(path, counts, compression=CODECS[codec], rowsperstrip=STRIP_ROWS, metadata=None)
    flatfield, darkfield = (_native.expand_field(grid, SIDE, SIDE) for grid in grids)

    def usual() -> NDArray[np.uint8]:
        raw = tifffile.imread(path, maxworkers=1)
        return to_levels(measure_and_shrink(raw, flatfield, darkfield, (STORED, STORED))[0], LOW, HIGH)

    ours = FusedPass(path, grids, N_IMAGES)
    levels = usual()
    (result, *_) = ours()
    # OpenCV adds up in float32 in another order: a level more or less where a mean lies between two.
    assert np.abs(ours.out[0, ..., 0].astype(int) - levels).max() <= 1
    assert (ours.out[0, ..., 0] != levels).mean() < 1e-3
    lower = np.percentile(counts, PERCENTILES, method="lower")  # the usual chain interpolates between two levels
    np.testing.assert_array_equal(result.statistics.percentiles, lower)
    measured = compare(ours, lambda: [usual() for _ in range(N_IMAGES)], repeats=2)
    record(f"fused pass {codec}", per_image(measured, N_IMAGES))


def test_one_pass_is_near_to_reading_alone(
    counts: NDArray[np.uint16],
    grids: tuple[NDArray[np.float32], NDArray[np.float32]],
    tmp_path: Path,
    record: Callable[[str, Measured], None],
) -> None:
    path = tmp_path / "site.tif"
    tifffile.imwrite(path, counts, metadata=None)
    ours = FusedPass(path, grids, N_IMAGES)
    with read_and_add(path) as bare:
        assert bare() >= int(counts.sum(dtype=np.uint64))  # and the header's few bytes
        measured = as_long(compare(ours, lambda: [bare() for _ in range(N_IMAGES)]))
    record("fused pass uncompressed, times as long as", per_image(measured, N_IMAGES))
