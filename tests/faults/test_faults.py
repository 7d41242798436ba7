"""Shares that die, disks that fill up, files that change while they are read: a typed error that names the path.

faults.c stands between the program and libc; only a process of its own can be run under it.
"""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="faults are injected by LD_PRELOAD")

HERE = Path(__file__).parent
WELLS, SITES, CHANNELS = ("B02", "B03", "B04"), (1, 2), (1, 2)
FAULTS = [
    f"{call}:{code}"
    for call, codes in {
        "open": (errno.EACCES, errno.EIO, errno.ESTALE),
        "stat": (errno.ESTALE,),
        "read": (errno.EIO, errno.ESTALE),
    }.items()
    for code in codes
]


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, HERE / "faults.c", "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture(scope="session")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("sound")
    folder = root / "plates" / "PlateA"
    folder.mkdir(parents=True)
    for well in WELLS:
        for site in SITES:
            for channel in CHANNELS:
                image = rng.normal(1000, 200, (64, 64)).astype(np.uint16)
                tifffile.imwrite(folder / f"PlateA_{well}_s{site}_w{channel}.tif", image, compression="lzw")
    return root / "plates"


@pytest.fixture(scope="session")
def undisturbed(shim: Path, plates: Path) -> dict[str, str]:
    """The store's files and hashes where nothing went wrong."""
    assert preprocess(shim, "", plates, plates.parent / "fresh").returncode == 0
    return content_of(plates.parent / "fresh")


def run(shim: Path, fault: str, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LD_PRELOAD": str(shim), **({"KINFAST_FAULT": fault} if fault else {})}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def preprocess(shim: Path, fault: str, plates: Path, out: Path) -> subprocess.CompletedProcess[str]:
    words = ["-m", "kinfast", "preprocess", plates, "--out", out, "--size", 32, "--channels", "1=DNA,2=ER", "-q"]
    return run(shim, fault, *words)


def content_of(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Of what was said; the exit code is that of an input that cannot be used."""
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "internal error" not in done.stderr
    return done.stderr


def test_a_file_that_cannot_be_read_is_an_io_error_that_names_it(shim: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "good.tif", np.arange(64 * 64, dtype=np.uint16).reshape(64, 64), compression="lzw")
    faults = [f"{fault}:marked" for fault in FAULTS]
    done = run(shim, "", HERE / "read_images.py", tmp_path / "good.tif", *faults)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 3 * len(faults)
    for what, (kind, text, after, _) in found.items():
        reason = os.strerror(int(what.split(":")[1]))
        assert (kind, after) == ("IoError", "pixels"), what
        assert text.endswith(f"marked.tif: {reason}"), what


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_a_file_that_shrinks_while_it_is_read_is_a_typed_error(
    shim: Path, tmp_path: Path, compression: str | None
) -> None:
    image = np.random.default_rng(0).integers(0, 4000, (300, 300)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "good.tif", image, compression=compression)
    done = run(shim, "", HERE / "read_images.py", tmp_path / "good.tif", "cut:5:marked")
    assert done.returncode == 0, done.stderr
    for what, (kind, text, after, _) in json.loads(done.stdout).items():
        assert after == "pixels"
        if not what.endswith("read_info"):  # which may have all it needs
            assert kind == "IoError", what
            assert "marked.tif: ended at byte" in text
            assert text.endswith("while it was being read")


@pytest.mark.parametrize("fault", ["open:13", "stat:116", "read:5"])
def test_a_file_behind_a_dead_share_costs_its_site_until_the_share_is_back(
    shim: Path, plates: Path, tmp_path: Path, undisturbed: dict[str, str], fault: str
) -> None:
    out = tmp_path / "out"
    done = preprocess(shim, f"{fault}:B03_s1_w2", plates, out)
    assert done.returncode == 1, done.stderr
    rows = pd.read_csv(out / "quarantine.csv")
    assert rows.path.tolist() == ["PlateA/PlateA_B03_s1_w2.tif"]
    assert rows.reason.tolist() == [os.strerror(int(fault.split(":")[1]))]
    assert len(np.load(out / "images/PlateA.npy")) == 5
    assert preprocess(shim, "", plates, out).returncode == 0
    assert content_of(out) == undisturbed


def test_a_file_that_shrinks_meanwhile_costs_its_site(shim: Path, plates: Path, tmp_path: Path) -> None:
    shutil.copytree(plates, tmp_path / "plates")
    done = preprocess(shim, "cut:5:B03_s1_w2", tmp_path / "plates", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    assert pd.read_csv(tmp_path / "out/quarantine.csv").path.tolist() == ["PlateA/PlateA_B03_s1_w2.tif"]
    assert len(np.load(tmp_path / "out/images/PlateA.npy")) == 5


@pytest.mark.parametrize(
    ("command", "code"), [("preprocess", errno.EACCES), ("preprocess", errno.ESTALE), ("inspect", errno.EIO)]
)
def test_a_folder_that_cannot_be_listed_is_named_and_nothing_is_written(
    shim: Path, plates: Path, tmp_path: Path, command: str, code: int
) -> None:
    fault = f"list:{code}:PlateA"
    if command == "preprocess":
        done = preprocess(shim, fault, plates, tmp_path / "out")
    else:
        done = run(shim, fault, "-m", "kinfast", "inspect", plates)
    text = one_line(done)
    assert f"{plates / 'PlateA'}: the folder cannot be listed ({os.strerror(code)})" in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fault", ["write:28:{}:0", "write:28:images.npy:9000", "write:122:{}:30000"])
def test_a_full_disk_leaves_nothing_half_written(
    shim: Path, plates: Path, tmp_path: Path, undisturbed: dict[str, str], fault: str
) -> None:
    out = tmp_path / "out"
    text = one_line(preprocess(shim, fault.format(out.name), plates, out))
    assert f"{out}: the disk is full; finished plates are kept" in text
    assert not (out / "sites.parquet").exists()
    assert preprocess(shim, "", plates, out).returncode == 0
    assert content_of(out) == undisturbed


@pytest.mark.parametrize("fault", ["write:5:{}:9000", "write:27:{}:30000", "sync:116:images.npy"])
def test_a_disk_that_fails_is_named(
    shim: Path, plates: Path, tmp_path: Path, undisturbed: dict[str, str], fault: str
) -> None:
    out = tmp_path / "out"
    text = one_line(preprocess(shim, fault.format(out.name), plates, out))
    assert str(out) in text
    assert os.strerror(int(fault.split(":")[1])) in text
    assert preprocess(shim, "", plates, out).returncode == 0
    assert content_of(out) == undisturbed


def test_a_store_cut_short_is_one_line(shim: Path, plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert preprocess(shim, "", plates, out).returncode == 0
    images = out / "images/PlateA.npy"
    whole = images.read_bytes()
    for size in (0, 60, len(whole) - 1):
        images.write_bytes(whole[:size])
        done = run(shim, "", "-m", "kinfast", "composites", out, "--out", tmp_path / "png", "--composites", "DNA")
        text = one_line(done)
        assert f"{images}: cannot be opened" in text
        assert text.endswith("preprocess again\n")
    images.write_bytes(whole)
    done = run(shim, f"open:{errno.ESTALE}:PlateA.npy", "-m", "kinfast", "composites", out, "--out", tmp_path / "png")
    assert f"{images}: cannot be opened" in one_line(done)
