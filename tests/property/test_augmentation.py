"""What holds for every augmentation of every size of image."""

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kinfast.data.augment import AugmentationSpec, sample_augmentation
from kinfast.data.torch_loader import cut_turned
from kinfast.data.views import fixed_views

SIZES = st.tuples(st.integers(1, 30), st.integers(1, 30))


def pixels_of(matrix: NDArray[np.float32], output_size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the input pixel that each output pixel is taken from."""
    centres = np.arange(output_size) + 0.5
    x, y = np.meshgrid(centres, centres)
    points = matrix.astype(np.float64) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    columns, rows = np.floor(points).astype(np.int64).reshape(2, output_size, output_size)
    return rows, columns


@settings(max_examples=80, deadline=None)
@given(SIZES, st.integers(1, 30), st.booleans(), st.booleans(), st.integers(0, 2**32))
def test_exact_augmentation_only_moves_pixels(
    size: tuple[int, int], output_size: int, flip: bool, quarter_turns: bool, seed: int
) -> None:
    assume(output_size <= min(size))
    image = np.arange(size[0] * size[1] * 2, dtype=np.int64).reshape(1, *size, 2)
    spec = AugmentationSpec(flip=flip, quarter_turns=quarter_turns)
    drawn = sample_augmentation(np.random.default_rng(seed), 1, 2, size, output_size, spec)
    rows, columns = pixels_of(drawn.matrices[0], output_size)
    assert rows.min() >= 0
    assert columns.min() >= 0
    assert rows.max() < size[0]
    assert columns.max() < size[1]
    assert len(set(zip(rows.ravel().tolist(), columns.ravel().tolist(), strict=True))) == output_size**2
    cut = cut_turned(torch.from_numpy((image % 256).astype(np.uint8)), drawn.matrices, output_size)
    assert np.array_equal(cut[0].permute(1, 2, 0).numpy(), image[0, rows, columns] % 256)


@settings(max_examples=80, deadline=None)
@given(
    SIZES,
    st.integers(1, 30),
    st.floats(0, 180),
    st.floats(0, 40),
    st.tuples(st.floats(0.3, 1), st.floats(1, 2)),
    st.integers(0, 2**32),
)
def test_the_numbers_are_finite_in_range_and_never_mirror_twice(
    size: tuple[int, int], output_size: int, rotation: float, shear: float, scale: tuple[float, float], seed: int
) -> None:
    spec = AugmentationSpec(rotation_degrees=rotation, shear_degrees=shear, scale=scale, flip=False)
    drawn = sample_augmentation(np.random.default_rng(seed), 5, 3, size, output_size, spec)
    determinants = np.linalg.det(drawn.matrices[:, :, :2].astype(np.float64))
    # the area that a crop shows is its scale squared, whatever the turn and shear; float32 matrices err by some 2^-22
    assert (determinants >= scale[0] ** 2 * (1 - 1e-5)).all()
    assert (determinants <= scale[1] ** 2 * (1 + 1e-5)).all()
    middles = drawn.matrices.astype(np.float64) @ [output_size / 2, output_size / 2, 1]
    assert (middles > -1e-3).all()
    assert (middles < np.array([size[1], size[0]]) + 1e-3).all()


@settings(max_examples=100, deadline=None)
@given(st.tuples(st.integers(1, 400), st.integers(1, 400)), st.integers(1, 400), st.none() | st.integers(1, 9))
def test_views_lie_inside_from_border_to_border(size: tuple[int, int], output_size: int, views: int | None) -> None:
    assume(output_size <= min(size))
    corners = fixed_views(size, output_size, views)
    assert 1 <= len(corners) <= (views or 9)
    assert corners.min() >= 0
    assert (corners + output_size <= np.array(size)).all()
    for axis in range(2):
        places = np.unique(corners[:, axis])
        if len(places) > 1:
            assert places[0] == 0
            assert places[-1] == size[axis] - output_size
