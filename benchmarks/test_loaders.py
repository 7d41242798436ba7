"""Loaders in sites/s: ours on PyTorch and on DALI, against the usual DataLoader with torchvision's transforms.

All read the same store on this machine's CPU and make the same two normalised streams with the same kind of
augmentation: flips, free rotation, shear, scaling and a random crop, brightness and contrast a channel. The usual way
is one site after the other in worker processes; ours is a batch at a time. `KINFAST_BENCH_SMOKE=1` sees that it
runs, no more.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks.measuring import SMOKE, Measured, seconds
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from kinfast import schema
from kinfast.config import STORE_FORMAT_VERSION
from kinfast.data.augment import AugmentationSpec
from kinfast.data.composites import parse_composites, stream_positions, used_channels
from kinfast.data.feed import LoaderSettings
from kinfast.data.loaders import chosen_kind, make_loader
from kinfast.data.minibatch import IMAGENET_MEAN, IMAGENET_STD
from kinfast.data.store import PreparedStore
from kinfast.models import build_model
from kinfast.train.stepping.losses import Loss
from kinfast.train.stepping.precision import Precision
from kinfast.train.stepping.step import Updater

N_SITES, STORED, CROP, BATCH, ROUNDS = (16, 48, 32, 8, 1) if SMOKE else (128, 256, 224, 32, 5)
STEP_BATCH = 8
WORKERS = min(2, os.cpu_count() or 1)
STREAMS = "MiCoPh,SyHoPh"
AUGMENTATION = AugmentationSpec(rotation_degrees=30, shear_degrees=10, scale=(0.8, 1.25), quarter_turns=False)
NAMES = {"torch": "loader on PyTorch", "dali": "loader on DALI"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),  # the usual way's worker processes
]


class PlainSites(Dataset[tuple[Tensor, ...]]):
    """One site at a time, as one writes it without kinfast."""

    def __init__(self, store: PreparedStore, exact: bool) -> None:
        self.images = np.load(store.root / store.sites[schema.IMAGE_FILE].iloc[0], mmap_mode="r")
        composites = parse_composites(STREAMS, store)
        self.channels = used_channels(composites, store)
        self.positions = [list(p) for p in stream_positions(composites, store)]
        flips = [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]
        bend = v2.RandomAffine(30, scale=(0.8, 1.25), shear=10, interpolation=v2.InterpolationMode.BILINEAR)
        self.geometry = v2.Compose([*flips, *([] if exact else [bend]), v2.RandomCrop(CROP)])
        self.scale = v2.ToDtype(torch.float32, scale=True)
        self.normalise = v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        stack = torch.from_numpy(self.images[index][..., self.channels]).permute(2, 0, 1)
        stack = self.scale(self.geometry(stack))
        brightness, contrast = (torch.empty(len(stack), 1, 1).uniform_(0.9, 1.1) for _ in range(2))
        stack = (brightness * (0.5 + contrast * (stack - 0.5))).clamp_(0, 1)
        return tuple(self.normalise(stack[positions]) for positions in self.positions)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PreparedStore:
    """One plate of random pixels; what is in them does not change the time."""
    root = tmp_path_factory.mktemp("bench") / "prepared"
    (root / "images").mkdir(parents=True)
    channels = ["DNA", "RNA", "ER", "AGP", "Mito"]
    images = np.random.default_rng(0).integers(0, 256, (N_SITES, STORED, STORED, 5), dtype=np.uint8)
    np.save(root / "images/P1.npy", images)
    table = pd.DataFrame({schema.PLATE: "P1", schema.WELL: "B02", schema.SITE: np.arange(1, N_SITES + 1)})
    table[schema.TIMEPOINT], table[schema.IMAGE_FILE], table[schema.IMAGE_INDEX] = 1, "images/P1.npy", range(N_SITES)
    table.to_parquet(root / "sites.parquet")
    composites = {"MiCoPh": ["Mito", "ER", "AGP"], "SyHoPh": ["RNA", "DNA", "AGP"]}
    dataset = {"format_version": STORE_FORMAT_VERSION, "channels": channels, "composites": composites}
    dataset |= {"streams": list(composites), "image_size": [STORED, STORED]}
    (root / "dataset.json").write_text(json.dumps(dataset))
    return PreparedStore.open(root)


def epochs_of(kind: str, store: PreparedStore, augmentation: AugmentationSpec) -> Callable[[], int]:
    """Make what serves one whole epoch and counts its sites."""
    if kind == "plain":
        dataset = PlainSites(store, exact=augmentation.exact)
        loader: DataLoader[Any] = DataLoader(
            dataset,
            batch_size=BATCH,
            shuffle=True,
            num_workers=WORKERS,
            persistent_workers=True,
            multiprocessing_context="fork",
        )
        return lambda: sum(len(channels_last(streams)[0]) for streams in loader)
    settings = LoaderSettings(input_size=CROP, batch_size=BATCH, augmentation=augmentation, threads=WORKERS)
    ours = make_loader(kind, store, np.arange(N_SITES), parse_composites(STREAMS, store), None, settings)
    numbers: Iterator[int] = iter(range(10**6))
    return lambda: sum(len(batch) for batch in ours.epoch(next(numbers)))


def channels_last(streams: Sequence[Tensor]) -> list[Tensor]:
    """Bring the usual way's streams into the memory layout that ours come in, which models run faster on."""
    return [stream.to(memory_format=torch.channels_last) for stream in streams]


