"""`--illumination-group`: a plate whose light turns with the row, from files to the store and the report."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile

from kinfast import schema
from kinfast.config import PreprocessConfig
from kinfast.errors import UsageError
from kinfast.plate.open import open_plates
from kinfast.preprocess.run import preprocess
from kinfast.report.plate_words import light_words

SIDE, OFFSET, TILT = 96, 100, 0.15
ROWS, COLUMNS, SITES = "BCDE", (2, 3, 4, 5), (1, 2, 3)
TURNED, EVEN = "Turned", "Even"


def light_of(plate: str, row: str) -> np.ndarray:
    """(SIDE, SIDE) of mean 1: a vignette, and on the turned plate a gradient that turns with the row."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    angle = np.pi / 2 * ROWS.index(row)
    tilt = TILT * (plate == TURNED)
    light = (1 - 0.2 * (y**2 + x**2)) * np.exp(tilt * (np.cos(angle) * x + np.sin(angle) * y))
    return np.asarray(light / light.mean())


def write_plate(root: Path, plate: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for row in ROWS:
        for column in COLUMNS:
            for site in SITES:
                scene = np.full((SIDE, SIDE), 400.0)
                for y, x in rng.uniform(-5, SIDE + 5, (8, 2)):
                    cv2.circle(body := np.zeros((SIDE, SIDE), np.float32), (round(x), round(y)), 5, 1.0, -1)
                    scene += 2500 * cv2.GaussianBlur(body, (0, 0), 0.8)
                lit = scene * light_of(plate, row)
                raw = np.clip(OFFSET + rng.normal(lit, np.sqrt(lit + 9)), 0, 65535).astype(np.uint16)
                path = root / plate / f"{plate}_{row}{column:02d}_s{site}_w1.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, raw)


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plates")
    for seed, plate in enumerate((TURNED, EVEN)):
        write_plate(root, plate, seed)
    return root


def run(root: Path, out: Path, group: str, threads: int = 2) -> dict[str, dict]:
    """Prepare both plates and give what is said of each one's light."""
    config = PreprocessConfig(shorter_side=SIDE, illumination_group=group)
    preprocess(open_plates(root, channels={"1": "DNA"}), out, config, threads=threads)
    told = json.loads((out / "dataset.json").read_text())["plates"]
    return {plate: facts["illumination"]["DNA"] for plate, facts in told.items()}


def background_slopes(out: Path) -> float:
    """RMS over the turned plate's rows of the tilt of the stored background, as a share of the background."""
    images = np.load(out / f"images/{TURNED}.npy")[..., 0].astype(float)
    low, high = json.loads((out / "dataset.json").read_text())["intensity_windows"][TURNED]["DNA"]
    per_row = len(COLUMNS) * len(SITES)
    slopes = []
    for start in range(0, len(images), per_row):
        background = np.median(images[start : start + per_row], axis=0) * (high - low) / 255 + low
        halves = [np.median(half) for half in (*np.split(background, 2, axis=0), *np.split(background, 2, axis=1))]
        slopes += [(halves[0] - halves[1]) / np.median(background), (halves[2] - halves[3]) / np.median(background)]
    return float(np.sqrt(np.mean(np.square(slopes))))


def content_of(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_change_is_reported_and_fields_by_row_remove_it(plates: Path, tmp_path: Path) -> None:
    whole, by_row = run(plates, tmp_path / "plate", "plate"), run(plates, tmp_path / "row", "row")
    assert whole[TURNED]["drift"]["rows"]["found"]
    assert whole[EVEN]["drift"]["text"].startswith("no drift of the light found")
    assert by_row[TURNED]["drift"] == whole[TURNED]["drift"]
    assert light_words({"DNA": whole[TURNED]}).endswith("(DNA); see --illumination-group")
    assert light_words({"DNA": whole[EVEN]}) == ""
    assert whole[TURNED]["groups"] == {}
    assert set(by_row[TURNED]["groups"]) == set(ROWS)
    before, after = background_slopes(tmp_path / "plate"), background_slopes(tmp_path / "row")
    assert before > 0.08
    assert after < 0.25 * before  # a level of the store is 1 to 2 % of the background
    column = pd.read_parquet(tmp_path / "row/sites.parquet")[schema.ILLUMINATION_GROUP]
    assert column.tolist() == [row for _ in (TURNED, EVEN) for row in ROWS for _ in range(len(COLUMNS) * len(SITES))]
    assert schema.ILLUMINATION_GROUP not in pd.read_parquet(tmp_path / "plate/sites.parquet")
    with np.load(tmp_path / f"row/illumination/{TURNED}/DNA.npz") as stored:
        assert stored["flatfield"].mean() == pytest.approx(1, abs=1e-3)
        groups = dict(zip(stored["wells"].tolist(), stored["groups"].tolist(), strict=True))
        assert groups["C04"] == "C"
        assert stored["flatfield_C"].mean() == pytest.approx(1, abs=1e-3)
        wanted = light_of(TURNED, "C")
        whole_field, own = (cv2.resize(stored[name], (SIDE, SIDE)) for name in ("flatfield", "flatfield_C"))
        assert np.std(own / wanted) < 0.5 * np.std(whole_field / wanted)


@pytest.mark.parametrize("group", ["row", "batch"])
def test_the_bytes_do_not_depend_on_threads(plates: Path, tmp_path: Path, group: str) -> None:
    run(plates, tmp_path / "one", group, threads=1)
    run(plates, tmp_path / "two", group, threads=2)
    assert content_of(tmp_path / "one") == content_of(tmp_path / "two")


def test_the_command_says_what_it_found_and_what_it_does_not_know(plates: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "kinfast", "preprocess", str(plates), "--out", str(tmp_path / "out")]
    words += ["--channels", "1=DNA", "--size", "48", "-q"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    said = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    assert "Turned: " in said
    assert "light changes within the plate by up to" in said
    assert "light differs between rows by" in (tmp_path / "out/report.html").read_text()
    done = subprocess.run([*words, "--illumination-group", "well"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == "kinfast: illumination group 'well': wanted one of plate, row, batch"


def test_groups_of_no_correction_are_refused(plates: Path, tmp_path: Path) -> None:
    config = PreprocessConfig(illumination="none", illumination_group="row")
    with pytest.raises(UsageError, match="there is no field to group"):
        preprocess(open_plates(plates, channels={"1": "DNA"}), tmp_path / "out", config)
