"""What is said of several labels a site beside what is said of every run: unknown labels, soft truths."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kinfast.evaluate.levels import LEVELS
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import number
from kinfast.evaluate.test_part import TestPart
from kinfast.evaluate.verdicts import Kind, Verdict
from kinfast.metrics.arrays import Probabilities
from kinfast.metrics.labels import soft_errors

PRIOR = "prior"
LABEL_PERMUTATIONS = 200
"""Rows of labels are permuted no more often: p is at least 0.005."""


def about_labels(run: Run, test: TestPart) -> dict[str, Any]:
    """Say that a run is of several labels, whether they are soft, and how many are not known; empty where it is not."""
    if test.truths is None:
        return {}
    return {
        "several_labels": True,
        "soft_targets": bool(run.config.get("soft_targets")),
        "unknown_share": number(np.isnan(test.truths).mean()),
    }


def measure_soft(run: Run, test: TestPart, prior: Probabilities) -> dict[str, Any]:
    """Measure at each level how far answers are from soft truths, beside the mean profile; empty for others."""
    found: dict[str, Any] = {}
    for name in LEVELS if run.config.get("soft_targets") else ():
        level = test.level(name, run.split_by)
        if level is not None and level.truths is not None:
            said = {"model": level.average(test.probabilities), PRIOR: level.average(prior)}
            errors = {who: soft_errors(level.truths, values) for who, values in said.items()}
            found[name] = {who: {key: number(value) for key, value in one.items()} for who, one in errors.items()}
    return found


def label_verdicts(metrics: dict[str, Any]) -> Iterator[Verdict]:
    """Say what goes beyond one class a site."""
    about = metrics["about"]
    if not about.get("several_labels"):
        return
    soft = metrics["soft"].get(about["level"])
    if soft:
        model, prior = soft["model"]["rmse"] or 0.0, soft[PRIOR]["rmse"] or 0.0
        words = f"root mean square error {model:.3f}; the mean profile of the training part gives {prior:.3f}"
        kind = Kind.SUPPORT if model < prior else Kind.CAUTION
        yield Verdict(kind, f"Selectivity: {words}.", "better_than_mean_profile", model < prior)
    if about["unknown_share"] > 0:
        text = f"{about['unknown_share']:.1%} of the test rows' labels are not known and count neither way."
        yield Verdict(Kind.FINDING, text, "labels_not_known")
