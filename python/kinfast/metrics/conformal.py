"""Inductive conformal prediction: how strange each class would be for a row, beside rows whose class is known.

crepes computes the p-values; here stands what it is asked: which rows are each class's reference (its Mondrian
category), and how several folds' models, each with references of its own, come to one p-value.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.config import FEWEST_CALIBRATION
from kinfast.metrics.arrays import Codes, Float, Probabilities


@dataclass(frozen=True, slots=True)
class Calibration:
    """What one model said of exchangeable units that it was not trained on.

    Attributes:
        probabilities: (n, n_classes) in 0 … 1.
        codes: (n,) their true classes.
    """

    probabilities: Probabilities
    codes: Codes

    @property
    def scores(self) -> Float:
        """(n,) nonconformity of each unit: one minus the probability of its true class. Source: crepes' `hinge`."""
        scores: Float = 1.0 - self.probabilities[np.arange(self.codes.size), self.codes]
        return scores


def pooled_categories(n_classes: int) -> Codes:
    """Put all classes into one category: coverage holds over all units, not in each class."""
    return np.zeros(n_classes, dtype=np.int64)


def class_categories(codes: Codes, n_classes: int, fewest: int = FEWEST_CALIBRATION) -> Codes:
    """Give each class of at least `fewest` calibration units a category of its own, and all others one: (n_classes,).

    Coverage holds within each category. Source: Vovk, Gammerman, Shafer 2005, section 4.5 (Mondrian taxonomies).
    """
    counts = np.bincount(codes, minlength=n_classes)
    return np.where(counts >= fewest, np.arange(n_classes), n_classes).astype(np.int64)


def p_values(calibrations: Sequence[Calibration], probabilities: Sequence[Probabilities], categories: Codes) -> Float:
    """Give each row's p-value for each class: (n, n_classes) in 1 / (n_calibration + 1) … 1.

    Not smoothed: a row's value depends on no random number, and coverage is at least what it should be. With several
    models it is the cross-conformal p-value: a row's rank under each model among that model's references, added up.
    Where a category has no reference the value is 1: nothing can be excluded.

    Args:
        calibrations: one for each model.
        probabilities: what each model says of the rows, (n, n_classes) each.
        categories: (n_classes,) each class's category.

    Source: Vovk 2015, Annals of Mathematics and Artificial Intelligence 74:9 (cross-conformal predictors).
    """
    reached = np.ones(probabilities[0].shape)
    references = np.ones(len(categories))
    for calibration, said in zip(calibrations, probabilities, strict=True):
        counts, sizes = _count_stranger(calibration, said, categories)
        reached += counts
        references += sizes
    values: Float = reached / references
    return values


def _count_stranger(calibration: Calibration, said: Probabilities, categories: Codes) -> tuple[Float, Float]:
    """Count the references that are at least as strange as each row would be in each class, and all references."""
    from crepes import ConformalClassifier

    counts, sizes = np.zeros(said.shape), np.zeros(len(categories))
    scores, theirs = calibration.scores, categories[calibration.codes]
    for category in np.unique(categories):
        classes = np.flatnonzero(categories == category)
        mine = scores[theirs == category]
        if mine.size and len(said):
            given = ConformalClassifier().fit(mine).predict_p(1.0 - said[:, classes], smoothing=False)
            counts[:, classes] = np.rint(given * (mine.size + 1) - 1)
        sizes[classes] = mine.size
    return counts, sizes


def prediction_sets(values: Float, level: float) -> NDArray[np.bool_]:
    """Give the classes that cannot be excluded: (n, n_classes). The comparison is crepes' own."""
    kept: NDArray[np.bool_] = values >= 1 - level
    return kept
