"""ROC curves: the area under the line is the area that is reported."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kinfast.metrics.curves import MOST_POINTS, class_curves, macro_curve, micro_curve, roc_curve
from kinfast.metrics.scores import score


@pytest.mark.parametrize("decimals", [1, 15])
def test_the_area_under_the_curve_is_the_area(decimals: int) -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.3
    scores = (rng.random(300) + 0.3 * positive).round(decimals)
    x, y = roc_curve(scores, positive)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_a_long_curve_is_thinned_without_being_seen() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(20_000) < 0.5
    scores = rng.random(20_000) + 0.2 * positive
    x, y = roc_curve(scores, positive)
    assert x.size <= MOST_POINTS
    # a chord over 1/400 of the points misses at most a triangle of half that width on each side
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(positive, scores), abs=2 / MOST_POINTS)


def test_class_macro_and_micro_curves() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 200)
    probabilities = rng.dirichlet(np.ones(4), 200)
    probabilities[np.arange(200), codes] += 0.2
    curves = class_curves(probabilities, codes)
    assert sorted(curves) == [0, 1, 2]
    areas = score(probabilities[:, :3], codes)
    x, y = macro_curve(curves)
    # a step moves by up to the grid's half percent when it is interpolated
    assert np.trapezoid(y, x) == pytest.approx(areas["roc_auc_macro"], abs=0.01)
    x, y = micro_curve(probabilities, codes)
    assert np.trapezoid(y, x) == pytest.approx(score(probabilities, codes)["roc_auc_micro"], abs=2 / MOST_POINTS)
