"""Stands in for training: writes the run folder that a training would, from a planted truth, at once."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.studies.cells import Cell, Outcome, is_finished

CLASSES = ("a", "b", "c", "control")
Skill = Callable[[TrainConfig], dict[str, float]]


def write_run(run: Path, config: TrainConfig, skill: dict[str, float]) -> None:
    """Write a run of 96 sites, four classes, 48 wells.

    skill: of each part, how far a site's own class stands out of the noise of one; `fall` of the loss per epoch.
    """
    rng = np.random.default_rng([7, config.seed])
    n = 96
    codes = np.arange(n) // 2 % len(CLASSES)
    parts = np.array(["train", "train", "validation", "test"])[np.arange(n) // 8 % 4]
    logits = rng.normal(0, 1, (n, len(CLASSES)))
    logits[np.arange(n), codes] += [skill[part] for part in parts]
    odds = 1 / (1 + np.exp(4.0 - logits))  # like a sigmoid head's: all small
    table = pd.DataFrame(
        {
            schema.PLATE: "P1",
            schema.WELL: [f"{'BCDEFG'[i // 2 // 10]}{i // 2 % 10 + 2:02d}" for i in range(n)],
            schema.SITE: np.arange(n) % 2 + 1,
            schema.TIMEPOINT: 1,
            schema.COMPOUND: [f"C{i // 8}" for i in range(n)],
            schema.FOLD: 0,
            schema.PART: parts,
            schema.TRUTH: [CLASSES[code] for code in codes],
        }
    )
    for code, name in enumerate(CLASSES):
        table[schema.logit(name)] = logits[:, code]
        table[schema.probability(name)] = odds[:, code]
    run.mkdir(parents=True, exist_ok=True)
    asked = json.loads(json.dumps(asdict(config)))
    content = asked | {"asked": asked, "classes": list(CLASSES), "split_by": config.split_by or "well"}
    (run / "config.json").write_text(json.dumps(content))
    fall = skill.get("fall", 0.5)
    losses = [0.7 * fall**epoch if fall < 0.9 else 0.7 - 0.01 * epoch for epoch in range(config.epochs)]
    rows: list[dict[str, Any]] = [
        {
            "fold": 0,
            "epoch": epoch + 1,
            "train_loss": loss,
            "validation_loss": loss + 0.1,
            "train_binary_accuracy": 0.75,
            "validation_binary_accuracy": 0.75,
        }
        for epoch, loss in enumerate(losses)
    ]
    (run / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table.to_parquet(run / "predictions.parquet", index=False)


class FakeTrainer:
    """Trains at once, as well as `skill` says; counts what it trained."""

    def __init__(self, skill: Skill) -> None:
        self.skill = skill
        self.trained: list[str] = []

    def __call__(self, store: Path, cell: Cell, run: Path, threads: int, reporter: object = None) -> Outcome:
        if is_finished(run):
            return Outcome(cell, run)
        self.trained.append(cell.name)
        skill = self.skill(cell.config)
        if "error" in skill:
            return Outcome(cell, run, "the loss is nan")
        write_run(run, cell.config, skill)
        return Outcome(cell, run)


@pytest.fixture(scope="session")
def fake() -> Callable[[Skill], FakeTrainer]:
    """Make a trainer of a given skill."""
    return FakeTrainer


@pytest.fixture
def small_store() -> Callable[[Path], Path]:
    """Write a store of 18 wells of two sites, 32 pixels, three channels, in a folder; give its path."""

    def write(folder: Path) -> Path:
        from tests.unit.train.conftest import write_learnable_store

        return write_learnable_store(folder / "prepared").root

    return write
