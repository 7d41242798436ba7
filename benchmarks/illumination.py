"""The table of docs/illumination.md: errors and times of `auto`, BaSiCPy 2.0 and the smoothed mean on known fields.

    python benchmarks/illumination.py --basicpy-python .cache/basicpy/bin/python

BaSiCPy lives in an environment of its own (see docs/illumination.md); without one its columns stay empty, visibly. It
is told whether there is a dark offset (`get_darkfield`), and otherwise has its defaults. Both methods get the very same
images at the same working size, one after the other, so that both meet the same neighbours on the machine.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from illumination_scenes import CELLS, WORKING_SIDE, Scenario, Scenes, all_scenarios, draw_scenes, make_stack
from kinfast.preprocess.dark_offset import MIN_IMAGES
from kinfast.preprocess.illumination.estimate import fit_illumination
from kinfast.preprocess.offset_fit import fit_dark_offset

SMOKE = os.environ.get("KINFAST_BENCH_SMOKE") == "1"
ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "illumination"
RESULTS = ROOT / ".benchmarks" / "illumination.json"
PAGE = ROOT / "docs" / "illumination.md"
BEGIN, END = "<!-- made by benchmarks/illumination.py: begin -->", "<!-- end -->"
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
from basicpy import BaSiC
for line in sys.stdin:
    job = json.loads(line)
    images = np.load(job["images"])
    start = time.perf_counter()
    model = BaSiC(get_darkfield=job["offset"], working_size=job["side"])
    model.fit(images)
    seconds = time.perf_counter() - start
    np.save(job["field"], model.flatfield)
    print("done " + json.dumps(seconds), flush=True)
"""


class Basicpy:
    """BaSiCPy in a process of another interpreter."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [python, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def fit(self, images: NDArray[np.float32], offset: bool) -> tuple[NDArray[np.float64], float]:
        """Give the flat-field and the seconds that the fit took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        files = {"images": str(self._folder / "images.npy"), "field": str(self._folder / "field.npy")}
        np.save(files["images"], images)
        self._process.stdin.write(json.dumps({**files, "offset": offset, "side": WORKING_SIDE}) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("done "):
                return np.load(files["field"]).astype(np.float64), float(line.removeprefix("done "))
        raise RuntimeError("BaSiCPy ended without a word: run it by hand to see why")


def own_field(images: NDArray[np.float32], method: str = "auto") -> NDArray[np.float64]:
    """Estimate and judge, as `kinfast preprocess` does."""
    offset = fit_dark_offset(images) if len(images) >= MIN_IMAGES else 0.0
    return fit_illumination(images, offset, method).flatfield.astype(np.float64)


def mean_and_smooth(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean image under a Gaussian of an eighth of the side."""
    blurred = cv2.GaussianBlur(images.mean(axis=0), (0, 0), WORKING_SIDE / 8, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float64)


def rms_error(field: NDArray[np.float64], planted: NDArray[np.float64]) -> float:
    """Give the RMS of the ratio to the planted field, both of mean 1, minus 1."""
    return float(np.sqrt(np.mean((field / field.mean() / planted - 1) ** 2)))


def measure(scenario: Scenario, scenes: Scenes, seed: int, peer: Basicpy | None) -> dict[str, Any]:
    """Run all methods on one scenario."""
    images, planted = make_stack(scenario, scenes, seed)
    row: dict[str, Any] = {**asdict(scenario), "seed": seed, "mean": rms_error(mean_and_smooth(images), planted)}
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        field = own_field(images)
        seconds.append(time.perf_counter() - start)
    row |= {"auto": rms_error(field, planted), "auto_s": min(seconds)}
    row["basic"] = rms_error(own_field(images, "basic"), planted)  # in the results, not on the page
    if peer is not None:
        field, taken = peer.fit(images, scenario.offset)
        row |= {"basicpy": rms_error(field, planted), "basicpy_s": taken, "ratio": taken / row["auto_s"]}
    return row


def cached_scenes(cells: str, images: int, seed: int) -> Scenes:
    """Draw scenes, or take those of an earlier run."""
    file = CACHE / f"{cells}-{images}-{seed}.npy"
    if SMOKE:
        return draw_scenes(cells, images, seed)
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        np.save(file, draw_scenes(cells, images, seed))
    return np.asarray(np.load(file, mmap_mode="r"))


def table(rows: list[dict[str, Any]]) -> str:
    """Spell the table in Markdown."""
    lines = [
        "| images | cells | offset | `auto` | BaSiCPy 2.0 | mean, smoothed | `auto`, s | BaSiCPy, s | ratio | worse |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        peers = [row["mean"], *([row["basicpy"]] if "basicpy" in row else [])]
        worse = f"by {row['auto'] - min(peers):.2%}" if row["auto"] > min(peers) else ""
        theirs = (
            (f"{row['basicpy']:.2%}", f"{row['basicpy_s']:.1f}", f"{row['ratio']:.0f}")
            if "basicpy" in row
            else ("not run",) * 3
        )
        lines.append(
            f"| {row['images']} | {row['cells']} | {'200 counts' if row['offset'] else 'none'} | {row['auto']:.2%} "
            f"| {theirs[0]} | {row['mean']:.1%} | {row['auto_s']:.2f} | {theirs[1]} | {theirs[2]} | {worse} |"
        )
    return "\n".join(lines)


def write_page(rows: list[dict[str, Any]]) -> None:
    """Put the table between the page's marks."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{table(rows)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    """Measure, print, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--basicpy-python", type=Path, help="interpreter of an environment that has BaSiCPy 2.0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clean", action="store_true", help="also without debris and saturated spots")
    parser.add_argument("--write-page", action="store_true", help="write the table into docs/illumination.md")
    asked = parser.parse_args()
    counts = (4, 8) if SMOKE else (4, 16, 64, 540)
    if asked.basicpy_python is None:
        print("BaSiCPy: not run (no --basicpy-python)")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        peer = Basicpy(asked.basicpy_python, Path(folder)) if asked.basicpy_python else None
        scenes = {cells: cached_scenes(cells, max(counts), asked.seed) for cells in CELLS}
        for scenario in all_scenarios(counts, spoilt=(True, False) if asked.clean else (True,)):
            rows.append(measure(scenario, scenes[scenario.cells], asked.seed, peer))
            print(table(rows[-1:]).splitlines()[-1], flush=True)
    if SMOKE:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if asked.write_page:
        write_page(rows)


if __name__ == "__main__":
    main()
