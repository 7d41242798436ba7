"""Sensitivity, specificity and false-positive rate of each class, at thresholds that are stated (K-45)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast import config
from kinfast.evaluate.levels import Level
from kinfast.evaluate.scoring import number
from kinfast.evaluate.test_part import TestPart
from kinfast.metrics.arrays import Float, Probabilities, ratio
from kinfast.metrics.bootstrap import interval
from kinfast.metrics.decisions import decide

ARGMAX, STATED, VALIDATED = "highest of all classes", "stated", "chosen on validation"
COLUMNS = (
    "class", "rule", "threshold", "sensitivity", "sensitivity_low", "sensitivity_high", "specificity",
    "specificity_low", "specificity_high", "false_positive_rate", "precision", "members", "others",
)  # fmt: skip


def operating_points(
    level: Level,
    probabilities: Probabilities,
    multiplicities: NDArray[np.int64],
    classes: tuple[str, ...],
    threshold: float,
    limits: Float,
) -> list[dict[str, Any]]:
    """Give the rates of each class under each rule: its score is the highest; it reaches the stated threshold; it
    reaches the threshold that the validation part of its own fold chose. Labels do not exclude each other: the first
    rule is not theirs.

    Args:
        level: groups the test sites.
        probabilities: (n_sites, n_classes) of the test part.
        multiplicities: (n_draws, n_clusters).
        classes: names.
        threshold: the stated one, 0 … 1.
        limits: (n_sites, n_classes), of `validated_limits`.

    Returns:
        A row per class and rule. The last rule's `threshold` is the mean over the rows: each fold has its own.
    """
    averaged, chosen = level.average(probabilities), level.average(limits)
    predicted, everyone = decide(averaged).predicted, np.ones(level.n_rows, np.bool_)
    rows = []
    for code, name in enumerate(classes):
        known, member, other = np.isfinite(chosen[:, code]), level.members(code), level.others(code)
        mean = float(chosen[known, code].mean()) if known.any() else np.nan
        for rule, limit, given, asked in (
            (ARGMAX, None, predicted == code, everyone),
            (STATED, threshold, averaged[:, code] >= threshold, everyone),
            (VALIDATED, mean, averaged[:, code] >= chosen[:, code], known),
        ):
            if np.isfinite(limit) if limit is not None else level.truths is None:
                rates = _rates(level, given, member & asked, other & asked, multiplicities)
                rows.append(
                    {"class": name, "rule": rule, "threshold": None if limit is None else number(limit), **rates}
                )
    return rows


def validated_limits(test: TestPart, validation: TestPart, name: str, split_by: str) -> Float:
    """Give each test site the thresholds that its own fold's validation part chose: (n_sites, n_classes).

    Another fold's validation part holds the very units that are tested here, and its model's scores are on another
    scale. NaN where a fold's validation part lacks the class, or all others.

    Args:
        test: the sites.
        validation: the validation parts of all folds.
        name: of the level whose rows are compared.
        split_by: what the split groups by.
    """
    limits = np.full(test.probabilities.shape, np.nan)
    for fold in np.unique(test.folds):
        part = validation.fold(int(fold))
        level = part.level(name, split_by) if part.folds.size else None
        if level is not None:
            limits[test.folds == fold] = _choose(level, level.average(part.probabilities))
    return limits


def _choose(level: Level, averaged: Probabilities) -> Float:
    """Find for each class the lowest threshold with at most `CHOSEN_FPR` of the others at or above it: (n_classes,)."""
    n_classes = averaged.shape[1]
    limits = np.full(n_classes, np.nan)
    for code in range(n_classes):
        others = np.sort(averaged[level.others(code), code])
        if others.size and level.members(code).any():
            # the next number above the highest score that may not pass
            limits[code] = np.nextafter(others[-1 - int(config.CHOSEN_FPR * others.size)], np.inf)
    return limits


def _rates(
    level: Level,
    given: NDArray[np.bool_],
    member: NDArray[np.bool_],
    other: NDArray[np.bool_],
    multiplicities: NDArray[np.int64],
) -> dict[str, Any]:
    def count(rows: NDArray[np.bool_]) -> tuple[int, Float]:
        sums = np.bincount(level.clusters[rows], minlength=level.n_clusters)
        return int(rows.sum()), (multiplicities @ sums).astype(np.float64)

    (n_members, members), (n_others, others) = count(member), count(other)
    (n_hits, hits), (n_right, right) = count(given & member), count(~given & other)
    sensitivity = interval(ratio(hits, members), config.INTERVAL)
    specificity = interval(ratio(right, others), config.INTERVAL)
    n_given = int((given & (member | other)).sum())
    return {
        "sensitivity": _share(n_hits, n_members),
        "sensitivity_low": number(sensitivity[0]),
        "sensitivity_high": number(sensitivity[1]),
        "specificity": _share(n_right, n_others),
        "specificity_low": number(specificity[0]),
        "specificity_high": number(specificity[1]),
        "false_positive_rate": _share(n_others - n_right, n_others),
        "precision": _share(n_hits, n_given),
        "members": n_members,
        "others": n_others,
    }


def _share(part: int, whole: int) -> float | None:
    return number(part / whole) if whole else None
