"""Both loaders: what they serve, that they serve the same, and how they stop and go on."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kinfast import schema
from kinfast.data.augment import NO_AUGMENTATION, AugmentationSpec
from kinfast.data.composites import parse_composites
from kinfast.data.feed import LoaderSettings
from kinfast.data.labels import select_labels
from kinfast.data.loaders import Loader, chosen_kind, from_frame, make_loader
from kinfast.data.minibatch import IMAGENET_MEAN, IMAGENET_STD, Minibatch
from kinfast.data.store import PreparedStore
from kinfast.errors import InputError, UsageError

ALL = "DNA+RNA+ER+AGP+Mito"
FULL = AugmentationSpec(rotation_degrees=45, shear_degrees=15, scale=(0.7, 1.3), aspect=(0.8, 1.25), noise=0.05)
SIDE = 40
TOLERANCE = SIDE * 8 * 2**-24 * 2 / min(IMAGENET_STD) * 1.21
"""Coordinates in float32 err by some 8 roundings on a side of 40 pixels; a step between two pixels is at most the whole
range, in x and in y; gain and normalisation multiply it: 2.1e-4."""


def has_dali() -> bool:
    return chosen_kind("auto", "cpu") == "dali"


KINDS = ["torch", pytest.param("dali", marks=pytest.mark.skipif(not has_dali(), reason="nvidia-dali is not installed"))]


def make(
    kind: str,
    store: PreparedStore,
    rows: np.ndarray | None = None,
    composites: str = f"MiCoPh,{ALL}",
    **options: object,
) -> Loader:
    settings = LoaderSettings(**{"input_size": 16, "batch_size": 12} | options)
    rows = np.arange(len(store.sites)) if rows is None else rows
    labels = select_labels(store.sites, task="target")
    return make_loader(kind, store, rows, parse_composites(composites, store), labels, settings)


@pytest.mark.parametrize("kind", KINDS)
def test_every_site_comes_exactly_once_an_epoch(kind: str, store: PreparedStore) -> None:
    rows = np.array([3, 1, 30, 17, 8, 9, 22], np.int64)
    loader = make(kind, store, rows, batch_size=3, augmentation=AugmentationSpec())
    for epoch in range(3):
        batches = list(loader.epoch(epoch))
        assert sorted(torch.cat([batch.rows for batch in batches]).tolist()) == sorted(rows.tolist())
        assert [len(batch) for batch in batches] == [3, 2, 2]
        assert len(batches) == len(loader)


@pytest.mark.parametrize("kind", KINDS)
def test_outside_training_sites_come_in_order_as_untouched_views(kind: str, store: PreparedStore) -> None:
    loader = make(kind, store, np.array([9, 2, 31], np.int64), batch_size=12)
    assert loader.views == 6  # 24 x 40 is covered by 2 x 3 crops of 16
    batches = list(loader.epoch(0))
    assert [batch.rows.tolist() for batch in batches] == [[9, 2], [31]]
    pixels = store.gather(np.array([9]), np.array([4, 2, 3]))[0]
    corners = [(y, x) for y in (0, 8) for x in (0, 12, 24)]
    for view, (y, x) in enumerate(corners):
        crop = torch.from_numpy(pixels[y : y + 16, x : x + 16]).permute(2, 0, 1) / 255
        expected = (crop - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]
        # the same float32 operations in the same order
        assert torch.equal(batches[0].streams[0][view], expected)
    five = torch.from_numpy(store.gather(np.array([2]), np.arange(5))[0, :16, :16]).permute(2, 0, 1) / 255
    assert torch.equal(batches[0].streams[1][6], (five - 0.5) / 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_targets_follow_the_rows(kind: str, store: PreparedStore) -> None:
    codes = torch.from_numpy(select_labels(store.sites, task="target").codes)
    loader = make(kind, store, augmentation=AugmentationSpec())
    for batch in loader.epoch(4):
        assert batch.targets is not None
        assert torch.equal(batch.targets, codes[batch.rows])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_streams_are_channels_last_in_the_type_asked_for(kind: str, dtype: torch.dtype, store: PreparedStore) -> None:
    batch = next(make(kind, store, dtype=dtype, augmentation=FULL).epoch(0))
    assert [tuple(stream.shape) for stream in batch.streams] == [(11, 3, 16, 16), (11, 5, 16, 16)]
    for stream in batch.streams:
        assert stream.dtype == dtype
        assert stream.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", KINDS)
def test_both_streams_see_one_geometry_and_one_intensity(kind: str, store: PreparedStore) -> None:
    loader = make(kind, store, composites="MiCoPh,AGP+ER+Mito", augmentation=FULL)
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    for batch in loader.epoch(1):
        one, other = (stream * std + mean for stream in batch.streams)
        # the same channels in the other order; undoing the normalisation rounds twice at values up to 2.7
        assert (one.flip(1) - other).abs().max() < 4 * 2**-24 * 2.7


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_is_the_same_every_time_and_another_is_not(kind: str, store: PreparedStore) -> None:
    loader = make(kind, store, augmentation=FULL, seed=3)
    first, again = (list(loader.epoch(2)) for _ in range(2))
    assert all(equal(one, other) for one, other in zip(first, again, strict=True))
    assert not equal(first[0], next(loader.epoch(3)))
    assert not equal(first[0], next(make(kind, store, augmentation=FULL, seed=4).epoch(2)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("augmentation", [FULL, None])
def test_an_epoch_goes_on_where_it_stopped(
    kind: str, augmentation: AugmentationSpec | None, store: PreparedStore
) -> None:
    whole = list(make(kind, store, augmentation=augmentation).epoch(1))
    rest = list(make(kind, store, augmentation=augmentation).epoch(1, first_batch=2))
    assert len(rest) == len(whole) - 2
    assert all(equal(one, other) for one, other in zip(whole[2:], rest, strict=True))
    assert list(make(kind, store, augmentation=augmentation).epoch(1, first_batch=len(whole))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_prefetch_change_nothing(kind: str, store: PreparedStore) -> None:
    one = list(make(kind, store, augmentation=FULL, threads=1, prefetch=0).epoch(0))
    torch.set_num_threads(2)
    other = list(make(kind, store, augmentation=FULL, threads=2, prefetch=4).epoch(0))
    assert all(equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_left_half_way_does_not_disturb_the_next(kind: str, store: PreparedStore) -> None:
    loader = make(kind, store, augmentation=FULL, batch_size=4)
    expected = list(make(kind, store, augmentation=FULL, batch_size=4).epoch(1))
    left = loader.epoch(0)
    next(left)
    left.close()
    assert all(equal(a, b) for a, b in zip(expected, loader.epoch(1), strict=True))
    together = zip(loader.epoch(1), loader.epoch(1), expected, strict=True)
    assert all(equal(a, c) and equal(b, c) for a, b, c in together)


@pytest.mark.parametrize("kind", KINDS)
def test_a_minibatch_keeps_its_values_while_the_loader_goes_on(kind: str, store: PreparedStore) -> None:
    loader = make(kind, store, augmentation=FULL, batch_size=4)
    batches = loader.epoch(0)
    first = next(batches)
    kept = first.streams[0].clone()
    for _ in batches:
        pass
    assert torch.equal(first.streams[0], kept)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_while_reading_reaches_the_caller(
    kind: str, store: PreparedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = make(kind, store, augmentation=FULL, batch_size=4)

    def broken(*_: object, **__: object) -> None:
        raise OSError("the share is gone")

    with monkeypatch.context() as patch:
        patch.setattr(PreparedStore, "gather", broken)
        with pytest.raises(OSError, match="the share is gone"):
            list(loader.epoch(0))
    assert len(list(loader.epoch(0))) == len(loader)


@pytest.mark.skipif(not has_dali(), reason="nvidia-dali is not installed")
@pytest.mark.parametrize(
    ("augmentation", "tolerance"),
    [
        (None, 0.0),  # where no pixel is interpolated, the same bytes go through the same operations
        (NO_AUGMENTATION, 0.0),
        (dataclasses.replace(AugmentationSpec(), noise=0.05), 0.0),
        (FULL, TOLERANCE),
    ],
)
def test_the_two_loaders_serve_the_same(
    augmentation: AugmentationSpec | None, tolerance: float, store: PreparedStore
) -> None:
    loaders = [make(kind, store, augmentation=augmentation) for kind in ("torch", "dali")]
    for epoch in (0, 1):
        for one, other in zip(*(loader.epoch(epoch) for loader in loaders), strict=True):
            assert torch.equal(one.rows, other.rows)
            assert one.views == other.views
            for a, b in zip(one.streams, other.streams, strict=True):
                assert (a - b).abs().max().item() <= tolerance


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("augmentation", [None, dataclasses.replace(FULL, noise=0.0)])
def test_the_gpu_serves_what_the_cpu_serves(
    kind: str, augmentation: AugmentationSpec | None, store: PreparedStore
) -> None:
    loaders = [make(k, store, augmentation=augmentation, device=d) for k, d in (("torch", "cpu"), (kind, "cuda"))]
    # a GPU's texture-free bilinear weights round as the CPU's do, but multiply-adds are fused: twice the bound
    tolerance = 2 * TOLERANCE
    for epoch in (0, 1):
        for one, other in zip(*(loader.epoch(epoch) for loader in loaders), strict=True):
            assert other.streams[0].is_cuda
            assert other.targets is not None
            assert other.targets.is_cuda
            for a, b in zip(one.streams, other.streams, strict=True):
                assert (a - b.cpu()).abs().max().item() <= tolerance


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_loaders_share_their_noise(store: PreparedStore) -> None:
    pytest.importorskip("nvidia.dali")
    loaders = [make(kind, store, augmentation=FULL, device="cuda") for kind in ("torch", "dali")]
    for one, other in zip(*(loader.epoch(0) for loader in loaders), strict=True):
        assert (one.streams[0] - other.streams[0]).abs().max().item() <= 2 * TOLERANCE


def test_noise_is_what_it_says_and_intensities_stay_in_range(make_store: Callable[..., PreparedStore]) -> None:
    store = make_store(image_size=(64, 64))
    plain, noisy = (
        torch.cat([batch.streams[0] for batch in make("torch", store, **options).epoch(0)])
        for options in (
            {"augmentation": NO_AUGMENTATION, "input_size": 64, "composites": ALL},
            {"augmentation": dataclasses.replace(NO_AUGMENTATION, noise=0.05), "input_size": 64, "composites": ALL},
        )
    )
    assert noisy.min() >= -1
    assert noisy.max() <= 1
    middle = plain.abs() < 0.5  # far from where clipping changes anything: 0.25 of the range is 5 deviations
    spread = (noisy - plain)[middle].std().item() / 2
    # 300 000 values: the deviation's standard error is 0.05 / sqrt(2 * 3e5) = 6e-5; six of them
    assert spread == pytest.approx(0.05, abs=4e-4)


def test_mean_over_views() -> None:
    batch = Minibatch((torch.zeros(6, 3, 2, 2),), None, torch.tensor([4, 7]), views=3)
    outputs = torch.arange(12.0).reshape(6, 2)
    assert batch.mean_over_views(outputs).tolist() == [[2, 3], [8, 9]]
    assert len(batch) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 25}, "input size 25 does not fit"),
        ({"rows": np.empty(0, np.int64)}, "0 sites and 2 streams"),
        ({"rows": np.array([32])}, "site 32 is past the store's 32"),
        ({"batch_size": 0}, "batch size 0"),
        ({"views": 12}, "12 views: wanted 1 to 9"),
    ],
)
def test_what_cannot_be_loaded_is_refused(store: PreparedStore, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make("torch", store, **options)


def test_kinds_of_loader(store: PreparedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make("auto", store).kind in ("torch", "dali")
    assert chosen_kind("auto", "mps") == "torch"
    with pytest.raises(UsageError, match="loader 'tf' is unknown: wanted auto, dali, torch"):
        make("tf", store)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert chosen_kind("auto", "cpu") == "torch"
    with pytest.raises(UsageError, match="nvidia-dali is not installed"):
        chosen_kind("dali", "cpu")


def test_a_frame_and_a_store_are_enough(store: PreparedStore) -> None:
    frame = pd.DataFrame(
        {
            schema.PLATE: ["P2", "P1", "P1", "P2"],
            schema.WELL: ["B03", "B02", "B03", "B04"],
            schema.SITE: [1, 2, 1, 2],
            "phenotype": ["round", "flat", "round", None],
        }
    )
    loader = from_frame(frame, store, label="phenotype", settings=LoaderSettings(input_size=16, views=1))
    (batch,) = loader.epoch(0)
    assert loader.labels is not None
    assert loader.labels.class_names == ("flat", "round")
    assert batch.targets is not None
    assert batch.targets.tolist() == [1, 0, 1]
    found = store.sites.iloc[batch.rows.numpy()]
    assert found[schema.PLATE].tolist() == ["P2", "P1", "P1"]
    assert found[schema.WELL].tolist() == ["B03", "B02", "B03"]
    assert found[schema.SITE].tolist() == [1, 2, 1]


def test_a_frame_with_several_labels_a_site(store: PreparedStore) -> None:
    frame = store.sites[schema.KEY].iloc[:4].assign(EGFR=[1, 0, 1, 1], Src=[1, 1, 0, 0])
    settings = LoaderSettings(input_size=16, views=1)
    (batch,) = from_frame(frame, store, label=["EGFR", "Src"], settings=settings).epoch(0)
    assert batch.targets is not None
    assert batch.targets.tolist() == [[1, 1], [0, 1], [1, 0], [1, 0]]
    named = frame.assign(targets=["EGFR|Src", "Src", "EGFR", None])
    loader = from_frame(named, store, label="targets", multi_label=True, separator="|", settings=settings)
    (batch,) = loader.epoch(0)
    assert batch.targets is not None
    assert batch.targets.tolist() == [[1, 1], [0, 1], [1, 0]]


def test_a_frame_without_labels_gives_images_only(store: PreparedStore) -> None:
    loader = from_frame(store.sites.iloc[5:7], store, settings=LoaderSettings(input_size=16))
    assert all(batch.targets is None for batch in loader.epoch(0))


def test_frames_that_do_not_fit_the_store_are_refused(store: PreparedStore, tmp_path: Path) -> None:
    frame = store.sites[schema.KEY].iloc[:2]
    with pytest.raises(InputError, match=r"1 of the frame's sites are not in .*, first P1 B02 9 1"):
        from_frame(frame.assign(**{schema.SITE: [1, 9]}), store)
    with pytest.raises(InputError, match="names a site twice"):
        from_frame(pd.concat([frame, frame]), store)
    with pytest.raises(InputError, match="lacks Metadata_Well"):
        from_frame(frame.drop(columns=schema.WELL), store)


def equal(one: Minibatch, other: Minibatch) -> bool:
    return torch.equal(one.rows, other.rows) and all(map(torch.equal, one.streams, other.streams))
