"""What a class rests on: means over compounds, intervals that count compounds, words."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from kinfast.evaluate.stains import (
    EXPLAIN_COLUMNS,
    Measured,
    bootstrap_mean,
    rank_correlations,
    stain_rows,
    stain_words,
    unit_means,
)

CLASSES = ("EGFR", "Src")


def measured(seed: int = 0, n_units: int = 8, each: int = 5) -> tuple[list[Measured], np.ndarray, np.ndarray]:
    """ER carries EGFR, AGP carries Src, Mito nothing; sites of a compound share its deviation."""
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(2 * n_units), each)
    codes = (units >= n_units).astype(np.int64)
    noise = rng.normal(0, 0.05, (2 * n_units, 3))[units] + rng.normal(0, 0.01, (len(units), 3))
    truth = np.array([[0.4, 0.0, 0.0], [0.0, 0.3, 0.0]])[codes]
    values = truth + noise
    stains = ("ER", "AGP", "Mito")
    return [Measured(stain, "", "swap", values[:, place]) for place, stain in enumerate(stains)], codes, units


def test_the_planted_stain_comes_first_with_an_interval_above_zero() -> None:
    rows = stain_rows(*measured(), CLASSES, draws=500, seed=0)
    assert tuple(rows[0]) == EXPLAIN_COLUMNS
    for name, stain in zip(CLASSES, ("ER", "AGP"), strict=True):
        ranked = sorted((row for row in rows if row["class"] == name), key=lambda row: -row["drop"])
        assert ranked[0]["stain"] == stain
        assert ranked[0]["low"] > 0.2


def test_words_name_the_stains_that_surely_cost_and_what_they_show() -> None:
    rows = stain_rows(*measured(), CLASSES, draws=500, seed=0)
    words = stain_words(rows, "EGFR", {"ER": "endoplasmic reticulum"})
    assert words.startswith("EGFR rests on ER (endoplasmic reticulum): −0.")
    assert "AGP" not in words
    assert stain_words(rows, "", {}).startswith("The model rests on ")


def test_nothing_is_named_where_nothing_is_lost() -> None:
    parts, codes, units = measured()
    flat = [Measured(one.stain, "", "swap", one.values * 0) for one in parts]
    rows = stain_rows(flat, codes, units, CLASSES, draws=100, seed=0)
    assert stain_words(rows, "Src", {}) == (
        "Src rests on no stain alone: exchanging any of them costs it nothing that can be told from chance."
    )


def test_more_sites_of_the_same_compounds_make_no_interval_narrower() -> None:
    few, many = (unit_means(np.tile(np.arange(6.0), each)[:, None], np.tile(np.arange(6), each)) for each in (1, 50))
    assert bootstrap_mean(few, 200, 0) == bootstrap_mean(many, 200, 0)


def test_one_compound_has_no_interval() -> None:
    parts, codes, units = measured(n_units=1)
    rows = stain_rows(parts, codes, units, CLASSES, draws=100, seed=0)
    assert {row["low"] for row in rows if row["class"]} == {None}
    assert "too few compounds" in stain_words(rows, "EGFR", {})


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """95 % asked; of 200 the binomial's lower 0.1 % end at 0.88 is 176; 20 units cost a bootstrap about 2 % more."""
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        low, high = bootstrap_mean(rng.normal(1.0, 1.0, (20, 1)), 300, seed)
        held += low[0] <= 1.0 <= high[0]  # type: ignore[operator]
    assert held >= 172


def test_rank_correlations_are_spearmans() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(4, 30)).round(1), rng.normal(size=(4, 30)).round(1)
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert rank_correlations(first, second) == pytest.approx(expected)
    assert rank_correlations(first, np.zeros_like(first)).tolist() == [0, 0, 0, 0]