def need(kind: str) -> None:
    """Skip, visibly, where the library is not there."""
    if kind == "dali" and chosen_kind("auto", "cpu") != "dali":
        pytest.skip("nvidia-dali is not installed")


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(WORKERS)
    yield
    torch.set_num_threads(before)


def test_the_usual_way_makes_the_same_streams(store: PreparedStore) -> None:
    """Right before fast: a middle crop without augmentation is the same, from all three."""
    plain = PlainSites(store, exact=True)
    plain.geometry = v2.Compose([v2.CenterCrop(CROP)])
    stack = plain.scale(plain.geometry(torch.from_numpy(plain.images[3][..., plain.channels]).permute(2, 0, 1)))
    expected = [plain.normalise(stack[positions]) for positions in plain.positions]
    for kind in ("torch", "dali"):
        if kind == "dali" and chosen_kind("auto", "cpu") != "dali":
            continue
        settings = LoaderSettings(input_size=CROP, views=1)
        loader = make_loader(kind, store, np.array([3]), parse_composites(STREAMS, store), None, settings)
        (batch,) = loader.epoch(0)
        for stream, wanted in zip(batch.streams, expected, strict=True):
            # torchvision may round the division by 255 and the normalisation elsewhere: some ulp of values up to 2.7
            assert (stream[0] - wanted).abs().max() < 8 * 2**-24 * 2.7


@pytest.mark.parametrize("kind", ["torch", "dali"])
def test_ours_is_faster_than_the_usual_way(
    store: PreparedStore, kind: str, record: Callable[[str, Measured], None]
) -> None:
    """Interleaved, the median of the ratios: what else the machine does meets both sides."""
    need(kind)
    ours, plain = (epochs_of(one, store, AUGMENTATION) for one in (kind, "plain"))
    ours(), plain()
    pairs = [(seconds(ours), seconds(plain)) for _ in range(ROUNDS)]
    ratio = float(np.median([theirs / mine for mine, theirs in pairs]))
    mine, theirs = (N_SITES / min(times) for times in zip(*pairs, strict=True))
    record(NAMES[kind], Measured(ratio, mine, theirs, "sites/s"))


@pytest.mark.parametrize("kind", ["torch", "dali"])
def test_the_loader_takes_little_of_a_training_step(
    store: PreparedStore, kind: str, record: Callable[[str, Measured], None]
) -> None:
    """The processor's time of all threads, so that other work on the machine does not count: a minibatch against the
    step that it feeds, two-stream MobileNetV2 in float32."""
    need(kind)
    torch.set_num_threads(1)
    settings = LoaderSettings(input_size=CROP, batch_size=STEP_BATCH, augmentation=AUGMENTATION, threads=1)
    loader = make_loader(kind, store, np.arange(N_SITES), parse_composites(STREAMS, store), None, settings)
    model = build_model("mobilenet_v2", (3, 3), 4).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    updater = Updater(model, optimizer, Loss("cross_entropy"), Precision("cpu", None), 0.0)
    (batch, *_) = loader.epoch(0)
    batch = replace(batch, targets=torch.arange(len(batch)) % 4)

    def load(epoch: int) -> float:
        began = time.process_time()
        served = sum(1 for _ in loader.epoch(epoch))
        return (time.process_time() - began) / served

    def step() -> float:
        began = time.process_time()
        updater.step(batch, 1e-3)
        return time.process_time() - began

    step()
    pairs = [(load(1 + turn), step()) for turn in range(ROUNDS)]
    ratio = float(np.median([loading / stepping for loading, stepping in pairs]))
    record(
        f"{NAMES[kind]}, of a step's time", Measured(ratio, *(1e3 * min(times) for times in zip(*pairs, strict=True)))
    )
