"""Runs side by side on the same test units: differences on the same draws, and a paired test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.errors import RunError
from kinfast.evaluate.levels import Level, Units, find_units, make_level
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import Entries, Scored, draw_clusters, entry, number, score_level
from kinfast.metrics.arrays import Codes, Float, Probabilities, ratio
from kinfast.metrics.bootstrap import interval
from kinfast.metrics.decisions import SWITCHED_ON, decide
from kinfast.metrics.labels import HALF, macro_area
from kinfast.metrics.permutation import TOLERANCE
from kinfast.metrics.ranking import class_areas, rank_scores
from kinfast.metrics.scores import METRICS, POSITIVE, mean_defined

TESTED = ("roc_auc_macro", "balanced_accuracy", "top1_accuracy")
"""Scores that the paired test is made for."""
FAIR = 0.5
SWAPS = 500
"""Random exchanges of the paired test: p is at least 0.002."""


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """The test sites that all runs have in common.

    Attributes:
        codes: (n,) true classes; all 0 where a site has several labels.
        units: wells and compounds.
        probabilities: of each run, (n, n_classes), the mean over the folds that tested a site.
        n_own: of each run, how many test sites it has in all.
        truths: (n, n_classes) of several labels, NaN where not known; else None.
    """

    codes: Codes
    units: Units
    probabilities: tuple[Probabilities, ...]
    n_own: tuple[int, ...]
    truths: Float | None = None

    def level(self, name: str, split_by: str) -> Level | None:
        """Group the sites."""
        return make_level(name, np.zeros_like(self.codes), self.codes, self.units, split_by, self.truths)


def find_common(runs: Sequence[Run]) -> Common:
    """Find the test sites that all runs have, with the same truth.

    Raises:
        RunError: the runs have other classes, other truths, or no test site in common.
    """
    first = runs[0]
    for other in runs[1:]:
        if set(other.classes) != set(first.classes):
            odd = sorted(set(other.classes) ^ set(first.classes))
            raise RunError(f"{other.path} and {first.path} do not have the same classes ({', '.join(odd[:5])})")
        if other.several != first.several:
            lone, many = (other, first) if first.several else (first, other)
            raise RunError(f"{many.path} has several labels a site, {lone.path} one class: they cannot be compared")
    tables = [_mean_table(run, first.classes) for run in runs]
    keys = tables[0].index
    for table in tables[1:]:
        keys = keys.intersection(table.index)
    if len(keys) == 0:
        raise RunError(f"{', '.join(str(run.path) for run in runs)}: no test site in common; train with the same split")
    keys = keys.sort_values()
    names = _truth_columns(first, first.classes)
    truths = [table.loc[keys, names].to_numpy(np.float64 if first.several else object) for table in tables]
    for run, truth in zip(runs[1:], truths[1:], strict=True):
        odd_sites = ((truth != truths[0]) & ~(pd.isna(truth) & pd.isna(truths[0]))).any(axis=1)
        if odd_sites.any():
            raise RunError(f"{run.path} and {first.path} give {odd_sites.sum()} sites another truth")
    columns = [schema.probability(name) for name in first.classes]
    said = tuple(np.ascontiguousarray(table.loc[keys, columns].to_numpy(np.float64)) for table in tables)
    n_own, units = tuple(len(table) for table in tables), _units(first, keys)
    if first.several:
        return Common(np.zeros(len(keys), np.int64), units, said, n_own, truths[0])
    codes = pd.Index(first.classes).get_indexer(pd.Index(truths[0][:, 0])).astype(np.int64)
    return Common(codes, units, said, n_own)


def _truth_columns(run: Run, classes: tuple[str, ...]) -> list[str]:
    return [schema.truth(name) for name in classes] if run.several else [schema.TRUTH]


def _mean_table(run: Run, classes: tuple[str, ...]) -> pd.DataFrame:
    rows = run.part(schema.PART_TEST)
    columns = [schema.probability(name) for name in classes]
    how: dict[str, Any] = dict.fromkeys(columns, "mean") | dict.fromkeys(_truth_columns(run, classes), "first")
    return rows.astype(dict.fromkeys(columns, np.float64)).groupby(schema.KEY, sort=True).agg(how)


def _units(run: Run, keys: pd.Index) -> Units:
    place = pd.MultiIndex.from_frame(run.table[schema.KEY])
    first = (
        pd.Series(np.arange(len(place))).groupby([place.get_level_values(i) for i in range(len(schema.KEY))]).first()
    )
    where = first.loc[keys].to_numpy(np.int64)
    units = find_units(run.table)
    return Units(units.wells[where], units.compounds[where])


def score_common(common: Common, level: Level, draws: int, seed: int = config.SEED) -> list[Scored]:
    """Score each run at a level on the same draws."""
    multiplicities = draw_clusters(level, draws, [seed, 7])
    return [score_level(level, said, multiplicities) for said in common.probabilities]


def independent_difference(one: Scored, other: Scored) -> Entries:
    """Give one's lead over another that was tested on other units: each with draws of its own.

    The draws must come from different seeds; they are paired at random, which adds their variances.
    """
    found = {}
    for name in METRICS:
        n = min(one.draws.scores[name].size, other.draws.scores[name].size)
        lead = one.draws.scores[name][:n] - other.draws.scores[name][:n]
        found[name] = entry(one.values[name] - other.values[name], *interval(lead, config.INTERVAL))
    return found


def swap_test(
    level: Level, one: Probabilities, other: Probabilities, seed: Sequence[int], swaps: int = SWAPS
) -> dict[str, float | None]:
    """Test whether two runs differ: what they say of a cluster is exchanged at random, two-sided.

    Areas are of each run's own ranks, so that one run's being surer than the other's does not matter.

    Args:
        level: groups the sites.
        one: (n_sites, n_classes) of the first run.
        other: of the second.
        seed: of the exchanges.
        swaps: how many exchanges.

    Returns:
        score -> p. Source: Good 2005, Permutation, Parametric and Bootstrap Tests of Hypotheses, 3.7 (matched pairs).
    """
    ranks = [rank_scores(level.average(said)).mid for said in (one, other)]
    if level.truths is None:
        right = [decide(level.average(said)).predicted == level.codes for said in (one, other)]
    else:
        right = [(level.average(said) > SWITCHED_ON) == (level.truths >= HALF) for said in (one, other)]
    rng = np.random.default_rng(list(seed))
    observed = _leads(level, ranks, right, np.zeros(level.n_rows, np.bool_))
    reached, known = dict.fromkeys(TESTED, 1), 1
    for _ in range(swaps):
        swapped = (rng.random(level.n_clusters) < FAIR)[level.clusters]
        leads = _leads(level, ranks, right, swapped)
        known += 1
        for name in TESTED:
            reached[name] += abs(leads[name]) >= abs(observed[name]) - TOLERANCE
    return {name: number(reached[name] / known) if np.isfinite(observed[name]) else None for name in TESTED}


def _leads(
    level: Level, ranks: list[Float], right: list[NDArray[np.bool_]], swapped: NDArray[np.bool_]
) -> dict[str, float]:
    found: list[tuple[float, ...]] = []
    for first, second in ((0, 1), (1, 0)):
        mixed = np.where(swapped[:, None], ranks[second], ranks[first])
        if level.truths is not None:
            mixed_right = np.where(swapped[:, None], right[second], right[first])
            found.append((macro_area(level.truths, mixed), _mean_recall(level.truths, mixed_right), float("nan")))
            continue
        hits = np.where(swapped, right[second], right[first]).astype(np.float64)
        areas = class_areas(rank_scores(mixed), level.codes)
        sums = np.bincount(level.codes, weights=hits, minlength=mixed.shape[1])
        sizes = np.bincount(level.codes, minlength=mixed.shape[1])
        area = float(areas[POSITIVE]) if mixed.shape[1] == 2 else mean_defined(areas)
        found.append((area, float((sums[sizes > 0] / sizes[sizes > 0]).mean()), float(hits.mean())))
    return {name: found[0][place] - found[1][place] for place, name in enumerate(TESTED)}


def _mean_recall(truths: Float, right: NDArray[np.bool_]) -> float:
    """Give the mean over labels of the share that is right of those that have it and of those that have not."""
    has, lacks = truths >= HALF, truths < HALF
    recalls = np.stack([ratio((right & cells).sum(axis=0), cells.sum(axis=0)) for cells in (has, lacks)])
    both = has.any(axis=0) & lacks.any(axis=0)
    return mean_defined(recalls.mean(axis=0)[both])


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number. Source: Holm 1979, Scandinavian Journal of Statistics 6:65."""
    order = np.argsort(p_values, kind="stable")
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected
