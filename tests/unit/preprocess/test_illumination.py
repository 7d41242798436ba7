"""Fields and offsets are found again where they were planted."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from kinfast.preprocess.dark_offset import find_light_levels
from kinfast.preprocess.illumination.estimate import fit_illumination
from kinfast.preprocess.offset_fit import fit_dark_offset

Make = Callable[..., tuple[NDArray[np.float32], NDArray[np.float64]]]


def rms_error(found: NDArray[np.float32], planted: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((found / found.mean() / (planted / planted.mean()) - 1) ** 2)))


@pytest.mark.parametrize(
    ("cells", "offset", "tolerance"),
    [(15, 80.0, 0.02), (40, 240.0, 0.02), (120, 150.0, 0.03)],  # what is asked of whole plates is 3 %
)
def test_field_and_offset_are_found_together(
    make_thumbnails: Make, cells: int, offset: float, tolerance: float
) -> None:
    thumbnails, field = make_thumbnails(160, cells, offset, seed=cells)
    found = fit_illumination(thumbnails, fit_dark_offset(thumbnails))
    assert found.helped
    assert rms_error(found.flatfield, field) < tolerance
    assert found.flatfield.mean() == pytest.approx(1, abs=1e-4)
    light = float(np.median(thumbnails)) - offset
    assert abs(found.darkfield.mean() - offset) < 0.15 * light  # a field of 15 % contrast errs by 2 % for that


def test_it_beats_the_plain_mean_image(make_thumbnails: Make) -> None:
    thumbnails, field = make_thumbnails(100, 25, 120.0, seed=3)
    plain = (thumbnails - 120).mean(axis=0)
    assert rms_error(fit_illumination(thumbnails, 120.0).flatfield, field) < 0.2 * rms_error(plain, field)


def test_the_error_that_it_states_is_of_the_true_size(make_thumbnails: Make) -> None:
    thumbnails, field = make_thumbnails(100, 150, 100.0, seed=5, radius=5.0)
    found = fit_illumination(thumbnails, 100.0)
    assert rms_error(found.flatfield, field) < 3 * found.error < 0.3


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_images_are_not_corrected(make_thumbnails: Make, n: int) -> None:
    thumbnails = make_thumbnails(8, 30, 100.0)[0][:n]
    found = fit_illumination(thumbnails, 100.0)
    assert not found.helped
    assert (found.flatfield == 1).all()
    assert found.verdict == f"dark offset only: {n} images, wanted 4"


def test_an_even_light_is_left_alone(make_thumbnails: Make) -> None:
    rng = np.random.default_rng(0)
    flat = (300 * rng.lognormal(0, 0.8, (30, 1, 1)) + 0 * make_thumbnails(1, 1, 0.0)[0]).astype(np.float32)
    noisy = (flat * rng.lognormal(0, 0.3, (30, 48, 48))).astype(np.float32)
    found = fit_illumination(noisy, 0.0)
    assert found.flatfield.std() < 0.01


def test_zeros_and_saturation_do_no_harm() -> None:
    thumbnails = np.zeros((20, 16, 16), np.float32)
    thumbnails[::2] = 65535
    found = fit_illumination(thumbnails, 0.0)
    assert np.isfinite(found.flatfield).all()
    assert (found.flatfield > 0).all()


def sampled(thumbnails: NDArray[np.float32], noise: float) -> NDArray[np.uint16]:
    rng = np.random.default_rng(1)
    pixels = np.repeat(np.repeat(thumbnails, 2, axis=1), 2, axis=2)
    return np.clip(np.round(pixels + noise * rng.standard_normal(pixels.shape)), 0, 65535).astype(np.uint16)


def test_unlit_frames_are_told_from_empty_ones(make_thumbnails: Make) -> None:
    thumbnails, field = make_thumbnails(40, 30, 100.0, seed=2)
    rng = np.random.default_rng(2)
    thumbnails[3] = 100 + 0.5 * rng.standard_normal(field.shape)  # the lamp was off
    thumbnails[4] = 100.5 + 0.005 * (thumbnails[5] - 100)  # the shutter opened a little
    thumbnails[7] = 100 + 190 * field + 0.5 * rng.standard_normal(field.shape)  # no cells
    levels = find_light_levels(thumbnails, sampled(thumbnails, 4.0), 64.0)
    assert np.flatnonzero(levels.dark).tolist() == [3, 4]
    assert levels.offset == pytest.approx(100, abs=1)
    assert thumbnails[4].mean() < levels.dark_below < thumbnails[7].mean()


def test_constant_frames_are_blank_and_not_dark(make_thumbnails: Make) -> None:
    thumbnails, _ = make_thumbnails(20, 30, 100.0)
    thumbnails[5] = 0
    samples = sampled(thumbnails, 4.0)
    samples[5] = 0
    levels = find_light_levels(thumbnails, samples, 64.0)
    assert np.flatnonzero(levels.blank).tolist() == [5]
    assert not levels.dark.any()


def test_a_single_frame_of_noise_is_dark_and_a_single_lit_one_is_not(make_thumbnails: Make) -> None:
    rng = np.random.default_rng(0)
    noise = (100 + 0.5 * rng.standard_normal((1, 48, 48))).astype(np.float32)
    assert find_light_levels(noise, sampled(noise, 4.0), 64.0).dark.all()
    lit, _ = make_thumbnails(1, 30, 100.0)
    assert not find_light_levels(lit, sampled(lit, 4.0), 64.0).dark.any()


def test_nothing_at_all_is_no_error() -> None:
    levels = find_light_levels(np.empty((0, 8, 8), np.float32), np.empty((0, 9, 9), np.uint16), 4.0)
    assert levels.offset == 0
    assert len(levels.dark) == 0
