"""Sweeps: chosen by validation, resumable, several at once."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.errors import RunError, UsageError
from kinfast.progress import Silent
from kinfast.studies.search import propose
from kinfast.studies.space import read_choices, read_range
from kinfast.studies.sweep import SweepPlan, best_trial, run_sweep
from kinfast.studies.sweep_report import write_sweep

BASE = TrainConfig(backbone="lenet_alexnet", weights="none", epochs=10)
GRID = (read_choices("lr=1e-4,1e-3,1e-2"), read_choices("dropout=0.1,0.5"))


def skill(config: TrainConfig) -> dict[str, float]:
    """1e-3 is the best rate by validation; by test it would be 1e-2, which a sweep must not see."""
    rate = config.learning_rate or 0.0
    return {
        "train": 5.0,
        "validation": {1e-4: 0.0, 1e-3: 3.0, 1e-2: 1.0}.get(rate, 0.5) - config.dropout,
        "test": 9.0 if rate == 1e-2 else 0.0,
        "fall": 0.95 if rate == 1e-4 else 0.3,
    }


def test_a_grid_is_ordered_by_validation_and_never_by_test(fake: Any, tmp_path: Path) -> None:
    plan = SweepPlan(BASE, GRID, None, "roc_auc_macro")
    trainer = fake(skill)
    trials = run_sweep(tmp_path, plan, tmp_path / "sweep", trainer=trainer)
    best = best_trial(trials, maximise=True)
    assert len(trials) == 6
    assert best is not None
    assert best.changes == {"learning_rate": 1e-3, "dropout": 0.1}
    assert {t.loss_curve for t in trials if t.changes["learning_rate"] == 1e-4} == {"not converged"}
    assert best.loss_curve == "flat"
    assert (tmp_path / "sweep/runs" / best.name / "predictions.parquet").is_file()

    again = fake(skill)
    assert run_sweep(tmp_path, plan, tmp_path / "sweep", trainer=again) == trials
    assert again.trained == []


def test_a_killed_sweep_goes_on_where_it_was(fake: Any, tmp_path: Path) -> None:
    plan = SweepPlan(BASE, GRID, None, "roc_auc_macro")
    first = fake(skill)

    def killed(*arguments: Any) -> Any:
        if len(first.trained) == 4:
            raise KeyboardInterrupt
        return first(*arguments)

    with pytest.raises(KeyboardInterrupt):
        run_sweep(tmp_path, plan, tmp_path / "sweep", trainer=killed)
    second = fake(skill)
    run_sweep(tmp_path, plan, tmp_path / "sweep", trainer=second)
    assert len(first.trained) == 4
    assert len(second.trained) == 2
    assert not set(first.trained) & set(second.trained)


def test_another_question_in_the_same_folder_is_refused(fake: Any, tmp_path: Path) -> None:
    run_sweep(tmp_path, SweepPlan(BASE, GRID[:1], None, "loss"), tmp_path / "sweep", trainer=fake(skill))
    other = SweepPlan(replace(BASE, epochs=11), GRID[:1], None, "loss")
    with pytest.raises(RunError, match="epochs differ"):
        run_sweep(tmp_path, other, tmp_path / "sweep", trainer=fake(skill))


class Lines(Silent):
    """A reporter that keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize("trials", [None, 3])
def test_why_runs_fail_is_said_once(fake: Any, tmp_path: Path, trials: int | None) -> None:
    """A mistyped option made a line of every run before the one that ended the command."""
    said = Lines()
    plan = SweepPlan(BASE, GRID[:1], trials, "roc_auc_macro")
    with pytest.raises(UsageError, match="every run of the sweep failed"):
        run_sweep(tmp_path, plan, tmp_path / "none", trainer=fake(lambda _: {"error": 1}), reporter=said)
    assert said.lines == []
    run_sweep(
        tmp_path,
        plan,
        tmp_path / "some",
        trainer=fake(lambda config: skill(config) if config.learning_rate == 1e-3 else {"error": 1}),
        reporter=said,
    )
    assert sum("failed" in line for line in said.lines) == 1


