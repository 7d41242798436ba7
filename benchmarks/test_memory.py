"""The most memory that `kinfast preprocess` has at any time, as the kernel counts it, for one plate and for twenty."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.images import CHANNEL_MAP, CHANNELS, SIDE, write_plate
from benchmarks.measuring import SMOKE, Measured

THREADS = 2
N_PLATES, N_SITES = (2, 4) if SMOKE else (20, 10)
ALLOWED_MB = 400.0


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One plate, and as many as are to be tried, which share its files' content."""
    one = write_plate(tmp_path_factory.mktemp("one"), N_SITES, "lzw")
    many = tmp_path_factory.mktemp("many")
    for plate in range(N_PLATES):
        for path in (one / "P1").rglob("*.tif"):
            linked = many / f"P{plate:02d}" / "TimePoint_1" / path.name.replace("P1_", f"P{plate:02d}_")
            linked.parent.mkdir(parents=True, exist_ok=True)
            linked.hardlink_to(path)
    return one, many


def peak_mb(root: Path, out: Path) -> float:
    """Run the command, and give its peak of resident memory."""
    words = [
        "preprocess",
        str(root),
        "--channels",
        CHANNEL_MAP,
        "--out",
        str(out),
        "--threads",
        str(THREADS),
        "--quiet",
    ]
    process = subprocess.Popen([sys.executable, "-m", "kinfast", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / (1024 if sys.platform == "linux" else 2**20)


def test_memory_is_bounded(plates: tuple[Path, Path], tmp_path: Path, record: Callable[[str, Measured], None]) -> None:
    one, many = (peak_mb(root, tmp_path / f"out{i}") for i, root in enumerate(plates))
    two_sites = 2 * SIDE * SIDE * 2 * len(CHANNELS) / 2**20
    allowed = ALLOWED_MB + THREADS * two_sites
    record("peak memory of preprocess", Measured(max(one, many) / allowed, max(one, many), allowed, "MB"))
    record("peak memory of 20 plates, times as much as", Measured(many / one, many, one, "MB"))
