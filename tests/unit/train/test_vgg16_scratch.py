"""VGG16 without pretrained weights, at full width: the thesis' settings let the dead-ReLU watch fire, ours do not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.evaluate.run import evaluate_run
from kinfast.models import build_shapes
from kinfast.train import train

SHORT = {"backbone": "vgg16", "input_size": 32, "folds": None, "epochs": 1, "steps_per_epoch": 2, "batch_size": 4}
THESIS = {
    "init": "keras",
    "head": "thesis",
    "hidden_units": (1024, 2048),
    "dropout": 0.5,
    "optimizer": "adam",
    "learning_rate": 1e-4,
    "optimizer_parameters": ("eps=1e-7",),
    "schedule": "constant",
    "warmup_epochs": 0.0,
    "clip_norm": 0.0,
    "label_smoothing": 0.0,
    "class_weights": False,
}
"""Sections 3.8 and 4.3.1: two streams, Adam at 1e-4, no pretrained weights; the rest as Keras has it."""
OURS = {"learning_rate": None, "dropout": 0.5}


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "fires"), [(THESIS, True), (OURS, False)])
def test_the_watch_fires_with_the_thesis_settings(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path, settings: dict[str, object], fires: bool
) -> None:
    config = replace(quick, **SHORT)  # type: ignore[arg-type]
    run = train(learnable, replace(config, **settings), tmp_path / "run")  # type: ignore[arg-type]
    row = json.loads((run / "history.jsonl").read_text().splitlines()[-1])
    assert len(row["dead_relus"]) == 2 * 13 + fires  # the head's own ReLU beside the two streams'
    (verdict,) = [said for said in evaluate_run(run, draws=20).metrics["verdicts"] if said["name"] == "dead_relus"]
    assert verdict["holds"] is fires, verdict["text"]


def test_vgg16_has_a_variant_with_batch_normalisation() -> None:
    plain, normalised = (build_shapes(name, (3,), 2) for name in ("vgg16", "vgg16_bn"))
    convolutions = [sum(isinstance(m, torch.nn.Conv2d) for m in model.modules()) for model in (plain, normalised)]
    assert convolutions == [13, 13]
    assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in normalised.modules()) == 13
