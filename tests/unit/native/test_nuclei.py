"""Nuclei are counted one by one, also where they touch; detail tells sharp from blurred."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kinfast import _native


def discs(centres: list[tuple[int, int]], radius: int, side: int = 128) -> NDArray[np.float32]:
    image = np.zeros((side, side), np.float32)
    for centre in centres:
        cv2.circle(image, centre, radius, 1.0, -1)
    return image


@pytest.mark.parametrize("radius", [4, 6, 9])
def test_touching_nuclei_are_counted_one_by_one(radius: int) -> None:
    step = round(1.7 * radius)
    row = [(30 + step * i, 60) for i in range(4)]
    image = discs([*row, (60, 100)], radius)
    assert cv2.connectedComponents(image.astype(np.uint8))[0] - 1 == 2  # without the background
    assert _native.count_nuclei(image, 0.5, 9) == (5, int(image.sum()))


def test_a_long_nucleus_is_one() -> None:
    image = np.zeros((128, 128), np.float32)
    cv2.ellipse(image, (60, 60), (9, 6), 30, 0, 360, 1.0, -1)
    assert _native.count_nuclei(image, 0.5, 9)[0] == 1


def test_a_nucleus_belongs_to_the_field_that_its_centre_lies_in() -> None:
    assert _native.count_nuclei(discs([(-3, 60), (60, 131)], 6), 0.5, 9)[0] == 0
    assert _native.count_nuclei(discs([(3, 60), (60, 124)], 6), 0.5, 9)[0] == 2


def test_small_components_and_empty_fields_hold_none() -> None:
    assert _native.count_nuclei(discs([(60, 60)], 1), 0.5, 9) == (0, 0)
    assert _native.count_nuclei(np.zeros((5, 7), np.float32), 0.5, 1) == (0, 0)
    assert _native.count_nuclei(np.ones((64, 64), np.float32), 0.5, 1)[1] == 64 * 64


def field(n: int, blur: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(n)
    image = discs([(int(x), int(y)) for x, y in rng.integers(0, 256, (n, 2))], 6, 256)
    return cv2.GaussianBlur(image, (0, 0), blur).astype(np.float32)


@pytest.mark.parametrize("n", [15, 60, 150])
def test_detail_falls_with_blur_and_depends_on_neither_gain_nor_number(n: int) -> None:
    sharp = _native.detail(field(n, 0.7))
    assert _native.detail(field(n, 4.0)) < 0.5 * sharp  # measured 0.39 to 0.42
    assert _native.detail(1000 * field(n, 0.7) + 50) == pytest.approx(sharp, rel=1e-3)
    assert sharp == pytest.approx(0.27, rel=0.15)  # overlaps differ
    assert _native.detail(np.full((64, 64), 5, np.float32)) == 0


def test_the_grid_of_counts_is_found() -> None:
    rng = np.random.default_rng(0)
    twelve = rng.poisson(500, (64, 64)).astype(np.uint16)
    assert _native.statistics(twelve, 65535).level_step == 1
    assert _native.statistics(twelve * 16, 65535).level_step == 16
    assert _native.statistics((twelve * 65535.0 / 4095).astype(np.uint16), 65535).level_step == 16
    assert _native.statistics(np.full((64, 64), 7, np.uint16), 65535).level_step == 0


def test_noise_is_measured_in_counts() -> None:
    rng = np.random.default_rng(0)
    for sigma in (3.0, 30.0, 300.0):
        raw = np.rint(rng.normal(5000, sigma, (256, 256))).astype(np.uint16)
        assert _native.statistics(raw, 65535).noise == pytest.approx(sigma, rel=0.05)
