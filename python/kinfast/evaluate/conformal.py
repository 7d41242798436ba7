"""A run's units with their folds' calibration, and the coverage of its prediction sets on the test part.

Exchangeable units are compounds (each control well one of its own) where the split groups by compound, and wells
otherwise: the sites of one well, and the wells of one compound, are not independent. A unit's probabilities are the
mean over its sites.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.evaluate.levels import find_units, mean_known
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import number
from kinfast.metrics.arrays import Codes, Probabilities, ratio
from kinfast.metrics.bootstrap import draw_multiplicities, interval
from kinfast.metrics.conformal import (
    Calibration,
    class_categories,
    p_values,
    pooled_categories,
    prediction_sets,
)
from kinfast.metrics.coverage import coverage_interval
from kinfast.metrics.labels import HALF

COVERAGE_COLUMNS = ("level", "class", "n", "coverage", "low", "high", "mean_set_size")
"""Of the tables; the rows in metrics.json have `empty_share` beside."""


@dataclass(frozen=True, slots=True)
class UnitRows:
    """Some units of one fold, a row each; of several labels, a row for each unit and label that it has.

    Attributes:
        probabilities: (n, n_classes), the mean over the unit's sites.
        codes: (n,) true class, or the label that the row is of; -1 where it has none.
        groups: (n,) number of the unit, the same in all parts and folds.
        sites: (n,) its sites.
    """

    probabilities: Probabilities
    codes: Codes
    groups: Codes
    sites: Codes

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return int(self.codes.size)

    def of_labels(self, cells: NDArray[np.bool_]) -> "UnitRows":
        """Repeat each unit for every label that is marked: cells (n, n_classes)."""
        rows, codes = np.nonzero(cells)
        return UnitRows(self.probabilities[rows], codes.astype(np.int64), self.groups[rows], self.sites[rows])

    @property
    def calibration(self) -> Calibration:
        """These units as a reference for others."""
        return Calibration(self.probabilities, self.codes)


@dataclass(frozen=True, slots=True)
class FoldUnits:
    """One fold: the units that calibrate (validation part), and those that are asked (test part).

    Attributes:
        fold: its number.
        validation, test: the units.
        absence: of several labels, the same of the labels that a unit is known not to have, and one minus the
            probabilities; else None.
    """

    fold: int
    validation: UnitRows
    test: UnitRows
    absence: "FoldUnits | None" = None


def read_folds(run: Run) -> list[FoldUnits]:
    """Average every fold's validation and test part to units."""
    groups = unit_numbers(run.table, run.split_by)
    part, fold = run.table[schema.PART].to_numpy(), run.table[schema.FOLD].to_numpy()
    probabilities = run.probabilities(run.table)
    if run.several:
        return _label_folds(run, groups, probabilities)
    codes = run.codes(run.table)

    def rows(name: str, number_: int) -> UnitRows:
        mask = (part == name) & (fold == number_)
        return average_units(probabilities[mask], codes[mask], groups[mask])

    return [
        FoldUnits(int(f), rows(schema.PART_VALIDATION, f), rows(schema.PART_TEST, f))
        for f in np.unique(fold[part == schema.PART_TEST])
    ]


def _label_folds(run: Run, groups: Codes, probabilities: Probabilities) -> list[FoldUnits]:
    """Take each label for itself: a unit's reference are the units that have the label, or that lack it."""
    part, fold, truths = run.table[schema.PART].to_numpy(), run.table[schema.FOLD].to_numpy(), run.truths(run.table)

    def rows(name: str, number_: int) -> tuple[UnitRows, UnitRows]:
        mask = (part == name) & (fold == number_)
        units = average_units(probabilities[mask], np.zeros(int(mask.sum()), np.int64), groups[mask])
        known = mean_known(truths[mask], np.searchsorted(units.groups, groups[mask]), units.groups.size)
        lacking = replace(units, probabilities=1.0 - units.probabilities)
        return units.of_labels(known >= HALF), lacking.of_labels(known < HALF)

    found = []
    for f in np.unique(fold[part == schema.PART_TEST]):
        validation, test = rows(schema.PART_VALIDATION, f), rows(schema.PART_TEST, f)
        absence = FoldUnits(int(f), validation[1], test[1])
        found.append(FoldUnits(int(f), validation[0], test[0], absence))
    return found


def unit_numbers(table: pd.DataFrame, split_by: str) -> Codes:
    """Number the exchangeable units of a whole table: (n,), compounds where the split groups by them, else wells."""
    units = find_units(table)
    return units.groups if split_by == "compound" else units.wells


def average_units(probabilities: Probabilities, codes: Codes, groups: Codes) -> UnitRows:
    """Average sites to units; a unit with sites of two classes is two."""
    _, first, member, sites = np.unique(
        np.stack([groups, codes]), axis=1, return_index=True, return_inverse=True, return_counts=True
    )
    sums = np.zeros((first.size, probabilities.shape[1]))
    np.add.at(sums, member.reshape(-1), probabilities)
    return UnitRows(sums / sites[:, None], codes[first], groups[first], sites.astype(np.int64))


