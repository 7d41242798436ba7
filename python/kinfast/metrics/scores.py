"""The eight scores of an evaluation, by scikit-learn's words, and what each does at the edges.

Two classes are scored as scikit-learn scores a binary task: the second class is the positive one, its probability is
the score, and micro, macro and average precision are of that class alone. With more classes, macro means the mean over
the classes that the rows hold both members and non-members of. A score that says nothing is NaN: top-5 with at most
five classes, areas where all rows are of one class.
"""

import numpy as np

from kinfast.domain import AnyArray
from kinfast.metrics.arrays import Codes, Float, Probabilities, ratio
from kinfast.metrics.decisions import TOP_K, Decisions, class_rates, confusion_matrix, decide
from kinfast.metrics.ranking import RankedScores, class_areas, class_precisions, pooled_area, rank_scores

RANKING = ("roc_auc_micro", "roc_auc_macro", "average_precision_macro")
DECISION = ("top1_accuracy", "top5_accuracy", "balanced_accuracy", "f1_macro", "binary_accuracy")
METRICS = RANKING + DECISION
POSITIVE = 1
"""Code of the positive class where there are two."""


def mean_defined(values: Float) -> float:
    """Give the mean of what is not NaN, NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def score_rankings(ranked: RankedScores, codes: Codes) -> dict[str, float]:
    """Give the three ranking scores of one truth.

    Args:
        ranked: of the scores' matrix.
        codes: (n,) true class of each row.
    """
    areas, precisions = class_areas(ranked, codes), class_precisions(ranked, codes)
    if ranked.n_classes == 2:
        area = float(areas[POSITIVE])
        return dict(zip(RANKING, (area, area, float(precisions[POSITIVE])), strict=True))
    return dict(zip(RANKING, (pooled_area(ranked, codes), mean_defined(areas), mean_defined(precisions)), strict=True))


def score_decisions(decisions: Decisions, codes: Codes) -> dict[str, float]:
    """Give the five decision scores of one truth.

    Args:
        decisions: of the probabilities.
        codes: (n,) true class of each row, n at least 1.
    """
    n_classes, places = decisions.n_classes, decisions.truth_places(codes)
    confusion = confusion_matrix(codes, decisions.predicted, n_classes)
    return {
        "top1_accuracy": float((places < 1).mean()),
        "top5_accuracy": float((places < TOP_K).mean()) if n_classes > TOP_K else float("nan"),
        "balanced_accuracy": mean_defined(class_rates(confusion).sensitivity),
        "f1_macro": mean_defined(class_f1(confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0))),
        "binary_accuracy": float(decisions.right_outputs(codes).sum() / (codes.size * n_classes)),
    }


def score(probabilities: Probabilities, codes: Codes) -> dict[str, float]:
    """Give all eight scores, NaN where one says nothing.

    Args:
        probabilities: (n, n_classes) float64, finite.
        codes: (n,) true class of each row, n at least 1.
    """
    return score_rankings(rank_scores(probabilities), codes) | score_decisions(decide(probabilities), codes)


def class_f1(hits: AnyArray, truth: AnyArray, given: AnyArray) -> Float:
    """Give F1 from counts, NaN where a class is neither true nor predicted: scikit-learn leaves it out, too."""
    return ratio(2.0 * hits, truth + given)
