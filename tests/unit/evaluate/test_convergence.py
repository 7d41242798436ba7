"""Whether training has ended: planted loss curves, and the prior's loss beside a constant that torch optimises."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.evaluate.convergence import Convergence, fold_convergence, judge_convergence, prior_loss
from kinfast.evaluate.run_folder import Run, read_run
from kinfast.evaluate.traps import measure_training, training_verdicts
from kinfast.train.stepping.losses import Loss

THESIS = {"head": "thesis", "loss": "binary_cross_entropy"}


def planted(folder: Path, curves: Sequence[Sequence[float]], changes: dict[str, Any], n_classes: int = 12) -> Path:
    """Write a run whose folds' training losses are these."""
    run = make_run(folder, Layout(n_classes=n_classes, skill=0.0, folds=len(curves), sizes="zipf"))
    rows = [
        {"fold": fold, "epoch": epoch + 1, "train_loss": loss, "validation_loss": loss + 0.1}
        for fold, losses in enumerate(curves)
        for epoch, loss in enumerate(losses)
    ]
    (run / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    content = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(content | changes))
    return run


def verdict(run: Path) -> dict[str, Any] | None:
    """Give the verdict as metrics.json has it, of the run's history alone."""
    metrics = json.loads(json.dumps({"training": measure_training(read_run(run))}))
    return next((one.entry() for one in training_verdicts(metrics["training"]) if one.name == "loss_not_flat"), None)


def test_a_curve_that_is_flat_far_above_the_prior_is_not_converged(tmp_path: Path) -> None:
    # twelve classes through sigmoids: class frequencies give less than 0.28, and a loss of 0.69 knows nothing
    flat = [0.7 - 1e-4 * math.exp(-epoch) for epoch in range(10)]
    found = verdict(planted(tmp_path / "a", [flat], THESIS))
    assert found is not None
    assert found["holds"]
    assert "has not learned even these" in found["text"]
    learned = [0.1 + 0.6 * math.exp(-2 * epoch) for epoch in range(10)]
    found = verdict(planted(tmp_path / "b", [learned], THESIS))
    assert found is not None
    assert not found["holds"]
    assert found["kind"] == "clear"


def test_the_least_converged_fold_decides_and_both_reasons_are_said(tmp_path: Path) -> None:
    falling = [0.2 - 0.01 * epoch for epoch in range(10)]
    learned = [0.1 + 0.6 * math.exp(-2 * epoch) for epoch in range(10)]
    run = planted(tmp_path / "a", [falling, [0.7] * 10, learned], THESIS)
    found = verdict(run)
    assert found is not None
    assert "in 1 of 3 folds the training loss ends at up to 0.700" in found["text"]
    assert "in 1 of 3 folds the training loss still falls" in found["text"]
    assert judge_convergence(read_run(run)).word == "not converged (above the prior's)"


def test_too_few_epochs_say_nothing_unless_the_loss_is_far_above(tmp_path: Path) -> None:
    assert verdict(planted(tmp_path / "a", [[0.3, 0.2]], THESIS)) is None
    found = verdict(planted(tmp_path / "b", [[0.8, 0.7]], THESIS))
    assert found is not None
    assert found["holds"]


def test_a_loss_that_creeps_far_above_the_prior_has_not_converged_though_it_looks_flat() -> None:
    # measured: ResNet50, SGD 1e-4, 113 classes, five epochs from 0.7149 to 0.7124; its late fall drowns in noise
    creeping = Convergence(late_fall=0.0, loss=0.7124, prior_loss=0.051)
    assert creeping.flat is False
    learned = Convergence(late_fall=0.0, loss=0.068, prior_loss=0.051)
    assert (learned.flat, learned.word) == (True, "flat")
    assert Convergence(None, 0.068, math.nan).flat is None


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "cross_entropy"},
        {"loss": "cross_entropy", "label_smoothing": 0.1},
        {"loss": "cross_entropy", "class_weights": True},
        {"loss": "cross_entropy", "class_weights": True, "label_smoothing": 0.2},
        THESIS,
        THESIS | {"class_weights": True},
    ],
)
def test_the_priors_loss_is_that_of_the_best_constant(tmp_path: Path, changes: dict[str, Any]) -> None:
    run = read_run(planted(tmp_path / "a", [[1.0]], changes, n_classes=4))
    train = run.codes(run.part("train"))
    counts = np.bincount(train, minlength=4)
    weights = torch.tensor(counts.sum() / (4 * counts), dtype=torch.float64) if changes.get("class_weights") else None
    loss = Loss(changes["loss"], weights, changes.get("label_smoothing", 0.0))
    assert prior_loss(run, 0) == pytest.approx(best_constant(loss, torch.from_numpy(train), 4), rel=1e-6)


def test_of_several_labels_unknown_ones_are_left_out(tmp_path: Path) -> None:
    run = read_run(planted(tmp_path / "a", [[1.0]], {}, n_classes=4))
    rng = np.random.default_rng(3)
    hot = (rng.random((len(run.table), 4)) < [0.1, 0.3, 0.5, 0.7]).astype(np.float64)
    hot[rng.random(hot.shape) < 0.2] = np.nan
    table = run.table.assign(**{f"truth_{name}": hot[:, code] for code, name in enumerate(run.classes)})
    several = Run(run.path, run.config, run.environment, run.classes, run.split_by, table, run.history)
    train = torch.from_numpy(several.truths(several.part("train")))
    wanted = best_constant(Loss("binary_cross_entropy"), train, 4)
    assert prior_loss(several, 0) == pytest.approx(wanted, rel=1e-6)


def test_a_focal_loss_and_a_run_without_history_say_nothing(tmp_path: Path) -> None:
    focal = read_run(planted(tmp_path / "a", [[9.0] * 8], {"focal": 2.0}))
    assert judge_convergence(focal).flat is True
    empty = read_run(planted(tmp_path / "b", [[]], {}))
    assert fold_convergence(empty) == {}
    assert judge_convergence(empty).flat is None


def best_constant(loss: Loss, targets: torch.Tensor, n_classes: int) -> float:
    """Optimise one vector of logits for all sites."""
    logits = torch.zeros(n_classes, dtype=torch.float64, requires_grad=True)
    steps = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure() -> float:
        steps.zero_grad()
        value = loss(logits.expand(len(targets), -1), targets)
        value.backward()
        return float(value.detach())

    steps.step(closure)
    return closure()
