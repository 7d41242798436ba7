"""What a run says of its own convergence."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.studies.conftest import write_run

from kinfast.config import TrainConfig
from kinfast.studies.measures import Convergence, judge_convergence, open_run, prior_loss

CONFIG = TrainConfig(epochs=5, head="thesis", class_weights=False, label_smoothing=0.0)
SKILL = {"train": 1.0, "validation": 1.0, "test": 1.0}


def test_the_priors_loss_is_the_entropy_of_a_sigmoid_a_class(tmp_path: Path) -> None:
    write_run(tmp_path, CONFIG, SKILL)
    # four equal classes: each output's entropy is that of one in four
    wanted = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert prior_loss(open_run(tmp_path)) == pytest.approx(wanted, rel=1e-9)
    write_run(tmp_path, replace(CONFIG, head="modern"), SKILL)
    assert prior_loss(open_run(tmp_path)) == pytest.approx(math.log(4), rel=1e-9)


@pytest.mark.parametrize("changes", [{"class_weights": True}, {"label_smoothing": 0.1}])
def test_a_loss_that_is_weighted_or_smoothed_has_no_such_prior(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_run(tmp_path, replace(CONFIG, **changes), SKILL)
    found = judge_convergence(open_run(tmp_path))
    assert math.isnan(found.prior_loss)
    assert not found.above_prior


def test_a_loss_that_creeps_far_above_the_prior_has_not_converged_though_it_looks_flat() -> None:
    # measured: ResNet50, SGD 1e-4, 113 classes, five epochs from 0.7149 to 0.7124; its late fall drowns in noise
    creeping = Convergence(late_fall=0.0, loss=0.7124, prior_loss=0.051)
    assert creeping.flat is False
    assert creeping.word.startswith("not converged")
    learned = Convergence(late_fall=0.0, loss=0.068, prior_loss=0.051)
    assert (learned.flat, learned.word) == (True, "flat")
    assert Convergence(None, 0.068, math.nan).flat is None
