"""Scores with intervals of one level: the model, its baselines and the differences, all on the same draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.config import INTERVAL
from kinfast.evaluate.levels import Level
from kinfast.metrics.arrays import Float, Probabilities
from kinfast.metrics.bootstrap import Draws, bootstrap_scores, draw_multiplicities, interval
from kinfast.metrics.labels import macro_area, score_labels
from kinfast.metrics.permutation import make_shuffler, null_scores, p_value
from kinfast.metrics.scores import METRICS, score

Entry = dict[str, float | None]
Entries = dict[str, Entry]
"""score -> value, low, high; None where undefined."""
MACRO = "roc_auc_macro"
DECIMALS = 12
"""Kept in metrics.json: all that a double of this size means, without the noise of its last bits."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One set of predictions at one level: values by score, and their draws."""

    values: dict[str, float]
    draws: Draws

    def entries(self) -> Entries:
        """Give each score with its interval."""
        return {name: entry(self.values[name], *interval(self.draws.scores[name], INTERVAL)) for name in METRICS}

    def difference(self, other: "Scored") -> Entries:
        """Give each score's lead over another's on the same draws."""
        return {
            name: entry(
                self.values[name] - other.values[name],
                *interval(self.draws.scores[name] - other.draws.scores[name], INTERVAL),
            )
            for name in METRICS
        }


def entry(value: float, low: float, high: float) -> Entry:
    """Write a value and its interval, None for what is undefined."""
    return {"value": number(value), "low": number(low), "high": number(high)}


def number(value: float) -> float | None:
    """Round a number for a file; None where it is not one."""
    return round(float(value), DECIMALS) if np.isfinite(value) else None


def undefined() -> Entries:
    """Give the scores of a level that does not exist."""
    return {name: entry(np.nan, np.nan, np.nan) for name in METRICS}


def draw_clusters(level: Level, draws: int, seed: list[int]) -> NDArray[np.int64]:
    """Draw a level's clusters: (draws, n_clusters) times each; a single cluster gives no draws, hence no interval."""
    kept = draws if level.n_clusters > 1 else 0
    return draw_multiplicities(level.n_clusters, kept, np.random.default_rng(seed))


def score_level(level: Level, probabilities: Probabilities, multiplicities: NDArray[np.int64]) -> Scored:
    """Score one set of site probabilities at a level.

    Args:
        level: groups the sites.
        probabilities: (n_sites, n_classes).
        multiplicities: (draws, n_clusters), the same for all sets that are to be compared.
    """
    averaged = level.average(probabilities)
    if level.truths is not None:
        scores = score_labels(level.truths, averaged, level.clusters, multiplicities)
        return Scored(scores.values, Draws(scores.draws, scores.areas))
    draws = bootstrap_scores(averaged, level.codes, level.clusters, multiplicities)
    return Scored(score(averaged, level.codes), draws)


def permute_level(
    level: Level, probabilities: Probabilities, observed: dict[str, float], permutations: int, seed: list[int]
) -> tuple[Entries, dict[str, float | None]]:
    """Give chance's scores (mean and middle 95 % of the permutations) and the p-value of each observed score.

    Rows of several labels are handed round whole, so that labels that go together stay together; only the macro ROC
    area is taken of them.
    """
    rng, averaged = np.random.default_rng(seed), level.average(probabilities)
    if level.truths is not None:
        null = _null_areas(level, level.truths, averaged, permutations, rng)
    else:
        null = null_scores(averaged, make_shuffler(level.codes, level.clusters, level.strata), permutations, rng)
    chance = {name: entry(_mean(null[name]), *interval(null[name], INTERVAL)) for name in METRICS}
    return chance, {name: number(p_value(observed[name], null[name])) for name in METRICS}


def _null_areas(
    level: Level, truths: Float, averaged: Probabilities, permutations: int, rng: np.random.Generator
) -> dict[str, Float]:
    patterns, codes = np.unique(np.nan_to_num(truths, nan=-1.0), axis=0, return_inverse=True)
    patterns = np.where(patterns < 0, np.nan, patterns)
    shuffler = make_shuffler(codes.reshape(-1).astype(np.int64), level.clusters, level.strata)
    areas = [macro_area(patterns[shuffler.permute(rng)], averaged) for _ in range(permutations)]
    unknown = np.full(permutations, np.nan)
    return dict.fromkeys(METRICS, unknown) | {MACRO: np.array(areas, dtype=np.float64)}


def _mean(values: Float) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
