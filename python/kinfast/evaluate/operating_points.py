"""Sensitivity, specificity and false-positive rate of each class, at thresholds that are stated (K-45)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast import config
from kinfast.evaluate.levels import Level
from kinfast.evaluate.scoring import number
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
    validation: tuple[Level, Probabilities] | None,
) -> list[dict[str, Any]]:
    """Give the rates of each class under each rule: its score is the highest; it reaches the stated threshold; it
    reaches the lowest threshold that gave at most `config.CHOSEN_FPR` false positives in the validation part. Labels do
    not exclude each other: the first rule is not theirs.

    Args:
        level: groups the test sites.
        probabilities: (n_sites, n_classes) of the test part.
        multiplicities: (n_draws, n_clusters).
        classes: names.
        threshold: the stated one, 0 … 1.
        validation: level and site probabilities of the validation part, None without one.
    """
    averaged = level.average(probabilities)
    predicted = decide(averaged).predicted
    chosen = _choose(validation, len(classes)) if validation else np.full(len(classes), np.nan)
    rows = []
    for code, name in enumerate(classes):
        for rule, limit, given in (
            (ARGMAX, None, predicted == code),
            (STATED, threshold, averaged[:, code] >= threshold),
            (VALIDATED, chosen[code], averaged[:, code] >= chosen[code]),
        ):
            if np.isfinite(limit) if limit is not None else level.truths is None:
                rates = _rates(level, given, level.members(code), level.others(code), multiplicities)
                rows.append(
                    {"class": name, "rule": rule, "threshold": None if limit is None else number(limit), **rates}
                )
    return rows


def _choose(validation: tuple[Level, Probabilities], n_classes: int) -> Float:
    """Find for each class the lowest threshold with at most `CHOSEN_FPR` of the others at or above it."""
    level, averaged = validation[0], validation[0].average(validation[1])
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
