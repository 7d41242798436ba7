"""BaSiC finds planted fields, keeps as little of many images as of few, and equals the slow one."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.reference import basic as reference

from kinfast import _native
from kinfast.preprocess.illumination.basic import fit_basic
from kinfast.preprocess.illumination.estimate import fit_illumination

Make = Callable[..., tuple[NDArray[np.float32], NDArray[np.float64]]]


def rms_error(found: NDArray[np.float32], planted: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((found / found.mean() / (planted / planted.mean()) - 1) ** 2)))


def of_own_levels(make: Make, n: int, cells: int, offset: float, seed: int) -> tuple[NDArray[np.float32], NDArray]:
    """Images that differ in brightness, as those of a plate do: without that nothing tells light from offset."""
    stack, field = make(n, cells, 0.0, seed=seed)
    levels = np.random.default_rng(seed).lognormal(0, 0.3, (n, 1, 1))
    return (stack * levels + offset).astype(np.float32), field


@pytest.mark.parametrize("n", [64, 128])
def test_the_field_is_found_among_sparse_cells(make_thumbnails: Make, n: int) -> None:
    stack, field = of_own_levels(make_thumbnails, n, 25, 0.0, seed=1)
    flat, dark = fit_basic(stack, darkfield=False)
    assert flat.mean() == pytest.approx(1, abs=1e-6)
    assert rms_error(flat, field) < 0.02
    assert (dark == 0).all()


@pytest.mark.parametrize("offset", [0.0, 200.0])
def test_field_and_offset_are_found_together(make_thumbnails: Make, offset: float) -> None:
    stack, field = of_own_levels(make_thumbnails, 64, 10, offset, seed=1)
    flat, dark = fit_basic(stack, darkfield=True)
    assert rms_error(flat, field) < 0.02
    assert np.abs(dark - offset).mean() < 0.1 * 200  # a tenth of the background's counts


@pytest.mark.parametrize("cells", [25, 120])
@pytest.mark.parametrize("darkfield", [False, True])
def test_few_images_are_better_than_no_correction(make_thumbnails: Make, cells: int, darkfield: bool) -> None:
    stack, field = of_own_levels(make_thumbnails, 16, cells, 200.0 * darkfield, seed=cells)
    flat, _ = fit_basic(stack, darkfield)
    assert rms_error(flat, field) < rms_error(np.ones_like(flat), field)


@pytest.mark.parametrize("darkfield", [False, True])
def test_it_equals_the_slow_one(make_thumbnails: Make, darkfield: bool) -> None:
    """Both count in doubles, but add in another order, and each pass takes the last one's fields: what differs by
    1e-15 may grow, yet stays below the step of the float32 that they are handed over in (6e-8)."""
    stack, _ = of_own_levels(make_thumbnails, 12, 40, 100.0, seed=3)
    stack = stack[:, :40, :33].copy()
    flat, dark = fit_basic(stack, darkfield)
    slow_flat, slow_dark = reference.fit(stack, darkfield)
    np.testing.assert_allclose(flat, slow_flat, rtol=1e-6)
    np.testing.assert_allclose(dark, slow_dark, rtol=1e-6, atol=1e-6)
    assert flat.std() > 0.01


def test_images_may_be_made_one_at_a_time_and_none_is_kept(make_thumbnails: Make) -> None:
    stack, _ = make_thumbnails(20, 25, 0.0, seed=4)

    class Stream:
        def __iter__(self):  # type: ignore[no-untyped-def]
            return (image.copy() for image in stack)

    for one, other in zip(fit_basic(Stream(), True), fit_basic(stack, True), strict=True):
        assert one.tobytes() == other.tobytes()
    fitter = _native.BasicFitter(*stack.shape[1:], True)
    before = fitter.state_bytes
    for _ in range(2):
        fitter.begin_pass()
        for image in stack:
            fitter.add(image)
        fitter.end_pass()
    assert fitter.state_bytes == before


def test_what_is_not_an_image_of_the_grid_is_refused() -> None:
    fitter = _native.BasicFitter(4, 5, False)
    fitter.begin_pass()
    with pytest.raises(ValueError, match="an image of 5x4: wanted 4x5"):
        fitter.add(np.zeros((5, 4), np.float32))
    with pytest.raises(TypeError):
        fitter.add(np.zeros((4, 5)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a finite number"):
        fitter.add(np.full((4, 5), np.nan, np.float32))
    with pytest.raises(RuntimeError, match="without images"):
        fitter.end_pass()
    with pytest.raises(ValueError, match="wanted 2x2"):
        _native.BasicFitter(1, 5, False)


@pytest.mark.parametrize("level", [0.0, 65535.0])
def test_black_and_saturated_images_give_finite_fields(level: float) -> None:
    flat, dark = fit_basic(np.full((4, 8, 8), level, np.float32), darkfield=True)
    assert np.isfinite(flat).all()
    assert np.isfinite(dark).all()


def test_as_a_method_it_takes_the_plates_offset_and_is_judged(make_thumbnails: Make) -> None:
    stack, field = of_own_levels(make_thumbnails, 64, 25, 200.0, seed=6)
    found = fit_illumination(stack, 200.0, "basic")
    assert rms_error(found.flatfield, field) < 0.02
    assert (found.darkfield == 200).all()
    assert found.judged.after < 0.2 * found.judged.before
    assert found.error < 0.02
