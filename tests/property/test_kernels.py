"""Whatever the input, a kernel gives its oracle's very bits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.reference import kernels as oracle

from kinfast import _native

FEW = settings(max_examples=60, deadline=None)

floats32 = st.floats(-1e6, 1e6, width=32)
sides = st.integers(1, 24)


def images(dtype: Any, elements: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    return hnp.arrays(dtype, st.tuples(sides, sides), elements=elements)


def grids(low: float, high: float) -> st.SearchStrategy[Any]:
    shape = st.tuples(st.integers(1, 6), st.integers(1, 6))
    return hnp.arrays(np.float32, shape, elements=st.floats(low, high, width=32))


@FEW
@given(st.binary(max_size=300), st.integers(1, 12))
def test_hash_bytes(data: bytes, times: int) -> None:
    assert _native.hash_bytes(data * times) == oracle.hash_bytes(data * times)


@FEW
@given(images(np.float32, floats32), st.data())
def test_area_resize(image: Any, data: st.DataObject) -> None:
    height = data.draw(st.integers(1, image.shape[0]))
    width = data.draw(st.integers(1, image.shape[1]))
    resized = _native.area_resize(image, height, width)
    np.testing.assert_array_equal(resized, oracle.area_resize(image, height, width))
    exact = oracle.exact_area_means(image, height, width)
    # k rows are added up in float32, with a rounded weight and a rounded product each, and the result is rounded
    # once: (2 k + 2) roundings of 2^-24 of the largest magnitude.
    k = -(-image.shape[0] // height) + 1
    bound = (2 * k + 2) * 2.0**-24 * np.abs(image).max() + np.finfo(np.float32).tiny
    assert np.abs(resized - exact).max() <= bound


@FEW
@given(grids(-1e4, 1e4), sides, sides)
def test_expand_field(grid: Any, height: int, width: int) -> None:
    expanded = _native.expand_field(grid, height, width)
    np.testing.assert_array_equal(expanded, oracle.expand_field(grid, height, width))


@FEW
@given(images(np.uint16), grids(0.125, 4.0), grids(-300.0, 3000.0))
def test_correct(raw: Any, flatfield: Any, darkfield: Any) -> None:
    corrected = _native.correct(raw, flatfield, darkfield)
    np.testing.assert_array_equal(corrected, oracle.correct(raw, flatfield, darkfield))


@FEW
@given(images(np.uint16), grids(0.5, 2.0), st.floats(0, 0.05))
def test_a_blend_of_reciprocals_is_nearly_the_reciprocal_of_the_blend(raw: Any, grid: Any, spread: float) -> None:
    flatfield = 1 + np.float32(spread) * (grid - np.float32(1.25))
    none = np.zeros((1, 1), np.float32)
    corrected = _native.correct(raw, flatfield, none)
    divided = raw.astype(np.float64) / _native.expand_field(flatfield, *raw.shape)
    # Along each axis, at most a quarter of the squared difference of two cells, over their product (the smallest cell
    # is above 0.96); and a few roundings of 2^-24.
    bound = 2 * (np.ptp(flatfield) / 0.96) ** 2 / 4 * 1.01 + 8 * 2.0**-24
    assert (np.abs(corrected - divided) <= bound * divided).all()


@FEW
@given(
    images(np.float32, st.floats(width=32)),
    st.floats(-1e4, 1e4, width=32),
    st.floats(0.0625, 1e4, width=32),
)
def test_quantise(image: Any, low: float, width: float) -> None:
    high = float(np.float32(low) + np.float32(width))
    np.testing.assert_array_equal(_native.quantise(image, low, high), oracle.quantise(image, low, high))


@FEW
@given(images(np.uint16), st.integers(0, 65535))
def test_statistics(raw: Any, saturation: int) -> None:
    found = _native.statistics(raw, saturation)
    assert (found.minimum, found.maximum) == (raw.min(), raw.max())
    np.testing.assert_array_equal(found.percentiles, oracle.percentiles(raw))
    # The sum is an exact integer here and in NumPy, where fewer than 2^53; the quotient is rounded once.
    assert found.mean == raw.sum(dtype=np.int64) / raw.size
    # Fewer than 600 squares, none negative, each rounded thrice: 2^-53 times some 600.
    assert found.std == pytest.approx(raw.std(dtype=np.float64), rel=1e-12, abs=1e-12)
    assert found.saturated_fraction == (raw >= saturation).mean()
    assert found.focus == oracle.focus(raw)


@pytest.mark.parametrize("height", [63, 127, 128, 130, 200])
def test_focus_of_a_tall_image_samples_its_rows(height: int) -> None:
    """Bright rows that lie between the sampled ones move no bound."""
    rng = np.random.default_rng(height)
    coarse = np.kron(rng.integers(0, 3000, (height // 16 + 1, 15)), np.ones((16, 4)))
    raw = coarse[:height] + rng.integers(0, 60, (height, 60))
    raw[5::11] += 30000
    raw = raw.astype(np.uint16)
    found = _native.statistics(raw, 65535)
    assert found.focus == oracle.focus(raw) > 0
    np.testing.assert_array_equal(found.percentiles, oracle.percentiles(raw))


@FEW
@given(images(np.uint16))
def test_histogram(raw: Any) -> None:
    np.testing.assert_array_equal(_native.histogram(raw), np.bincount(raw.ravel(), minlength=65536))


@FEW
@given(images(np.float32, st.sampled_from([0.0, 1.0, 2.0])), st.integers(0, 5))
def test_nuclei_cover_the_components_that_are_large_enough(image: Any, min_area: int) -> None:
    assert _native.count_nuclei(image, 0.5, min_area)[1] == oracle.component_pixels(image, 0.5, min_area)


@FEW
@given(st.data())
def test_max_project(data: st.DataObject) -> None:
    first = data.draw(images(np.uint16))
    planes = [first, *data.draw(st.lists(hnp.arrays(np.uint16, first.shape), max_size=3))]
    np.testing.assert_array_equal(_native.max_project(planes), np.max(planes, axis=0))


@FEW
@given(st.data(), st.integers(1, 8), st.integers(1, 3))
def test_gather_sites(data: st.DataObject, n_channels: int, threads: int) -> None:
    shape = (data.draw(st.integers(1, 4)), data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)), n_channels)
    store = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 256, shape, dtype=np.uint8)
    sites = np.array(data.draw(st.lists(st.integers(0, shape[0] - 1), max_size=5)), dtype=np.int64)
    channels = np.array(data.draw(st.lists(st.integers(0, n_channels - 1), min_size=1, max_size=8)), dtype=np.int64)
    out = np.empty((len(sites), *shape[1:3], len(channels)), dtype=np.uint8)
    _native.gather_sites(store, sites, channels, out, threads)
    np.testing.assert_array_equal(out, store[sites][..., channels])
