"""What kernels promise beside their numbers: known values, and what they refuse."""

from collections.abc import Callable

import numpy as np
import pytest

from kinfast import _native

RAW = np.arange(24, dtype=np.uint16).reshape(4, 6)
FLOAT = RAW.astype(np.float32)
ONE = np.ones((1, 1), np.float32)
STORE = np.zeros((2, 3, 4, 5), np.uint8)


@pytest.mark.parametrize(("data", "expected"), [(b"", 0xEF46DB3751D8E999), (b"abc", 0x44BC2CF5AD770999)])
def test_hash_bytes_gives_the_published_values(data: bytes, expected: int) -> None:
    assert _native.hash_bytes(data) == expected
    assert _native.hash_bytes(np.frombuffer(data, np.uint8)) == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda: _native.max_project([RAW.astype(np.int32)]),
        lambda: _native.max_project([RAW[:, ::2]]),
        lambda: _native.expand_field(ONE.astype(np.float64), 4, 6),
        lambda: _native.correct(FLOAT, ONE, ONE),
        lambda: _native.correct(RAW, ONE.astype(np.float64), ONE),
        lambda: _native.area_resize(FLOAT.T, 2, 2),
        lambda: _native.area_resize(RAW, 2, 2),
        lambda: _native.quantise(FLOAT[:, ::2], 0.0, 1.0),
        lambda: _native.statistics(RAW.astype(np.uint8), 255),
        lambda: _native.statistics(RAW.astype(">u2"), 255),
        lambda: _native.statistics(RAW, 65536),
        lambda: _native.histogram(RAW[::2]),
        lambda: _native.count_nuclei(RAW, 1.0, 1),
        lambda: _native.hash_bytes(RAW.T),
        lambda: _native.gather_sites(STORE, np.zeros(1, np.int32), np.zeros(1, np.int64), STORE[:1, ..., :1], 1),
        lambda: _native.gather_sites(
            STORE, np.zeros(1, np.int64), np.zeros(1, np.int64), np.empty((1, 3, 4, 2), np.uint8)[..., :1], 1
        ),
    ],
)
def test_another_dtype_or_order_is_a_type_error_and_never_a_copy(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: _native.max_project([]), "at least one"),
        (lambda: _native.max_project([RAW, RAW[:2].copy()]), "2x6"),
        (lambda: _native.expand_field(ONE, 0, 6), "0x6"),
        (lambda: _native.correct(RAW, np.zeros((1, 1), np.float32), ONE), "flatfield"),
        (lambda: _native.correct(RAW, ONE, np.full((1, 1), np.nan, np.float32)), "darkfield"),
        (lambda: _native.area_resize(FLOAT, 5, 6), "from 4 to 5"),
        (lambda: _native.area_resize(FLOAT, 0, 6), "from 4 to 0"),
        (lambda: _native.quantise(FLOAT, 3.0, 3.0), "low < high"),
        (lambda: _native.quantise(FLOAT, 0.0, np.inf), "low < high"),
        (lambda: _native.statistics(RAW[None], 9), "3 dimensions"),
        (lambda: _native.statistics(RAW[:0], 9), "0x6"),
    ],
)
def test_values_that_cannot_work_are_refused_in_words(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_gather_checks_before_it_writes() -> None:
    out = np.full((1, 3, 4, 1), 9, np.uint8)
    zero, one = np.zeros(1, np.int64), np.ones(1, np.int64)
    for sites, channels in [(2 * one, zero), (-one, zero), (zero, 5 * one)]:
        with pytest.raises(IndexError):
            _native.gather_sites(STORE, sites, channels, out, 1)
    with pytest.raises(ValueError, match="wanted"):
        _native.gather_sites(STORE, zero, np.zeros(2, np.int64), out, 1)
    assert (out == 9).all()
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writ"):
        _native.gather_sites(STORE, zero, zero, out, 1)


def test_gather_reads_a_memory_map(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("store") / "plate.npy"
    store = np.random.default_rng(0).integers(0, 256, (3, 8, 9, 5), dtype=np.uint8)
    np.save(path, store)
    out = np.empty((2, 8, 9, 3), np.uint8)
    chosen, channels = np.array([2, 0]), np.array([4, 2, 0])
    _native.gather_sites(np.load(path, mmap_mode="r"), chosen, channels, out, 2)
    np.testing.assert_array_equal(out, store[chosen][..., channels])
