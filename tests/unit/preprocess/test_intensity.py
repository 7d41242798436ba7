"""Windows, the camera's limit, and the nuclei's brightness."""

import numpy as np
import pytest

from kinfast.preprocess.intensity import fit_window, glaring_images, saturation_value, window_images
from kinfast.preprocess.nuclei import fit_nuclei_threshold, min_nucleus_area


def test_the_window_is_two_percentiles() -> None:
    values = np.arange(10001, dtype=np.float32)
    assert fit_window(values, (0.1, 99.9)) == (10.0, 9990.0)


@pytest.mark.parametrize("values", [np.empty(0, np.float32), np.zeros(9, np.float32), np.full(9, 7, np.float32)])
def test_a_window_is_never_empty(values: np.ndarray) -> None:
    low, high = fit_window(values, (0.1, 99.9))
    assert low < high


def test_controls_serve_where_there_are_enough_of_them() -> None:
    usable = np.array([True, True, True, True, False])
    control = np.array([True, True, True, False, True])
    assert window_images(usable, control).tolist() == [True, True, True, False, False]
    control[0] = False
    assert window_images(usable, control).tolist() == usable.tolist()
    assert window_images(np.zeros(5, bool), control).all()


def test_fibres_are_found() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(100, 5, (20, 30, 30)).astype(np.float32)
    images[:, 10:14, 10:14] += 1000
    images[6, :8, :8] = 9000
    assert np.flatnonzero(glaring_images(images, np.ones(20, bool))).tolist() == [6]
    assert not glaring_images(images[:8], np.ones(8, bool)).any()  # too few to tell


@pytest.mark.parametrize(
    ("highest", "limit"), [(255, 255), (4095, 4095), (16383, 16383), (4000, 65535), (65535, 65535), (0, 65535)]
)
def test_the_cameras_limit_is_where_counts_pile_up(highest: int, limit: int) -> None:
    assert saturation_value(np.array([[[3, highest]]], np.uint16)) == limit


@pytest.mark.parametrize("share", [0.005, 0.05, 0.25])
def test_nuclei_are_cut_at_half_their_height(share: float) -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(200, 10, (30, 4000)).astype(np.float32)
    nuclei = rng.random(images.shape) < share
    haze = ~nuclei & (rng.random(images.shape) < 0.3)  # cytoplasm is brighter than the background
    images[haze] += 120
    images[nuclei] += (3000 * rng.lognormal(0, 0.2, images.shape)).astype(np.float32)[nuclei]
    threshold = fit_nuclei_threshold(images)
    assert 900 < threshold < 2200
    assert ((images > threshold) == nuclei).mean() > 0.999


def test_where_nothing_stands_out_there_are_no_nuclei() -> None:
    noise = np.random.default_rng(0).normal(200, 10, (5, 4000)).astype(np.float32)
    assert fit_nuclei_threshold(noise) == float("inf")
    assert fit_nuclei_threshold(np.empty((0, 0), np.float32)) == float("inf")


def test_the_smallest_nucleus_follows_the_pixel() -> None:
    assert min_nucleus_area((256, 256), (2048, 2048), 0.325) == 4  # 2.6 um a stored pixel: 30 um^2 are 4.4 of them
    assert min_nucleus_area((1024, 1024), (2048, 2048), 0.325) == 71
    assert min_nucleus_area((256, 256), (2048, 2048), None) == 2
