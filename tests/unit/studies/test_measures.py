"""What a run says of its own convergence."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.studies.conftest import write_run

from kinfast.config import TrainConfig
from kinfast.evaluate.convergence import prior_loss
from kinfast.studies.measures import open_run

CONFIG = TrainConfig(epochs=5, head="thesis", class_weights=False, label_smoothing=0.0)
SKILL = {"train": 1.0, "validation": 1.0, "test": 1.0}


def test_the_priors_loss_is_the_entropy_of_a_sigmoid_a_class(tmp_path: Path) -> None:
    write_run(tmp_path, CONFIG, SKILL)
    # four equal classes: each output's entropy is that of one in four
    wanted = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert prior_loss(open_run(tmp_path), 0) == pytest.approx(wanted, rel=1e-9)
    write_run(tmp_path, replace(CONFIG, head="modern"), SKILL)
    assert prior_loss(open_run(tmp_path), 0) == pytest.approx(math.log(4), rel=1e-9)
