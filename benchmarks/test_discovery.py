"""Finding and parsing the paths of 200,000 images, the folders in the cache: seconds, and whether they grow in line."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.measuring import SMOKE, Measured, compare

from kinfast.plate.open import open_plates

N_PLATES, N_WELLS, N_SITES, N_CHANNELS = (2, 8, 2, 2) if SMOKE else (20, 384, 5.2, 5)
CHANNELS = {str(c + 1): name for c, name in enumerate(("DNA", "ER", "RNA", "AGP", "Mito")[:N_CHANNELS])}


def touch_plate(root: Path, name: str, n_files: int) -> None:
    folder = root / name / "TimePoint_1"
    folder.mkdir(parents=True)
    made = 0
    for site in range(1, 100):
        for well in range(min(N_WELLS, 384)):
            for token in CHANNELS:
                if made == n_files:
                    return
                (folder / f"{name}_{chr(65 + well // 24)}{well % 24 + 1:02d}_s{site}_w{token}.TIF").touch()
                made += 1


def processor_seconds(tree: Path) -> float:
    """Time of the processor, the kernel's included: one thread, no waiting, and no time of the neighbours'."""
    began = time.process_time()
    open_plates(tree, channels=CHANNELS)
    return time.process_time() - began


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two halves, each with as many plates."""
    root = tmp_path_factory.mktemp("tree")
    for plate in range(N_PLATES):
        touch_plate(root / ("a" if plate % 2 else "b"), f"P{plate:02d}", 10_000 if not SMOKE else 32)
    return root


def test_200_000_paths(tree: Path, record: Callable[[str, Measured], None]) -> None:
    found = open_plates(tree, channels=CHANNELS)
    assert sum(len(site.channels) for plate in found.plates for site in plate.sites) == (64 if SMOKE else 200_000)
    taken = min(processor_seconds(tree) for _ in range(1 if SMOKE else 3))
    record("open 200,000 paths, seconds", Measured(taken, taken, 4.0, "s"))


def test_twice_the_paths_take_twice_as_long(tree: Path, record: Callable[[str, Measured], None]) -> None:
    measured = compare(
        lambda: open_plates(tree / "a", channels=CHANNELS),
        lambda: open_plates(tree, channels=CHANNELS),
        rounds=1 if SMOKE else 3,
        repeats=1,
    )
    record(
        "open 200,000 paths, times as long as",
        Measured(measured.ratio, measured.theirs / 1e3, measured.ours / 1e3, "s"),
    )
