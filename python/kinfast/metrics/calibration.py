"""Whether probabilities mean what they say: temperature scaling, reliability, expected calibration error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.bootstrap import draw_multiplicities

SMALLEST = 1e-12
"""Below it a probability's logarithm would say more than a float32 holds."""
HOTTEST = 20.0
"""Temperatures lie between one over it and it: beyond, all rows are alike or all sure."""
MOST_BINS, FEWEST_IN_BIN = 10, 8
SUMS_TO_ONE = 1e-3


@dataclass(frozen=True, slots=True)
class Reliability:
    """Rows sorted by the confidence in their first class, in bins of equal size.

    Attributes:
        sizes: (n_bins,) rows.
        confidence: (n_bins,) mean probability of the first class.
        accuracy: (n_bins,) share of rows whose first class is true.
    """

    sizes: NDArray[np.int64]
    confidence: Float
    accuracy: Float

    @property
    def error(self) -> float:
        """Expected calibration error: the gap between confidence and accuracy, the mean over rows. 0 is best.

        Source: Guo et al. 2017, On calibration of modern neural networks, ICML; equal-mass bins of Nixon et al. 2019.
        """
        return float((self.sizes * np.abs(self.accuracy - self.confidence)).sum() / self.sizes.sum())


def scale_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Divide logits by a temperature: above 1 makes sure rows doubtful, the order of the classes stays.

    Args:
        probabilities: (n, n_classes) of a softmax, or, where rows do not sum to 1, of a sigmoid a class.
        temperature: above 0.
    """
    clipped = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    if is_softmax(probabilities):
        logits = np.log(clipped) / temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scaled: Probabilities = powers / powers.sum(axis=1, keepdims=True)
        return scaled
    odds = (np.log(clipped) - np.log1p(-clipped)) / temperature
    sigmoid: Probabilities = 1 / (1 + np.exp(-odds))
    return sigmoid


def is_softmax(probabilities: Probabilities) -> bool:
    """Tell whether rows sum to 1."""
    return bool((np.abs(probabilities.sum(axis=1) - 1) < SUMS_TO_ONE).all())


def fit_temperature(probabilities: Probabilities, codes: Codes) -> float:
    """Find the temperature of the highest likelihood, 1 where there are no rows.

    Args:
        probabilities: (n, n_classes) of units that the model was not trained on.
        codes: (n,) their true classes.

    Source: Guo et al. 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    if codes.size == 0:
        return 1.0

    def loss(logarithm: float) -> float:
        return _mean_loss(scale_temperature(probabilities, float(np.exp(logarithm))), codes)

    found = minimize_scalar(loss, bounds=(-np.log(HOTTEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))


def _mean_loss(probabilities: Probabilities, codes: Codes) -> float:
    rows = np.arange(codes.size)
    clipped = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    if is_softmax(probabilities):
        return float(-np.log(clipped[rows, codes]).mean())
    losses = -np.log1p(-clipped)
    losses[rows, codes] = -np.log(clipped[rows, codes])
    return float(losses.sum(axis=1).mean())


def measure_reliability(probabilities: Probabilities, codes: Codes) -> Reliability:
    """Compare the confidence in the first class with how often it is true, in at most ten bins of equal size."""
    return _binned(probabilities.max(axis=1), probabilities.argmax(axis=1) == codes)


def _binned(confidence: Float, right: NDArray[np.bool_]) -> Reliability:
    order = np.argsort(confidence, kind="stable")
    _, tied, n_tied = np.unique(confidence, return_inverse=True, return_counts=True)
    share = (np.bincount(tied, weights=right) / n_tied)[tied]  # so that the order of tied rows does not matter
    bins = np.array_split(order, max(1, min(MOST_BINS, confidence.size // FEWEST_IN_BIN)))
    return Reliability(
        np.array([rows.size for rows in bins], dtype=np.int64),
        np.array([confidence[rows].mean() for rows in bins]),
        np.array([share[rows].mean() for rows in bins]),
    )


def error_draws(
    probabilities: Probabilities, codes: Codes, units: Codes, draws: int, rng: np.random.Generator
) -> Float:
    """Draw units with replacement, with all their rows, and measure the calibration error of each draw: (draws,).

    A draw's error is larger than the rows' own, since chance adds to every gap; the mean excess is taken off.

    Args:
        probabilities: (n, n_classes).
        codes: (n,) true classes.
        units: (n,) what each row is of: of several labels a unit has a row for each, and in several folds for each.
        draws: how many.
        rng: source of the draws.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    unit = np.unique(units, return_inverse=True)[1].reshape(-1)
    times = draw_multiplicities(int(unit.max(initial=-1)) + 1, draws, rng)[:, unit]
    picked = [np.repeat(np.arange(codes.size), each) for each in times]
    errors = np.array([_binned(confidence[rows], right[rows]).error for rows in picked])
    excess = errors.mean() - _binned(confidence, right).error if draws else 0.0
    corrected: Float = np.maximum(errors - excess, 0.0)
    return corrected


def perfect_errors(probabilities: Probabilities, draws: int, rng: np.random.Generator) -> Float:
    """Give the errors that chance alone leaves where each confidence is exactly right: (draws,).

    Source: Bröcker and Smith 2007, Weather and Forecasting 22:651 (consistency resampling).
    """
    confidence = probabilities.max(axis=1)
    right = rng.random((draws, confidence.size)) < confidence
    return np.array([_binned(confidence, row).error for row in right])


def entropy(probabilities: Probabilities) -> Float:
    """Give each row's entropy as a share of the largest one, of rows made to sum to 1: (n,) in 0 … 1."""
    shares = probabilities / np.maximum(probabilities.sum(axis=1, keepdims=True), SMALLEST)
    terms = shares * np.log(np.maximum(shares, SMALLEST))
    result: Float = np.clip(-terms.sum(axis=1) / np.log(probabilities.shape[1]), 0.0, 1.0)
    return result


def label_entropy(probabilities: Probabilities) -> Float:
    """Give the mean over labels of each one's entropy, has or has not, as a share of the largest: (n,) in 0 … 1."""
    kept = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    terms = -(kept * np.log(kept) + (1 - kept) * np.log1p(-kept))
    result: Float = np.clip(terms.mean(axis=1) / np.log(2), 0.0, 1.0)
    return result
