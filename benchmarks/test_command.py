"""The whole command, start-up included: against its own native calls, and against what a user would write.

Files are in the page cache. Results are compared first.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.images import CHANNEL_MAP, CHANNELS, write_plate
from benchmarks.measuring import SMOKE, Measured, seconds

Record = Callable[[str, Measured], None]

ROUNDS = 0 if SMOKE else 3
N_LONG, N_SHORT = (8, 8) if SMOKE else (60, 20)
CODECS = {"LZW": "lzw", "uncompressed": None}
CORRELATED = 0.98
"""Two corrections of one image, each into its own window of 256 levels: alike but for field and rounding."""


def preprocess_words(root: Path, out: Path, threads: int) -> list[str]:
    shutil.rmtree(out, ignore_errors=True)
    return ["preprocess", str(root), "--channels", CHANNEL_MAP, "--out", str(out), "--threads", str(threads), "--quiet"]


def run(words: list[str]) -> None:
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("codec", CODECS)
def test_the_command_is_little_more_than_its_native_calls(codec: str, tmp_path: Path, record: Record) -> None:
    root, told = write_plate(tmp_path / "plates", N_LONG, CODECS[codec]), tmp_path / "native.txt"

    def measure() -> tuple[float, float]:
        words = ["-m", "benchmarks.timed_command", str(told), *preprocess_words(root, tmp_path / "out", 1)]
        return seconds(lambda: run(words)), float(told.read_text())

    pairs = [measure() for _ in range(1 + ROUNDS)][ROUNDS and 1 :]  # the first brings the files into the page cache
    assert len(np.load(tmp_path / "out/images/P1.npy", mmap_mode="r")) == N_LONG
    ratio = statistics.median(whole / native for whole, native in pairs)
    whole, native = (min(times) for times in zip(*pairs, strict=True))
    record(f"preprocess {N_LONG} x 5 {codec}, times as long as", Measured(ratio, whole, native, "s"))
    shutil.rmtree(tmp_path / "plates")


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
@pytest.mark.parametrize("codec", CODECS)
def test_the_command_beats_what_a_user_would_write(codec: str, tmp_path: Path, record: Record) -> None:
    root, out, other = write_plate(tmp_path / "plates", N_SHORT, CODECS[codec]), tmp_path / "out", tmp_path / "other"

    def ours() -> None:
        run(["-m", "kinfast", *preprocess_words(root, out, 2)])

    def theirs() -> None:
        shutil.rmtree(other, ignore_errors=True)
        run(["-m", "benchmarks.usual", str(root), str(other), "2"])

    ours(), theirs()
    check_alike(out, other)
    if SMOKE:
        return
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    ratio = statistics.median(usual / mine for mine, usual in pairs)
    mine, usual = (min(times) for times in zip(*pairs, strict=True))
    record(f"preprocess {N_SHORT} x 5 {codec}, two cores", Measured(ratio, mine, usual, "s"))
    shutil.rmtree(tmp_path / "plates")


def check_alike(out: Path, other: Path) -> None:
    """Right before fast: alike images, and the same raw means and percentiles."""
    images = np.load(out / "images/P1.npy", mmap_mode="r")
    table = pd.read_parquet(out / "sites.parquet")
    rows = np.load(other / "table.npy").reshape(len(CHANNELS), len(images), -1)
    stored: list[str] = json.loads((out / "dataset.json").read_text())["channels"]
    for their_rows, (token, name) in zip(rows, CHANNELS.items(), strict=True):
        usual = np.load(other / f"{token}.npy")
        order = table[f"FileName_{name}"].argsort().argsort()  # theirs are sorted by file
        mine = images[..., stored.index(name)]
        assert np.corrcoef(mine.ravel(), usual[order].ravel())[0, 1] > CORRELATED
        np.testing.assert_allclose(table[f"Quality_mean_{name}"], their_rows[order, 0], rtol=1e-6)
