"""Pass one: sums over a sample of sites."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from kinfast import _native

SHAPE = (31, 45)


@pytest.fixture
def images() -> list[NDArray[np.uint16]]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 65536, SHAPE).astype(np.uint16) for _ in range(4)]


@pytest.fixture
def sources(images: list[NDArray[np.uint16]], tmp_path: Path) -> list[list[str]]:
    paths = [tmp_path / f"{i}.tif" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        tifffile.imwrite(path, image)
    return [[str(path)] for path in paths]


def cell_means(image: NDArray[np.uint16], rows: int, columns: int) -> NDArray[np.float64]:
    height, width = image.shape
    out = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            block = image[i * height // rows : (i + 1) * height // rows, j * width // columns :]
            block = block[:, : (j + 1) * width // columns - j * width // columns]
            out[i, j] = block.sum(dtype=np.int64) / block.size
    return out


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_grids_and_samples_equal_numpy(
    images: list[NDArray[np.uint16]], sources: list[list[str]], threads: int
) -> None:
    sample = _native.sample_field(sources, 8, 3, None, threads)
    assert sample.shape == SHAPE
    assert sample.n_images == 4
    assert sample.failed == []
    means = np.stack([cell_means(image, 8, 12) for image in images])  # 45 / 31 * 8 cells, rounded
    np.testing.assert_array_equal(sample.thumbnails, means.astype(np.float32))
    np.testing.assert_array_equal(sample.pixel_min, means.min(axis=0))
    total = np.sum([image.astype(np.int64) for image in images], axis=0)
    cells = cell_means(total.astype(np.uint32), 8, 12)  # type: ignore[arg-type]
    # Two quotients against one, each rounded once.
    np.testing.assert_allclose(sample.grid_mean, cells / 4, rtol=2.0**-52)
    np.testing.assert_array_equal(sample.samples, np.stack([image[::3, ::3] for image in images]))


def test_planes_are_projected(images: list[NDArray[np.uint16]], sources: list[list[str]]) -> None:
    sample = _native.sample_field([[sources[0][0], sources[1][0]]], 31, 1, SHAPE, 1)
    np.testing.assert_array_equal(sample.samples[0], np.maximum(images[0], images[1]))


def test_what_fails_is_listed_and_left_out(sources: list[list[str]], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "small.tif", np.zeros((5, 6), np.uint16))
    mixed = [[str(tmp_path / "small.tif")], sources[0], [str(tmp_path / "missing.tif")], sources[1], []]
    sample = _native.sample_field(mixed, 8, 3, None, 2)
    assert sample.n_images == 2
    assert sample.shape == SHAPE
    assert [index for index, _ in sample.failed] == [0, 2, 4]
    assert "5x6" in sample.failed[0][1]
    assert "missing.tif" in sample.failed[1][1]
    assert len(sample.thumbnails) == len(sample.samples) == 2


def test_a_stated_shape_is_wanted_of_all(sources: list[list[str]]) -> None:
    sample = _native.sample_field(sources, 8, 3, (10, 10), 1)
    assert sample.n_images == 0
    assert len(sample.failed) == 4
    assert sample.grid_mean.size == 0


def test_arrays_outlive_the_sample(images: list[NDArray[np.uint16]], sources: list[list[str]]) -> None:
    samples = _native.sample_field(sources, 8, 1, None, 1).samples
    np.testing.assert_array_equal(samples[2], images[2])


def test_arguments_that_cannot_work_are_refused(sources: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        _native.sample_field(sources, 0, 1, None, 1)
    with pytest.raises(ValueError, match="at least 1"):
        _native.sample_field(sources, 1, 0, None, 1)
