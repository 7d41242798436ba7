"""Studies: each arm at its best rate, the gap over seeds, with intervals that hold the planted difference."""

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinfast.config import TrainConfig
from kinfast.errors import RunError, UsageError
from kinfast.studies.arms import choose_rates, optimizer_arms, stream_arms, with_rate
from kinfast.studies.cells import WhileParentLives
from kinfast.studies.gap import mean_over_seeds, paired_difference
from kinfast.studies.study import StudyPlan, run_study
from kinfast.studies.study_report import arms_table, difference, study_lines, write_study

BASE = TrainConfig(backbone="lenet_alexnet", weights="none", epochs=10)


def skill(config: TrainConfig) -> dict[str, float]:
    """Adam fits the train part and not the test part; SGD is as good in both; each has a rate of its own."""
    right = {"adam": 1e-3, "sgd": 1e-2}[config.optimizer] == config.learning_rate
    train = {"adam": 6.0, "sgd": 2.0}[config.optimizer]
    return {"train": train, "validation": 3.0 if right else 0.0, "test": 2.0, "fall": 0.3}


def test_each_arm_is_compared_at_its_own_best_rate(fake: Any, tmp_path: Path) -> None:
    arms = optimizer_arms(["adam", "sgd"], BASE, [1e-4, 1e-3, 1e-2])
    trainer = fake(skill)
    study = run_study(tmp_path, StudyPlan(tuple(arms), 4, "roc_auc_macro"), tmp_path / "study", trainer=trainer)
    assert study.best == {"adam": 1e-3, "sgd": 1e-2}
    assert len(trainer.trained) == 2 * 3 + 2 * 4
    gap = difference(study, "adam", "sgd", "gap")
    assert gap.low > 0
    assert study.converged == {"adam": (4, 4), "sgd": (4, 4)}
    tables, lines = write_study(study, "Optimisers", tmp_path / "study")
    assert "adam generalises worse" in lines[0]
    assert {table.name for table in tables} == {"arms", "differences", "rates", "seeds"}
    assert (tmp_path / "study/report.html").is_file()
    assert (tmp_path / "study/tables/arms.tex").is_file()
    # sgd's best rate is the largest tried
    assert any("sgd: the best rate, 0.01, lies at the end" in line for line in lines)


def test_a_stopped_study_goes_on_and_takes_more_seeds(fake: Any, tmp_path: Path) -> None:
    arms = tuple(optimizer_arms(["adam", "sgd"], BASE, [1e-3, 1e-2]))
    first, second = fake(skill), fake(skill)
    run_study(tmp_path, StudyPlan(arms, 1, "roc_auc_macro"), tmp_path / "study", trainer=first)
    study = run_study(tmp_path, StudyPlan(arms, 2, "roc_auc_macro"), tmp_path / "study", trainer=second)
    assert len(second.trained) == 2
    assert "too few for an interval" in study_lines(study)[0]
    with pytest.raises(RunError, match="metric differ"):
        run_study(tmp_path, StudyPlan(arms, 2, "top1_accuracy"), tmp_path / "study", trainer=second)


def test_runs_too_short_to_judge_are_not_none_of_none(fake: Any, tmp_path: Path) -> None:
    short = replace(BASE, epochs=3)
    plan = StudyPlan(tuple(optimizer_arms(["adam", "sgd"], short, [1e-3])), 3, "roc_auc_macro")
    study = run_study(tmp_path, plan, tmp_path / "study", trainer=fake(skill))
    assert study.converged == {"adam": (0, 0), "sgd": (0, 0)}
    assert {row[-1] for row in arms_table(study).rows} == {"too few epochs"}
    lines = study_lines(study)
    assert "adam: 5 epochs are the fewest that can say whether a run has converged." in lines
    assert not any("have not converged" in line for line in lines)
    mixed = replace(study, converged={"adam": (0, 1), "sgd": (3, 3)})
    assert [row[-1] for row in arms_table(mixed).rows] == ["0 of 1, 2 too short to say", "3 of 3"]


def test_adam_then_sgd_takes_both_rates() -> None:
    arms = optimizer_arms(["adam", "sgd", "adam+sgd"], BASE, [])
    assert [bool(arm.rates) for arm in arms] == [True, True, False]
    config = with_rate(arms[2], {"adam": 1e-3, "sgd": 0.1})
    assert (config.optimizer, config.switch_to, config.switch_epoch) == ("adam", "sgd", 5)
    assert (config.learning_rate, config.switch_learning_rate) == (1e-3, 0.1)
    assert with_rate(arms[1], {"adam": 1e-3, "sgd": 0.1}).learning_rate == 0.1


@pytest.mark.parametrize(
    ("names", "said"), [(["adam"], "wanted two or more"), (["adam", "adam+sgd"], "so compare these, too")]
)
def test_arms_that_are_none_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        optimizer_arms(names, BASE, [])


def test_streams_differ_in_the_input_alone() -> None:
    arms = stream_arms(BASE, ["MiCoPh", "SyHoPh"], ["DNA", "RNA", "ER", "AGP", "Mito"])
    assert [arm.config.composites for arm in arms] == [("MiCoPh",), ("DNA+RNA+ER+AGP+Mito",), ("MiCoPh", "SyHoPh")]
    assert {replace(arm.config, composites=None) for arm in arms} == {BASE}
    with pytest.raises(UsageError, match="wanted two composites"):
        stream_arms(BASE, ["MiCoPh"], ["DNA"])


def test_a_rate_is_chosen_among_those_that_trained() -> None:
    (arm, _) = optimizer_arms(["adam", "sgd"], BASE, [1e-3, 1e-2])
    assert choose_rates([arm], {("adam", 1e-3): 0.6, ("adam", 1e-2): math.nan}, maximise=True) == {"adam": 1e-3}
    with pytest.raises(UsageError, match=r"no rate of 0\.001, 0\.01 gives a score"):
        choose_rates([arm], {("adam", 1e-3): math.nan, ("adam", 1e-2): math.nan}, maximise=True)


def test_the_interval_over_seeds_is_students() -> None:
    # four values of mean 3 and standard deviation 1.291: t(0.975, 3) = 3.1824, half width 3.1824 x 1.291 / 2
    found = mean_over_seeds([1.5, 2.5, 3.5, 4.5])
    assert found.value == 3.0
    assert found.high - found.value == pytest.approx(3.18245 * 1.290994 / 2, rel=1e-4)
    assert math.isnan(mean_over_seeds([1.0, 2.0]).low)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        seed_effect = rng.normal(0, 3, 5)  # common to both arms: pairing takes it out
        found = paired_difference(seed_effect + rng.normal(1, 1, 5), seed_effect + rng.normal(0, 1, 5))
        held += found.low <= 1 <= found.high
    # binomial(400, 0.95): 380, standard deviation 4.4; four of them either way
    assert 362 <= held <= 398


def test_a_worker_whose_study_was_killed_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an exception it would not: the pool that it belongs to catches all, and has it wait for more work."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    WhileParentLives(os.getppid()).advance()
    assert not ended
    WhileParentLives(os.getppid() + 1).advance()
    assert ended == [1]
