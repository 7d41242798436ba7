"""A run's units with their folds' calibration, and the coverage of its prediction sets on the test part.

Exchangeable units are compounds (each control well one of its own) where the split groups by compound, and wells
otherwise: the sites of one well, and the wells of one compound, are not independent. A unit's probabilities are the
mean over its sites.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.evaluate.levels import find_units
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import number
from kinfast.metrics.arrays import Codes, Probabilities
from kinfast.metrics.conformal import (
    Calibration,
    class_categories,
    p_values,
    pooled_categories,
    prediction_sets,
)
from kinfast.metrics.coverage import coverage_interval

COVERAGE_COLUMNS = ("level", "class", "n", "coverage", "low", "high", "mean_set_size")


@dataclass(frozen=True, slots=True)
class UnitRows:
    """Some units of one fold, a row each.

    Attributes:
        probabilities: (n, n_classes), the mean over the unit's sites.
        codes: (n,) true class; -1 where it has none.
        groups: (n,) number of the unit, the same in all parts and folds.
        sites: (n,) its sites.
    """

    probabilities: Probabilities
    codes: Codes
    groups: Codes
    sites: Codes

    @property
    def calibration(self) -> Calibration:
        """These units as a reference for others."""
        return Calibration(self.probabilities, self.codes)


@dataclass(frozen=True, slots=True)
class FoldUnits:
    """One fold: its number, the units that calibrate (validation part), and those that are asked (test part)."""

    fold: int
    validation: UnitRows
    test: UnitRows


def read_folds(run: Run) -> list[FoldUnits]:
    """Average every fold's validation and test part to units."""
    groups = unit_numbers(run.table, run.split_by)
    part, fold = run.table[schema.PART].to_numpy(), run.table[schema.FOLD].to_numpy()
    probabilities, codes = run.probabilities(run.table), run.codes(run.table)

    def rows(name: str, number_: int) -> UnitRows:
        mask = (part == name) & (fold == number_)
        return average_units(probabilities[mask], codes[mask], groups[mask])

    return [
        FoldUnits(int(f), rows(schema.PART_VALIDATION, f), rows(schema.PART_TEST, f))
        for f in np.unique(fold[part == schema.PART_TEST])
    ]


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


def coverage_rows(folds: list[FoldUnits], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Measure on the test part how often a set holds the true class, and how large it is.

    Returns:
        A row for each level, marginal (class empty, all classes one reference), then for each class that was tested
        (references of its own, where it has enough). `low` and `high` are the levels that the coverage does not
        contradict at 95 %, by the beta-binomial distribution over units.
    """
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
        rows.append(_row(level, "", prediction_sets(marginal, level), truth, everyone, of_fold, pooled))
        sets = prediction_sets(own, level)
        for code in np.unique(truth):
            references = [
                int((taxonomy[fold.validation.codes] == taxonomy[code]).sum())
                for fold, taxonomy in zip(folds, categories, strict=True)
            ]
            rows.append(_row(level, classes[code], sets, truth, truth == code, of_fold, references))
    return rows


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
) -> dict[str, Any]:
    covered = sets[np.arange(truth.size), truth] & mask
    sizes = [(int((mask & (of_fold == place)).sum()), n) for place, n in enumerate(references)]
    low, high = coverage_interval(int(covered.sum()), sizes, config.INTERVAL)
    n = int(mask.sum())
    return {
        "level": level,
        "class": name,
        "n": n,
        "coverage": number(covered.sum() / n),
        "low": number(low),
        "high": number(high),
        "mean_set_size": number(sets[mask].sum(axis=1).mean()),
    }
