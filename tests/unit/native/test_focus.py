"""Focus tells blurred from sharp fields of cells, and nothing else."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kinfast import _native

SIDE = 512
SHARP, SOFT, BLURRED = 1.2, 2.0, 4.0
"""Width of the point spread, pixels."""


def field(n_cells: int, spread: float, counts: float, *, offset: float = 200, noise: float = 8) -> NDArray[np.uint16]:
    """Bright ellipses with texture, blurred, with shot noise and the camera's."""
    rng = np.random.default_rng(n_cells)
    image = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(n_cells):
        centre = tuple(int(c) for c in rng.integers(0, SIDE, 2))
        axes = tuple(int(a) for a in rng.integers(10, 20, 2))
        cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.7, 1.3)), -1)
    texture = cv2.GaussianBlur(rng.normal(size=image.shape).astype(np.float32), (0, 0), 3)
    image = cv2.GaussianBlur(np.maximum(image * (1 + 4 * texture), 0), (0, 0), spread)
    counted = rng.poisson(offset + counts * image) + rng.normal(0, noise, image.shape)
    return np.clip(np.rint(counted), 0, 65535).astype(np.uint16)


def focus(raw: NDArray[np.uint16]) -> float:
    return _native.statistics(raw, 65535).focus


@pytest.mark.parametrize("n_cells", [15, 40, 120])
@pytest.mark.parametrize("counts", [400, 3000, 20000])
def test_the_number_of_cells_and_the_exposure_do_not_matter(n_cells: int, counts: float) -> None:
    sharp = focus(field(n_cells, SHARP, counts))
    assert 0.5 < sharp < 0.95  # measured 0.62 … 0.78 over all of these
    assert focus(field(n_cells, SOFT, counts)) < 0.75 * sharp
    assert focus(field(n_cells, BLURRED, counts)) < 0.35 * sharp


def test_gain_and_offset_cancel() -> None:
    raw = field(40, SHARP, 3000)
    # Doubling shifts one bit more off; each level is then rounded at another place: a percent.
    assert focus(raw * 2) == pytest.approx(focus(raw), rel=0.01)
    assert focus(raw + 5000) == focus(raw)


def test_noise_does_not_look_sharp() -> None:
    assert focus(field(40, BLURRED, 3000, noise=120)) < 1.3 * focus(field(40, BLURRED, 3000, noise=1))
    assert focus(field(0, SHARP, 0, noise=50)) == 0


def test_a_few_hot_pixels_do_not_rule() -> None:
    raw = field(40, BLURRED, 1000)
    hot = raw.copy()
    hot.ravel()[np.random.default_rng(1).integers(0, hot.size, 50)] = 65535
    assert focus(hot) == pytest.approx(focus(raw), rel=0.25)


def test_a_vignette_is_no_structure() -> None:
    y, x = (np.mgrid[:SIDE, :SIDE] / (SIDE / 2) - 1).astype(np.float64)
    raw = np.random.default_rng(0).poisson(2000 * (1 - 0.3 * (x**2 + y**2))).astype(np.uint16)
    assert focus(raw) < 0.05
