"""A small plate of two channels on the disk, and `kinfast preprocess` on it: what several tests begin with."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import tifffile

from kinfast.config import PreprocessConfig
from kinfast.plate.open import open_plates
from kinfast.preprocess.run import Outcome, preprocess

CHANNELS = {"1": "DNA", "2": "ER"}
SIDE = 96
WELLS = ("B02", "B03", "B04")
SITES = (1, 2, 3, 4)
CONFIG = PreprocessConfig(shorter_side=48)


def draw_site(rng: np.random.Generator) -> np.ndarray:
    """(2, SIDE, SIDE) uint16: cells that go on beyond the border, vignetting, offset 100, noise."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    light = np.full((2, SIDE, SIDE), 150.0)
    for cy, cx in rng.uniform(-10, SIDE + 10, (14, 2)):
        body = np.zeros((SIDE, SIDE), np.float32)
        cv2.circle(body, (round(cx), round(cy)), 9, 1.0, -1)
        light[1] += 900 * cv2.GaussianBlur(body, (0, 0), 1.5)
        cv2.circle(body := np.zeros((SIDE, SIDE), np.float32), (round(cx), round(cy)), 4, 1.0, -1)
        light[0] += 3000 * cv2.GaussianBlur(body, (0, 0), 0.8)
    lit = light * (1 - 0.6 * (y**2 + x**2))
    return np.clip(100 + rng.normal(lit, np.sqrt(lit + 9)), 0, 65535).astype(np.uint16)


def site_file(root: Path, plate: str, well: str, site: int, token: int) -> Path:
    return root / plate / "TimePoint_1" / f"{plate}_{well}_s{site}_w{token}.tif"


def write_plate(root: Path, plate: str, seed: int, wells: Sequence[str] = WELLS, side: int = SIDE) -> None:
    rng = np.random.default_rng(seed)
    for well in wells:
        for site in SITES:
            for token, image in enumerate(draw_site(rng), 1):
                path = site_file(root, plate, well, site, token)
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, image[:side, :side])


def run(root: Path, out: Path, config: PreprocessConfig = CONFIG, **options: object) -> Outcome:
    chosen = {name: options.pop(name) for name in ("plates", "wells", "metadata", "spec") if name in options}
    found = open_plates(root, channels=CHANNELS, plane=config.plane, **chosen)  # type: ignore[arg-type]
    return preprocess(found, out, config, **options)  # type: ignore[arg-type]


def content_of(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def times_of(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in content_of(folder)}


def command(plates: Path, out: Path, *more: str) -> list[str]:
    names = ",".join(f"{token}={name}" for token, name in CHANNELS.items())
    words = ["preprocess", str(plates), "--out", str(out), "--channels", names, "--size", "48", "-q", *more]
    return [sys.executable, "-m", "kinfast", *words]
