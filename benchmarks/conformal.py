"""Do prediction sets of real small trainings cover compounds never seen as often as they say?

    python -m benchmarks.conformal --folder conformal    # goes on where it stopped; 20 trainings of about 300 compounds

Each seed simulates a plate, trains on some of its compounds, calibrates on others and asks for the rest. In each, the
number of compounds covered is held against its exact distribution, marginally and for classes of enough calibration
compounds; the confidence is corrected for the number of looks.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from benchmarks.simulated_store import prepared_plates
from sklearn.metrics import roc_auc_score

from kinfast import config
from kinfast.config import PreprocessConfig, TrainConfig
from kinfast.evaluate.conformal import FoldUnits, coverage_rows, read_folds
from kinfast.evaluate.run_folder import read_run
from kinfast.metrics.conformal import class_categories
from kinfast.metrics.coverage import covered_by_rank
from kinfast.simulate.settings import CONDITIONS, SimulationSettings
from kinfast.train.run import train

SEEDS, CONFIDENCE = 20, 0.95
PLATE = SimulationSettings(
    plates=1, layout=384, sites=1, height=96, width=96, pixel_um=0.8, cells=10, targets=2, doses_um=(10.0,),
    control_share=0.05, effect=1.5, inactive=0.1, toxic=0.0, **dict.fromkeys(CONDITIONS, 0),
)  # fmt: skip
"""A well of each compound: units enough to calibrate a class by itself."""
RECIPE = TrainConfig(
    backbone="lenet_alexnet", weights="none", task="target", split_by="compound", input_size=48, epochs=6,
    steps_per_epoch=20, batch_size=16, loader="torch", device="cpu", patience=0, dropout=0.2, views=1,
)  # fmt: skip


class Look(NamedTuple):
    """How many of the tested compounds a level's sets covered; `name` is a class, empty for all."""

    level: float
    name: str
    covered: int
    tested: int
    calibration: int


def looks_of(fold: FoldUnits, classes: tuple[str, ...]) -> list[Look]:
    """Give one fold's looks: all compounds at each level, and each class that has a reference of its own."""
    counts = np.bincount(fold.validation.codes, minlength=len(classes))
    own = class_categories(fold.validation.codes, len(classes))
    found = []
    for row in coverage_rows([fold], classes):
        code = classes.index(row["class"]) if row["class"] else -1
        if code >= 0 and (counts[code] < config.FEWEST_CALIBRATION or own[code] != code):
            continue
        calibration = int(counts.sum() if code < 0 else counts[code])
        found.append(Look(row["level"], row["class"], round(row["coverage"] * row["n"]), row["n"], calibration))
    return found


def outside(looks: Iterable[Look], confidence: float) -> list[Look]:
    """Give the looks whose covered compounds lie in the tails of their exact distribution."""
    tail = (1 - confidence) / 2
    strange = []
    for look in looks:
        chances = covered_by_rank(look.tested, look.calibration, look.level)
        if min(chances[: look.covered + 1].sum(), chances[look.covered :].sum()) < tail:
            strange.append(look)
    return strange


def train_and_look(folder: Path, seed: int) -> tuple[list[Look], float]:
    """Train on one seed's plate; give its looks, and the macro ROC area over compounds."""
    store = prepared_plates(folder, replace(PLATE, seed=seed), PreprocessConfig(shorter_side=48))
    run = folder / "run"
    if not (run / "predictions.parquet").is_file():
        train(store, replace(RECIPE, seed=seed), run)
    loaded = read_run(run)
    folds = read_folds(loaded)
    truth = np.concatenate([fold.test.codes for fold in folds])
    said = np.concatenate([fold.test.probabilities for fold in folds])
    area = float(roc_auc_score(np.eye(len(loaded.classes))[truth], said, average="macro"))
    return [look for fold in folds for look in looks_of(fold, loaded.classes)], area


def main() -> None:
    """Train, look, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="kept, and gone on from; default: a temporary one")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    looks, areas = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for seed in range(asked.seeds):
            found, area = train_and_look((asked.folder or Path(temporary)) / str(seed), seed)
            looks += found
            areas.append(round(area, 3))
            print(f"seed {seed}: macro ROC area {area:.3f}, {len(found)} looks", flush=True)
    print(json.dumps(summary(looks, areas), indent=1))


def summary(looks: list[Look], areas: list[float]) -> dict[str, object]:
    """Give the share covered at each level over all seeds, and the looks outside their corrected interval."""
    corrected = 1 - (1 - CONFIDENCE) / len(looks)
    return {
        "areas": areas,
        "looks": len(looks),
        "covered": {
            f"{level:.0%} {kind}": round(sum(look.covered for look in of) / sum(look.tested for look in of), 4)
            for level in config.CONFORMAL_LEVELS
            for kind in ("marginal", "by class")
            if (of := [look for look in looks if look.level == level and bool(look.name) == (kind == "by class")])
        },
        "outside": [look._asdict() for look in outside(looks, corrected)],
    }


if __name__ == "__main__":
    main()
