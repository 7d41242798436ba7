"""Ranks compounds by what testing them next would teach: first those that fit no class, then the most ambiguous."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.metrics.arrays import Float, Probabilities
from kinfast.metrics.calibration import entropy, label_entropy
from kinfast.metrics.conformal import prediction_sets
from kinfast.metrics.labels import join_labels

NEXT_COLUMNS = (
    "rank", "Metadata_Compound", "status", "wells", "sites", "predicted", "set_90", "set_size", "credibility",
    "entropy", "out_of_distribution", "reason",
)  # fmt: skip


def spell_set(kept: NDArray[np.bool_], classes: tuple[str, ...]) -> str:
    """Write a set of classes as one CSV row, as lists of classes are written elsewhere."""
    return ",".join(_quoted(name) for name, inside in zip(classes, kept, strict=True) if inside)


def _quoted(name: str) -> str:
    special = any(letter in name for letter in ',"\n')
    return '"' + name.replace('"', '""') + '"' if special else name


def rank_compounds(
    units: pd.DataFrame,
    probabilities: Probabilities,
    values: Float,
    classes: tuple[str, ...],
    several: bool = False,
) -> pd.DataFrame:
    """Rank units.

    Args:
        units: a row per unit: Metadata_Compound, status, wells, sites, out_of_distribution (share of odd sites).
        probabilities: (n, n_classes), the mean over the unit's sites.
        values: (n, n_classes) p-values.
        classes: names.
        several: whether a unit may have several of the classes, or none; then an empty set is not strange, and the
            entropy is the mean over the labels.

    Returns:
        NEXT_COLUMNS, the most instructive first: an empty set (its credibility, the highest p-value, is below one
        minus the level: the compound is like none that is known), then larger sets, then a higher entropy. Source:
        Balasubramanian, Ho, Vovk 2014, Conformal Prediction for Reliable Machine Learning, chapter 3.
    """
    sets = prediction_sets(values, config.SET_LEVEL)
    size, best = sets.sum(axis=1), values.max(axis=1)
    spread = label_entropy(probabilities) if several else entropy(probabilities)
    empty = (size == 0) & (not several)
    order = np.lexsort([units[schema.COMPOUND].astype(str), best, -spread, -size, ~empty])
    frame = units.assign(
        predicted=[_predicted(row, classes, several) for row in probabilities],
        set_90=[spell_set(row, classes) for row in sets],
        set_size=size,
        credibility=best,
        entropy=spread,
        reason=[
            _reason(int(n), len(classes), float(p), float(h), several)
            for n, p, h in zip(size, best, spread, strict=True)
        ],
    )
    frame = frame.iloc[order].reset_index(drop=True)
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    return frame[list(NEXT_COLUMNS)]


def _predicted(row: Float, classes: tuple[str, ...], several: bool) -> str:
    return join_labels(classes, row) if several else classes[int(row.argmax())]


def _reason(size: int, n_classes: int, credibility: float, spread: float, several: bool) -> str:
    level = f"{config.SET_LEVEL:.0%}"
    if several:
        return f"{size} of {n_classes} labels cannot be excluded at {level}; mean entropy {spread:.2f} of 1"
    if size == 0:
        return f"fits no class at {level}: the best p-value is {credibility:.3f}"
    if size == 1:
        return f"one class at {level}; entropy {spread:.2f} of 1"
    possible = "no class can be excluded" if size == n_classes else f"{size} of {n_classes} classes are possible"
    return f"{possible} at {level}; entropy {spread:.2f} of 1"
