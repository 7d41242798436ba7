"""Measures of decisions: which class a row is given, and which outputs are switched on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.metrics.arrays import Codes, Float, Probabilities, ratio

SWITCHED_ON = 0.5
"""Output above which binary accuracy counts a class as predicted. Source: Keras' binary_accuracy."""
TOP_K = 5


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a matrix of probabilities decides, whatever the truth may be.

    Attributes:
        places: (n, n_classes) int64, the place of each class among a row's scores, 0 for the highest. Ties go to the
            earlier class, as in `argmax`, so that place 0 of the true class is exactly a correct top-1 decision.
        predicted: (n,) the class at place 0.
        on: (n, n_classes) whether the output stands above one half.
        n_on: (n,) how many do.
    """

    places: Codes
    predicted: Codes
    on: NDArray[np.bool_]
    n_on: Codes

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.places.shape[1])

    def truth_places(self, codes: Codes) -> Codes:
        """Give the place of the true class of each row: (n,)."""
        return self.places[np.arange(codes.size), codes]

    def right_outputs(self, codes: Codes) -> Codes:
        """Count, for each row, the outputs on the right side of one half: (n,), 0 … n_classes."""
        true_on = self.on[np.arange(codes.size), codes].astype(np.int64)
        return self.n_classes - 1 - self.n_on + 2 * true_on


def decide(probabilities: Probabilities) -> Decisions:
    """Take the decisions of a matrix of probabilities.

    Args:
        probabilities: (n, n_classes) float64, finite.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    on = probabilities > SWITCHED_ON
    return Decisions(places, order[:, 0], on, on.sum(axis=1, dtype=np.int64))


def confusion_matrix(codes: Codes, predicted: Codes, n_classes: int) -> NDArray[np.int64]:
    """Count rows by true class (first axis) and predicted class: (n_classes, n_classes)."""
    return np.bincount(codes * n_classes + predicted, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


@dataclass(frozen=True, slots=True)
class ClassRates:
    """What a confusion matrix says of each class, (n_classes,) each, NaN where it says nothing.

    Attributes:
        sensitivity: share of the class's rows that were given to it.
        false_positive_rate: share of the other rows that were given to it.
        precision: share of the rows given to it that are its own.
    """

    sensitivity: Float
    false_positive_rate: Float
    precision: Float


def class_rates(confusion: NDArray[np.int64]) -> ClassRates:
    """Take the rates of each class from a confusion matrix."""
    hits, truth, given = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return ClassRates(
        sensitivity=ratio(hits, truth),
        false_positive_rate=ratio(given - hits, confusion.sum() - truth),
        precision=ratio(hits, given),
    )