def coverage_rows(folds: list[FoldUnits], classes: tuple[str, ...], several: bool = False) -> list[dict[str, Any]]:
    """Measure on the test part how often a set holds the true class, how large it is, and how often it is empty.

    Returns:
        A row for each level, marginal (class empty, all classes one reference), then for each class that was tested
        (references of its own, where it has enough). `low` and `high` are the levels that the coverage does not
        contradict at 95 %, by the beta-binomial distribution over units; units that repeated cross-validation tests
        several times count once in it. In marginal rows of several labels, where a unit stands once for each, they are
        the ends of a bootstrap over units.
    """
    times = sum(fold.test.n_rows for fold in folds) / max(1, count_units([fold.test for fold in folds]))
    units = np.concatenate([fold.test.groups for fold in folds]) if several else None
    n_classes = len(classes)
    truth = np.concatenate([fold.test.codes for fold in folds])
    of_fold = np.repeat(np.arange(len(folds)), [fold.test.codes.size for fold in folds])
    marginal = _all_p_values(folds, [pooled_categories(n_classes) for _ in folds])
    categories = [class_categories(fold.validation.codes, n_classes) for fold in folds]
    own = _all_p_values(folds, categories)
    everyone = np.ones(truth.size, np.bool_)
    pooled = [fold.validation.codes.size for fold in folds]
    rows = []
    for level in config.CONFORMAL_LEVELS:
        rows.append(_row(level, "", prediction_sets(marginal, level), truth, everyone, of_fold, pooled, times, units))
        sets = prediction_sets(own, level)
        for code in np.unique(truth):
            references = [
                int((taxonomy[fold.validation.codes] == taxonomy[code]).sum())
                for fold, taxonomy in zip(folds, categories, strict=True)
            ]
            rows.append(_row(level, classes[code], sets, truth, truth == code, of_fold, references, times))
    return rows


def count_units(rows: list[UnitRows]) -> int:
    """Count the units of some folds, each once however many folds hold it; of several labels, units with labels."""
    return len({pair for one in rows for pair in zip(one.groups.tolist(), one.codes.tolist(), strict=True)})


def _all_p_values(folds: list[FoldUnits], categories: list[Codes]) -> Probabilities:
    return np.concatenate(
        [
            p_values([fold.validation.calibration], [fold.test.probabilities], taxonomy)
            for fold, taxonomy in zip(folds, categories, strict=True)
        ]
    )


def _row(
    level: float,
    name: str,
    sets: NDArray[np.bool_],
    truth: Codes,
    mask: NDArray[np.bool_],
    of_fold: Codes,
    references: list[int],
    times: float,
    units: Codes | None = None,
) -> dict[str, Any]:
    covered = sets[np.arange(truth.size), truth] & mask
    if units is None:
        sizes = [(int((mask & (of_fold == place)).sum()), n) for place, n in enumerate(references)]
        sizes = sizes[: round(len(sizes) / times)]  # of one repetition
        once = round(covered.sum() / mask.sum() * sum(n for n, _ in sizes))
        low, high = coverage_interval(once, sizes, config.INTERVAL)
    else:
        low, high = _share_of_units(covered[mask], units[mask])
    n = int(mask.sum())
    return {
        "level": level,
        "class": name,
        "n": n,
        "coverage": number(covered.sum() / n),
        "low": number(low),
        "high": number(high),
        "mean_set_size": number(sets[mask].sum(axis=1).mean()),
        "empty_share": number((~sets[mask].any(axis=1)).mean()),
    }


def spell_empty(share: float, classes: str) -> str:
    """Say how many prediction sets are empty, for a sentence on their mean size, which hides it; nothing for none."""
    if share <= 0:
        return ""
    return f", and {'under 1%' if share < 0.01 else f'{share:.0%}'} of the sets are empty (unlike all {classes})"


def _share_of_units(covered: NDArray[np.bool_], groups: Codes) -> tuple[float, float]:
    """Give the interval of a share over rows of which several are one unit's: a bootstrap's over units.

    Where all rows agree there is nothing to draw from, and each unit counts once (Clopper and Pearson 1934).
    """
    units, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    rare = ((1 - config.INTERVAL) / 2) ** (1 / units.size)
    if covered.all():
        return rare, 1.0
    if not covered.any():
        return 0.0, 1 - rare
    drawn = draw_multiplicities(units.size, config.PARTIAL_DRAWS, np.random.default_rng(config.SEED))
    hits = np.bincount(member.reshape(-1), weights=covered, minlength=units.size)
    return interval(ratio(drawn @ hits, drawn @ sizes), config.INTERVAL)
