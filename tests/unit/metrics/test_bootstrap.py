"""The bootstrap by counting equals the bootstrap by copying rows, and its intervals cover."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from kinfast.metrics import bootstrap
from kinfast.metrics.bootstrap import bootstrap_scores, draw_multiplicities, interval
from kinfast.metrics.scores import score

ROUNDING = 1e-12
MACRO = ("balanced_accuracy", "f1_macro", "roc_auc_macro", "average_precision_macro")


def sample(n_classes: int, decimals: int | None, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_classes, 260)
    probabilities = rng.dirichlet(np.ones(n_classes), codes.size)
    probabilities[np.arange(codes.size), codes] += 0.05
    clusters = np.unique(rng.integers(0, 25, codes.size), return_inverse=True)[1]
    return probabilities if decimals is None else probabilities.round(decimals), codes, clusters


def precision_at_shares(probabilities: np.ndarray, mine: np.ndarray, members: int, others: int) -> float:
    """Average precision of a draw whose members and others weigh together what they do in all rows."""
    weights = np.where(mine, members / max(1, mine.sum()), others / max(1, (~mine).sum()))
    return float(average_precision_score(mine, probabilities, sample_weight=weights))


def class_scores(probabilities: np.ndarray, codes: np.ndarray, of_all: np.ndarray) -> dict[str, np.ndarray]:
    """By scikit-learn, of each class by itself: NaN where it is missing. of_all: the codes of all rows."""
    classes = range(probabilities.shape[1])
    given = probabilities.argmax(axis=1)
    nothing = np.full(len(classes), np.nan)
    found = {name: nothing.copy() for name in MACRO}
    for code in classes:
        mine = codes == code
        if mine.any() or (given == code).any():
            found["f1_macro"][code] = f1_score(mine, given == code, zero_division=0.0)
        if mine.any():
            found["balanced_accuracy"][code] = (given[mine] == code).mean()
            found["roc_auc_macro"][code] = roc_auc_score(mine, probabilities[:, code])
            members = int((of_all == code).sum())
            found["average_precision_macro"][code] = precision_at_shares(
                probabilities[:, code], mine, members, of_all.size - members
            )
    return found


def macro_scores(probabilities: np.ndarray, codes: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """Means over classes in a draw; a class that is missing there counts as in all rows."""
    own, drawn = class_scores(probabilities, codes, codes), class_scores(probabilities[rows], codes[rows], codes)
    if probabilities.shape[1] == 2:
        return {"average_precision_macro": drawn["average_precision_macro"][1]}
    return {name: float(np.nanmean(np.where(np.isnan(drawn[name]), own[name], drawn[name]))) for name in own}


@pytest.mark.parametrize("block", [7, bootstrap.BLOCK])
@pytest.mark.parametrize(("n_classes", "decimals"), [(2, None), (2, 1), (5, None), (12, 1), (40, None)])
def test_counting_equals_copying_rows(
    n_classes: int, decimals: int | None, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK", block)
    probabilities, codes, clusters = sample(n_classes, decimals, n_classes)
    multiplicities = draw_multiplicities(int(clusters.max()) + 1, 6, np.random.default_rng(3))
    found = bootstrap_scores(probabilities, codes, clusters, multiplicities)
    for draw, times in enumerate(multiplicities):
        rows = np.repeat(np.arange(codes.size), times[clusters])
        expected = score(probabilities[rows], codes[rows]) | macro_scores(probabilities, codes, rows)
        for name, value in expected.items():
            assert found.scores[name][draw] == pytest.approx(value, abs=ROUNDING, nan_ok=True), name


def test_draws_of_nothing_and_of_one_cluster_give_no_interval() -> None:
    probabilities, codes, _ = sample(3, None, 1)
    nothing = draw_multiplicities(1, 0, np.random.default_rng(0))
    found = bootstrap_scores(probabilities, codes, np.zeros_like(codes), nothing)
    assert all(np.isnan(interval(draws, 0.95)).all() for draws in found.scores.values())


def test_an_interval_holds_its_score_where_most_classes_are_rare() -> None:
    """A hundred classes of one well each and a large one that alone is known, as with a thesis' 113 classes."""
    codes = np.concatenate([np.arange(100), np.full(12, 100)])
    probabilities = np.full((codes.size, 101), 0.001)
    probabilities[:, 100] = 0.9
    wells = np.arange(codes.size)
    multiplicities = draw_multiplicities(codes.size, 200, np.random.default_rng(0))
    drawn, own = bootstrap_scores(probabilities, codes, wells, multiplicities).scores, score(probabilities, codes)
    for name in MACRO:
        low, high = interval(drawn[name], 0.95)
        assert low - ROUNDING <= own[name] <= high + ROUNDING, name


def test_every_draw_takes_as_many_clusters_as_there_are() -> None:
    multiplicities = draw_multiplicities(9, 100, np.random.default_rng(0))
    assert multiplicities.shape == (100, 9)
    assert (multiplicities.sum(axis=1) == 9).all()


def test_an_interval_needs_the_score_in_most_draws() -> None:
    values = np.array([np.nan] * 6 + [0.1, 0.2, 0.3, 0.4])
    assert np.isnan(interval(values, 0.95)).all()
    low, high = interval(np.linspace(0, 1, 101), 0.9)
    assert (low, high) == pytest.approx((0.05, 0.95))


def test_clustered_intervals_are_wider_where_rows_repeat_themselves() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat(rng.integers(0, 2, 40), 9)
    positive = np.clip(np.repeat(rng.normal(0.5, 0.2, 40), 9) + 0.15 * codes, 0.01, 0.99)
    probabilities = np.column_stack([1 - positive, positive])
    wells = np.repeat(np.arange(40), 9)
    widths = []
    for clusters in (wells, np.arange(codes.size)):
        multiplicities = draw_multiplicities(int(clusters.max()) + 1, 400, np.random.default_rng(1))
        low, high = interval(
            bootstrap_scores(probabilities, codes, clusters, multiplicities).scores["roc_auc_macro"], 0.95
        )
        widths.append(high - low)
    # nine equal sites a well carry the information of one: the width falls by about the root of nine without clusters
    assert widths[0] > 2 * widths[1]


@pytest.mark.slow
def test_the_interval_covers_the_true_area() -> None:
    """Two normals one standard deviation apart have the area Phi(1 / sqrt 2) = 0.7602."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        codes = np.repeat([0, 1], 40)
        positive = rng.normal(size=80) + codes
        scores = np.column_stack([-positive, positive])
        multiplicities = draw_multiplicities(80, 300, rng)
        low, high = interval(
            bootstrap_scores(scores, codes, np.arange(80), multiplicities).scores["roc_auc_macro"], 0.95
        )
        covered += low <= 0.7602 <= high
    # 190 expected of 200; a standard deviation is 3.1, and the percentile interval is a little short for 80 rows
    assert covered >= 178
