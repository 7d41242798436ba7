"""Images like a camera's, and plates of them."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import tifffile
from benchmarks.measuring import SMOKE
from numpy.typing import NDArray

SIDE = 256 if SMOKE else 2160
"""A full sCMOS sensor, the usual site of a screening microscope."""
STRIP_ROWS = SIDE // 20
CHANNELS = {"1": "DNA", "2": "ER", "3": "RNA", "4": "AGP", "5": "Mito"}
CHANNEL_MAP = ",".join(f"{token}={name}" for token, name in CHANNELS.items())
SCENES = 6


def simulate_counts(side: int = SIDE) -> NDArray[np.uint16]:
    """Smooth structure of cells, an offset, and shot noise."""
    rng = np.random.default_rng(0)
    field = cv2.GaussianBlur(rng.random((side, side), dtype=np.float32), (0, 0), 8)
    field = (field - field.min()) / np.ptp(field)
    return rng.poisson(150 + 2500 * field**3).astype(np.uint16)


def draw_scene(rng: np.random.Generator) -> NDArray[np.uint16]:
    """Cells that go on beyond the border, vignetting, offset, shot noise."""
    small = np.full((SIDE // 4, SIDE // 4), 300, np.float32)
    for _ in range(60):
        centre, axes = rng.integers(-10, SIDE // 4 + 10, 2), rng.integers(SIDE // 100 + 2, SIDE // 40 + 4, 2)
        counts = float(rng.uniform(1500, 3000))
        cv2.ellipse(small, (int(centre[0]), int(centre[1])), (int(axes[0]), int(axes[1])), 0, 0, 360, counts, -1)
    light = cv2.resize(cv2.GaussianBlur(small, (0, 0), 1.0), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    y, x = (np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) + 0.5) / SIDE - 0.5
    lit = light * (1.1 - 0.6 * (x**2 + y**2))
    noise = rng.standard_normal(lit.shape, np.float32) * np.sqrt(lit)
    return np.clip(100 + lit + noise, 0, 65535).astype(np.uint16)


def write_plate(
    root: Path, n_sites: int, compression: str | None, channels: Mapping[str, str] = CHANNELS, name: str = "P1"
) -> Path:
    """Write a plate as an ImageXpress names it; each image is one of a few scenes, shifted: no two are alike."""
    rng = np.random.default_rng(0)
    scenes = [draw_scene(rng) for _ in range(SCENES)]
    folder = root / name / "TimePoint_1"
    folder.mkdir(parents=True)
    for site in range(n_sites):
        for c, token in enumerate(channels):
            image = np.roll(scenes[(site + c) % SCENES], (37 * site, 53 * c + 11 * site), (0, 1))
            path = folder / f"{name}_{'BCDEFG'[site // 10 % 6]}{2 + site % 10:02d}_s{1 + site // 60}_w{token}.tif"
            tifffile.imwrite(path, image, compression=compression, rowsperstrip=STRIP_ROWS, metadata=None)
    return root
