"""The table of docs/illumination.md: errors and times of `auto`, BaSiCPy 2.0 and the smoothed means on known fields.

    python -m benchmarks.illumination --basicpy-python .cache/basicpy/bin/python --write-page

BaSiCPy lives in an environment of its own (see docs/illumination.md); without one its columns stay empty, visibly. It
is told whether there is a dark offset (`get_darkfield`), and otherwise has its defaults. All methods get the very same
images at the same working size. Times are processor seconds of one thread, each method by itself: on a machine that
others use, wall clocks tell of the others.

Each result is a line of .benchmarks/illumination.jsonl as soon as it is there; what has a line is not run again, so a
run that was stopped goes on. `--again auto` forgets the lines of a method.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from benchmarks.illumination_scenes import WORKING_SIDE, Scenario, Scenes, all_scenarios, draw_scenes, make_stack
from benchmarks.illumination_table import PEER_METHOD, SMOOTHED, Rows, page_part, row_line
from benchmarks.measuring import SMOKE
from numpy.typing import NDArray

from kinfast.preprocess.dark_offset import MIN_IMAGES
from kinfast.preprocess.illumination.estimate import fit_illumination
from kinfast.preprocess.offset_fit import fit_dark_offset

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "illumination"
RESULTS = ROOT / ".benchmarks" / "illumination.jsonl"
PAGE = ROOT / "docs" / "illumination.md"
BEGIN, END = "<!-- made by benchmarks/illumination.py: begin -->", "<!-- end -->"
OWN = ("auto", "basic", "mean", "gaussian", "median-filter")
TIMED = 1 if SMOKE else 2
"""Calls of a method of ours, of which the faster one counts; BaSiCPy is called once."""
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
from basicpy import BaSiC
for line in sys.stdin:
    job = json.loads(line)
    images = np.load(job["images"])
    start, used = time.perf_counter(), time.process_time()
    model = BaSiC(get_darkfield=job["offset"], working_size=job["side"])
    model.fit(images)
    seconds = [time.process_time() - used, time.perf_counter() - start]
    np.save(job["field"], model.flatfield)
    print("done " + json.dumps(seconds), flush=True)
"""


class Basicpy:
    """BaSiCPy in a process of another interpreter."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [python, "-c", PEER],
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def fit(self, images: NDArray[np.float32], offset: bool) -> tuple[NDArray[np.float64], float, float]:
        """Give the flat-field, and the seconds that the fit took: of the processor, and of the clock."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        files = {"images": str(self._folder / "images.npy"), "field": str(self._folder / "field.npy")}
        np.save(files["images"], images)
        self._process.stdin.write(json.dumps({**files, "offset": offset, "side": WORKING_SIDE}) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("done "):
                used, taken = json.loads(line.removeprefix("done "))
                return np.load(files["field"]).astype(np.float64), used, taken
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


def timed(fit: Callable[[], NDArray[np.float64]]) -> tuple[NDArray[np.float64], float, float]:
    """Give a field and the seconds of the faster call."""
    used, taken = [], []
    for _ in range(TIMED):
        clock, start = time.process_time(), time.perf_counter()
        field = fit()
        used.append(time.process_time() - clock)
        taken.append(time.perf_counter() - start)
    return field, min(used), min(taken)


def measure(
    scenario: Scenario, scenes: Scenes, seed: int, peer: Basicpy | None, wanted: set[str]
) -> Iterator[dict[str, Any]]:
    """Run the wanted methods on one scenario; a line for each."""
    images, planted = make_stack(scenario, scenes, seed)
    runs: dict[str, Callable[[], tuple[NDArray[np.float64], float, float]]] = {
        SMOOTHED: lambda: timed(partial(mean_and_smooth, images)),
        **{method: partial(timed, partial(own_field, images, method)) for method in OWN},
    }
    if peer is not None:
        runs[PEER_METHOD] = partial(peer.fit, images, scenario.offset)
    for method, run in runs.items():
        if method in wanted:
            field, used, taken = run()
            key = {**asdict(scenario), "seed": seed, "method": method}
            yield {**key, "error": rms_error(field, planted), "cpu_s": used, "wall_s": taken}


class Results:
    """Lines of results in a file, or only in memory."""

    def __init__(self, file: Path | None, again: list[str]) -> None:
        text = file.read_text(encoding="utf-8") if file is not None and file.is_file() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        self._file, self._lines = file, [line for line in lines if line["method"] not in again]
        if file is not None:
            file.parent.mkdir(exist_ok=True)
            file.write_text("".join(json.dumps(line) + "\n" for line in self._lines), encoding="utf-8")

    def row(self, scenario: Scenario, seed: int) -> dict[str, dict[str, Any]]:
        """Give a scenario's lines by method."""
        key = {**asdict(scenario), "seed": seed}
        return {line["method"]: line for line in self._lines if all(line[name] == key[name] for name in key)}

    def add(self, line: dict[str, Any]) -> None:
        """Keep a line, on the disk at once."""
        self._lines.append(line)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


@cache
def cached_scenes(cells: str, images: int, seed: int) -> Scenes:
    """Draw scenes, or take those of an earlier run."""
    file = CACHE / f"{cells}-{images}-{seed}.npy"
    if SMOKE:
        return draw_scenes(cells, images, seed)
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        np.save(file, draw_scenes(cells, images, seed))
    return np.asarray(np.load(file, mmap_mode="r"))


def write_page(rows: Rows) -> None:
    """Put the tables between the page's marks."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{page_part(rows)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    """Measure what is not known yet, print, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--basicpy-python", type=Path, help="interpreter of an environment that has BaSiCPy 2.0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clean", action="store_true", help="also without debris and saturated spots")
    parser.add_argument("--again", action="append", default=[], metavar="METHOD", help="forget a method's results")
    parser.add_argument("--most", type=int, default=sys.maxsize, metavar="N", help="stop after N rows that were run")
    parser.add_argument("--write-page", action="store_true", help="write the tables into docs/illumination.md")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    counts = (4, 8) if SMOKE else (4, 16, 64, 540)
    if asked.basicpy_python is None:
        print("BaSiCPy: not run (no --basicpy-python)")
    results = Results(None if SMOKE else RESULTS, asked.again)
    wanted = {SMOOTHED, *OWN, *([PEER_METHOD] if asked.basicpy_python else [])}
    scenarios = all_scenarios(counts, spoilt=(True, False) if asked.clean else (True,))
    with tempfile.TemporaryDirectory() as folder:
        peer = Basicpy(asked.basicpy_python, Path(folder)) if asked.basicpy_python else None
        for scenario in scenarios:
            missing = wanted - set(results.row(scenario, asked.seed))
            if missing and asked.most > 0:
                asked.most -= 1
                scenes = cached_scenes(scenario.cells, max(counts), asked.seed)
                for line in measure(scenario, scenes, asked.seed, peer, missing):
                    results.add(line)
            print(row_line(scenario, results.row(scenario, asked.seed)), flush=True)
    if asked.write_page and not SMOKE:
        write_page([(scenario, results.row(scenario, asked.seed)) for scenario in scenarios])


if __name__ == "__main__":
    main()
