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
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.bootstrap import interval
from kinfast.metrics.decisions import decide
from kinfast.metrics.permutation import TOLERANCE
from kinfast.metrics.ranking import class_areas, rank_scores
from kinfast.metrics.scores import METRICS, POSITIVE, mean_defined

TESTED = ("roc_auc_macro", "balanced_accuracy", "top1_accuracy")
"""Scores that the paired test is made for."""
SWAPS = 500
"""Random exchanges of the paired test: p is at least 0.002."""


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """The test sites that all runs have in common.

    Attributes:
        codes: (n,) true classes.
        units: wells and compounds.
        probabilities: of each run, (n, n_classes), the mean over the folds that tested a site.
        n_own: of each run, how many test sites it has in all.
    """

    codes: Codes
    units: Units
    probabilities: tuple[Probabilities, ...]
    n_own: tuple[int, ...]

    def level(self, name: str, split_by: str) -> Level | None:
        """Group the sites."""
        return make_level(name, np.zeros_like(self.codes), self.codes, self.units, split_by)


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
    tables = [_mean_table(run, first.classes) for run in runs]
    keys = tables[0].index
    for table in tables[1:]:
        keys = keys.intersection(table.index)
    if len(keys) == 0:
        raise RunError(f"{', '.join(str(run.path) for run in runs)}: no test site in common; train with the same split")
    keys = keys.sort_values()
    truths = [table.loc[keys, schema.TRUTH].to_numpy() for table in tables]
    for run, truth in zip(runs[1:], truths[1:], strict=True):
        if (truth != truths[0]).any():
            raise RunError(f"{run.path} and {first.path} give {(truth != truths[0]).sum()} sites another truth")
    columns = [schema.probability(name) for name in first.classes]
    codes = pd.Index(first.classes).get_indexer(pd.Index(truths[0])).astype(np.int64)
    said = tuple(np.ascontiguousarray(table.loc[keys, columns].to_numpy(np.float64)) for table in tables)
    return Common(codes, _units(first, keys), said, tuple(len(table) for table in tables))


def _mean_table(run: Run, classes: tuple[str, ...]) -> pd.DataFrame:
    rows = run.part(schema.PART_TEST)
    columns = [schema.probability(name) for name in classes]
    how: dict[str, Any] = dict.fromkeys(columns, "mean") | {schema.TRUTH: "first"}
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
    right = [decide(level.average(said)).predicted == level.codes for said in (one, other)]
    rng = np.random.default_rng(list(seed))
    observed = _leads(level, ranks, right, np.zeros(level.n_rows, np.bool_))
    reached, known = dict.fromkeys(TESTED, 1), 1
    for _ in range(swaps):
        swapped = (rng.random(level.n_clusters) < 0.5)[level.clusters]
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
        hits = np.where(swapped, right[second], right[first]).astype(np.float64)
        areas = class_areas(rank_scores(mixed), level.codes)
        sums = np.bincount(level.codes, weights=hits, minlength=mixed.shape[1])
        sizes = np.bincount(level.codes, minlength=mixed.shape[1])
        area = float(areas[POSITIVE]) if mixed.shape[1] == 2 else mean_defined(areas)
        found.append((area, float((sums[sizes > 0] / sizes[sizes > 0]).mean()), float(hits.mean())))
    return {name: found[0][place] - found[1][place] for place, name in enumerate(TESTED)}


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number. Source: Holm 1979, Scandinavian Journal of Statistics 6:65."""
    order = np.argsort(p_values, kind="stable")
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected
