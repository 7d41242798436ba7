"""One optimiser first, another later; parameters by name; plates by name."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError
from kinfast.progress import Silent
from kinfast.train import resume, train
from kinfast.train.assemble import assemble_fold
from kinfast.train.planning.plan import make_plan
from kinfast.train.stepping.optimizers import optimizer_parameters


@pytest.fixture(scope="module")
def switching(quick: TrainConfig) -> TrainConfig:
    return replace(
        quick,
        folds=None,
        epochs=4,
        schedule="constant",
        warmup_epochs=0.0,
        switch_to="sgd",
        switch_epoch=2,
        switch_learning_rate=0.02,
    )


@pytest.fixture(scope="module")
def switched(learnable: PreparedStore, switching: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(learnable, switching, tmp_path_factory.mktemp("runs") / "switched")


def rates(run: Path) -> list[float]:
    return [json.loads(line)["learning_rate"] for line in (run / "history.jsonl").read_text().splitlines()]


class Stopping(Silent):
    def __init__(self, epoch: int) -> None:
        self._line = f"fold 0 epoch {epoch}/"

    def line(self, text: str) -> None:
        if text.startswith(self._line):
            raise KeyboardInterrupt


def test_the_second_optimizer_takes_over_at_its_own_rate(switched: Path, switching: TrainConfig) -> None:
    assert rates(switched) == [1e-3, 1e-3, 0.02, 0.02]
    config = json.loads((switched / "config.json").read_text())
    assert (config["switch_to"], config["switch_learning_rate"]) == ("sgd", 0.02)
    assert config["switch_parameters"]["momentum"] == 0.9


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_interrupted_around_the_switch_and_resumed_equals_undisturbed(
    switched: Path, learnable: PreparedStore, switching: TrainConfig, tmp_path: Path, epoch: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(learnable, switching, tmp_path / "run", reporter=Stopping(epoch))
    resumed = resume(learnable, tmp_path / "run")
    assert rates(resumed) == rates(switched)
    ours, theirs = load_file(resumed / "model.safetensors"), load_file(switched / "model.safetensors")
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_it_is_sgd_that_steps_after_the_switch_and_it_begins_without_a_state(
    learnable: PreparedStore, switching: TrainConfig
) -> None:
    plan = replace(make_plan(learnable, switching), learning_rate=1e-3, switch_learning_rate=0.02)
    fold = assemble_fold(learnable, plan, 0, None, threads=1)
    kinds = [type(fold.optimizer_of(epoch)) for epoch in range(4)]
    assert kinds == [torch.optim.Adam, torch.optim.Adam, torch.optim.SGD, torch.optim.SGD]
    assert not fold.optimizer_of(2).state_dict()["state"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"switch_epoch": None}, "wanted --switch-epoch from 1 to 3"),
        ({"switch_epoch": 4}, "wanted --switch-epoch from 1 to 3"),
        ({"switch_to": None}, "give --switch-to sgd"),
        ({"switch_to": "lion"}, "no optimizer 'lion'"),
    ],
)
def test_a_switch_that_cannot_be_is_refused(
    learnable: PreparedStore, switching: TrainConfig, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        make_plan(learnable, replace(switching, **changes))  # type: ignore[arg-type]


def test_any_parameter_is_taken_by_its_name() -> None:
    asked = optimizer_parameters("adam", momentum=None, weight_decay=None, others=("eps=1e-7", "betas=0.8/0.99"))
    assert (asked["eps"], asked["betas"], asked["amsgrad"]) == (1e-7, (0.8, 0.99), False)
    nesterov = optimizer_parameters("sgd", momentum=0.9, weight_decay=None, others=("nesterov=true",))
    assert nesterov["nesterov"] is True


@pytest.mark.parametrize(
    ("word", "said"),
    [("rho=0.9", "no parameter 'rho'"), ("eps", "wanted a value such as eps=1e-08"), ("betas=0.9", "betas=0.9/0.999")],
)
def test_a_parameter_that_cannot_be_read_is_one_line(word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        optimizer_parameters("adam", momentum=None, weight_decay=None, others=(word,))


def test_one_plate_alone_is_trained_on_and_the_others_are_predicted(
    write_store: object, quick: TrainConfig, tmp_path: Path
) -> None:
    store: PreparedStore = write_store(tmp_path / "prepared", plates=2)  # type: ignore[operator]
    plan = make_plan(store, replace(quick, folds=None, plates=("first",)))
    parts = plan.split.frame.groupby([schema.PLATE, schema.PART]).size()
    assert set(parts["P1"].index) == {schema.PART_UNLABELLED}
    assert {schema.PART_TRAIN, schema.PART_TEST} <= set(parts["P0"].index)
    assert isinstance(plan.labels.taken, pd.DataFrame)
    with pytest.raises(UsageError, match="no plate P7: the store has P0, P1"):
        make_plan(store, replace(quick, plates=("P7",)))
