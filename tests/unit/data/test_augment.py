"""Augmentation: the numbers drawn, the crops of validation and test, Keras' words."""

import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from kinfast.data.augment import (
    NO_AUGMENTATION,
    Augmentation,
    AugmentationSpec,
    sample_augmentation,
)
from kinfast.data.keras import keras_augmentation
from kinfast.data.minibatch import change_intensities
from kinfast.data.torch_loader import cut_turned, interpolate, warp
from kinfast.data.views import fixed_views
from kinfast.errors import UsageError

SIZE = (24, 40)
FULL = AugmentationSpec(rotation_degrees=45, shear_degrees=15, scale=(0.7, 1.3), aspect=(0.8, 1.25), noise=0.05)


def draw(spec: AugmentationSpec, n: int = 200, output_size: int = 16, seed: int = 0) -> Augmentation:
    return sample_augmentation(np.random.default_rng(seed), n, 5, SIZE, output_size, spec)


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    path = Path(__file__).parents[2] / "reference/warp.py"
    spec = importlib.util.spec_from_file_location("reference_warp", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_same_generator_draws_the_same() -> None:
    one, same, other = draw(FULL), draw(FULL), draw(FULL, seed=1)
    assert np.array_equal(one.matrices, same.matrices)
    assert np.array_equal(one.gain, same.gain)
    assert one.noise_seed == same.noise_seed
    assert not np.array_equal(one.matrices, other.matrices)


def test_without_augmentation_only_a_whole_pixel_crop_is_left() -> None:
    drawn = draw(NO_AUGMENTATION, n=2000)
    assert (drawn.matrices[:, :, :2] == np.eye(2)).all()
    corners = drawn.matrices[:, :, 2]
    assert set(corners[:, 0].tolist()) == set(range(40 - 16 + 1))
    assert set(corners[:, 1].tolist()) == set(range(24 - 16 + 1))
    assert (drawn.gain == 1).all()
    assert (drawn.offset == 0).all()


def test_flips_and_quarter_turns_are_the_eight_symmetries_equally_often() -> None:
    drawn = draw(AugmentationSpec(brightness=0, contrast=0), n=4000)
    kinds, counts = np.unique(drawn.matrices[:, :, :2].reshape(-1, 4), axis=0, return_counts=True)
    assert len(kinds) == 8
    assert set(np.abs(kinds).sum(axis=1).tolist()) == {2.0}
    # 500 expected of each, standard deviation sqrt(4000 / 8 * 7 / 8) = 21: six of them
    assert np.abs(counts - 500).max() < 126


@pytest.mark.parametrize("spec", [AugmentationSpec(), AugmentationSpec(rotation_degrees=180, scale=(0.5, 1.0))])
def test_a_crop_stays_inside_where_it_fits(spec: AugmentationSpec) -> None:
    drawn = draw(spec, n=1000, output_size=14)
    corners = np.array([[0, 0, 1], [14, 0, 1], [0, 14, 1], [14, 14, 1]], np.float64)
    points = np.einsum("nij,kj->nki", drawn.matrices.astype(np.float64), corners)
    # a turned square of 14 reaches 14 * sqrt(2) / 2 = 9.9 from its middle, and the short side's half is 12
    assert points.min() > -1e-4
    assert points[..., 0].max() < 40 + 1e-4
    assert points[..., 1].max() < 24 + 1e-4


def test_scale_and_aspect_are_what_they_say() -> None:
    spec = AugmentationSpec(flip=False, quarter_turns=False, scale=(0.5, 2.0), aspect=(1.2, 1.2))
    linear = draw(spec, n=3000).matrices[:, :, :2].astype(np.float64)
    scale = np.linalg.det(linear) ** 0.5
    assert scale.min() < 0.52
    assert scale.max() > 1.9
    assert linear[:, 1, 1] / linear[:, 0, 0] == pytest.approx(1.2, rel=1e-5)  # float32 matrices


def test_brightness_and_contrast_keep_their_centre() -> None:
    drawn = draw(AugmentationSpec(brightness=0, contrast=0.3), n=500)
    assert drawn.gain * 0.5 + drawn.offset == pytest.approx(0.5, abs=1e-6)
    assert drawn.gain.min() < 0.71
    assert drawn.gain.max() > 1.29
    bright = draw(AugmentationSpec(brightness=0.3, contrast=0), n=500)
    assert (bright.offset == 0).all()
    assert len(np.unique(bright.gain[0])) == 5


@pytest.mark.parametrize("spec", [NO_AUGMENTATION, AugmentationSpec(), FULL])
def test_the_batched_warp_is_the_obvious_one(spec: AugmentationSpec, reference: ModuleType) -> None:
    images = np.random.default_rng(5).integers(0, 256, (6, *SIZE, 5), dtype=np.uint8)
    drawn = draw(spec, n=6, output_size=12)
    got = change_intensities(warp(torch.from_numpy(images), drawn, 12), dataclasses.replace(drawn, noise=0.0))
    got = got.permute(0, 2, 3, 1).numpy()
    for index in range(6):
        expected = reference.warp(images[index], drawn.matrices[index], 12) / 255
        expected = np.clip(expected * drawn.gain[index] + drawn.offset[index], 0, 1)
        # float32 coordinates err by some 8 roundings of 2^-24 on a side of 40 pixels; a pixel's step is at most the
        # whole range, in x and in y: 40 * 8 * 2^-24 * 2 = 4e-5, times the largest gain, 1.21
        assert np.abs(got[index] - expected).max() < 5e-5


@pytest.mark.parametrize("output_size", [16, 15])
def test_cutting_and_turning_is_the_warp_where_nothing_is_interpolated(output_size: int) -> None:
    assert AugmentationSpec().exact
    assert not FULL.exact
    images = torch.from_numpy(np.random.default_rng(5).integers(0, 256, (60, *SIZE, 5), dtype=np.uint8))
    matrices = draw(AugmentationSpec(), n=60, output_size=output_size).matrices
    assert len(np.unique(matrices[:, :, :2].reshape(60, 4), axis=0)) == 8
    cut, interpolated = (f(images, matrices, output_size) for f in (cut_turned, interpolate))
    assert cut.dtype == torch.uint8
    # the bound of the test above, of 255 counts, gain 1
    assert (cut - interpolated).abs().max() < 255 * 4e-5


@pytest.mark.parametrize(
    ("image_size", "output_size", "views", "corners"),
    [
        ((24, 40), 24, None, [(0, 0), (0, 16)]),
        ((24, 24), 24, None, [(0, 0)]),
        ((24, 24), 24, 1, [(0, 0)]),
        ((30, 40), 20, 1, [(5, 10)]),
        ((32, 48), 16, 6, [(0, 0), (0, 16), (0, 32), (16, 0), (16, 16), (16, 32)]),
        ((40, 40), 24, 4, [(0, 0), (0, 16), (16, 0), (16, 16)]),
        ((24, 72), 24, 3, [(0, 0), (0, 24), (0, 48)]),
    ],
)
def test_fixed_views(
    image_size: tuple[int, int], output_size: int, views: int | None, corners: list[tuple[int, int]]
) -> None:
    assert [tuple(corner) for corner in fixed_views(image_size, output_size, views).tolist()] == corners


@pytest.mark.parametrize("size", [(256, 256), (256, 341), (512, 512), (224, 224), (300, 2000)])
def test_the_default_views_cover_the_site_with_nine_at_most(size: tuple[int, int]) -> None:
    corners = fixed_views(size, 224 if min(size) < 512 else 128)
    output = 224 if min(size) < 512 else 128
    assert 1 <= len(corners) <= 9
    seen = np.zeros(size, bool)
    for y, x in corners:
        assert y >= 0
        assert x >= 0
        assert y + output <= size[0]
        assert x + output <= size[1]
        seen[y : y + output, x : x + output] = True
    needed = -(-size[0] // output) * -(-size[1] // output)
    assert seen.all() == (needed <= 9)


def test_crops_larger_than_the_site_are_refused() -> None:
    with pytest.raises(UsageError, match="input size 32 does not fit the store's 24 x 40 pixels: wanted 1 to 24"):
        fixed_views(SIZE, 32)
    with pytest.raises(UsageError, match="10 views: wanted 1 to 9"):
        fixed_views(SIZE, 16, 10)


def test_keras_words() -> None:
    spec = keras_augmentation(rotation_range=90, zoom_range=0.2, shear_range=10, horizontal_flip=True)
    assert spec.rotation_degrees == 90
    assert spec.scale == (0.8, 1.2)
    assert spec.shear_degrees == 10
    assert spec.flip
    assert not spec.quarter_turns
    assert keras_augmentation(brightness_range=(0.75, 1.25)).brightness == 0.25
    assert keras_augmentation().exact
    with pytest.raises(UsageError, match="not even around 1"):
        keras_augmentation(brightness_range=(0.5, 1.1))


@pytest.mark.parametrize(
    "wrong", [{"noise": -1}, {"scale": (0.0, 1.0)}, {"scale": (1.2, 0.8)}, {"shear_degrees": 90}, {"brightness": 2}]
)
def test_senseless_ranges_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="augmentation"):
        AugmentationSpec(**wrong)