def test_a_failed_run_is_said_and_the_others_stay(fake: Any, tmp_path: Path) -> None:
    def fragile(config: TrainConfig) -> dict[str, float]:
        return {"error": 1} if config.learning_rate == 1e-2 else skill(config)

    plan = SweepPlan(BASE, GRID[:1], None, "roc_auc_macro")
    trials = run_sweep(tmp_path, plan, tmp_path / "sweep", trainer=fake(fragile))
    table, lines = write_sweep(trials, plan, tmp_path / "sweep")
    assert table.rows[-1][3] == "failed"
    assert any("1 of 3 runs failed" in line for line in lines)
    assert any("kinfast evaluate" in line for line in lines)
    raw = pd.read_csv(tmp_path / "sweep/sweep.csv")
    assert raw["validation_roc_auc_macro"].dropna().is_monotonic_decreasing
    assert (tmp_path / "sweep/report.html").is_file()
    with pytest.raises(UsageError, match="every run of the sweep failed"):
        run_sweep(tmp_path, plan, tmp_path / "all", trainer=fake(lambda _: {"error": 1}))


def test_optuna_finds_the_good_region_and_is_resumable(fake: Any, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    space = (read_range("lr=1e-5..1e-1"), read_choices("optimizer=adam,sgd"))

    def bowl(config: TrainConfig) -> dict[str, float]:
        import math

        far = abs(math.log10(config.learning_rate or 1) + 3) + (config.optimizer == "sgd")
        return {"train": 5.0, "validation": 4 - 2 * far, "test": 0.0}

    plan = SweepPlan(BASE, space, 20, "balanced_accuracy")
    whole = run_sweep(tmp_path, plan, tmp_path / "whole", trainer=fake(bowl))
    best = best_trial(whole, maximise=True)
    assert best is not None
    assert 1e-4 < best.changes["learning_rate"] < 1e-2
    assert best.changes["optimizer"] == "adam"

    trainer = fake(bowl)
    run_sweep(tmp_path, replace(plan, trials=9), tmp_path / "parts", trainer=trainer)
    parts = run_sweep(tmp_path, plan, tmp_path / "parts", trainer=trainer)
    assert [trial.changes for trial in parts] == [trial.changes for trial in whole]
    assert len(trainer.trained) == 20


def test_optuna_proposes_different_trials_at_once() -> None:
    pytest.importorskip("optuna")
    space = (read_range("lr=1e-5..1e-1"), read_range("batch_size=4..64"))
    asked = propose(space, [({"learning_rate": 1e-3, "batch_size": 8}, 0.5)], 3, maximise=True, seed=1)
    assert len({trial["learning_rate"] for trial in asked}) == 3
    assert all(isinstance(trial["batch_size"], int) for trial in asked)


@pytest.mark.parametrize(
    ("space", "trials", "metric", "said"),
    [
        ((), None, "loss", "nothing varies"),
        ((read_range("lr=1e-5..1e-2"),), None, "loss", "say how often with --trials"),
        (GRID, None, "test_loss", "no metric 'test_loss'"),
    ],
)
def test_a_sweep_that_is_none_is_refused(
    tmp_path: Path, space: Any, trials: int | None, metric: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        run_sweep(tmp_path, SweepPlan(BASE, space, trials, metric), tmp_path / "sweep")


def test_real_runs_in_two_processes(tmp_path: Path, small_store: Callable[[Path], Path]) -> None:
    """Real training, spawned: each process opens the store for itself; the folders are ordinary runs."""
    base = replace(
        BASE,
        label=schema.ROLE,
        classes=("negcon", "poscon"),
        split_by="well",
        epochs=1,
        steps_per_epoch=1,
        batch_size=4,
        input_size=24,
        loader="torch",
        device="cpu",
    )
    plan = SweepPlan(base, (read_choices("lr=1e-4,1e-3"),), None, "loss")
    trials = run_sweep(small_store(tmp_path), plan, tmp_path / "sweep", processes=2, threads=2)
    assert all(trial.score > 0 for trial in trials)
    config = json.loads((tmp_path / "sweep/runs" / trials[1].name / "config.json").read_text())
    assert config["learning_rate"] == 1e-3


def test_a_logarithmic_axis_is_labelled_with_numbers() -> None:
    from kinfast.report.style import figure_style
    from kinfast.report.sweep_figure import draw_sweep

    with figure_style():
        figure = draw_sweep([({"learning_rate": rate}, 0.5) for rate in (1e-4, 1e-3, 1e-1)], ["learning_rate"], "loss")
        figure.canvas.draw()
        labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert {"1e-04", "1e-03", "0.1"} <= set(labels)
