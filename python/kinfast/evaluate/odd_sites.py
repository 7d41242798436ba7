"""Marks sites that are unlike those the model was made for: their quality measures, or its energy, are out of range.

Two detectors, each with p-values by `metrics.oddness`: the Mahalanobis distance of the site's Quality_* measures, as
robust z-scores within its plate, from the training sites; and the energy of the model's logits. A site is odd where
either is, at half the rate each.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.evaluate.conformal import unit_numbers
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.arrays import Float
from kinfast.metrics.oddness import References, energy, fit_distance, label_energy, odd_p_values, robust_z

DETECTORS = 2
FEWEST_TRAIN = 10
"""Training sites that a distance needs at least."""


@dataclass(frozen=True, slots=True)
class OddSites:
    """Which sites are odd.

    Attributes:
        marked: (n,) bool.
        p_values: (n,), of both detectors together.
        rate: share of ordinary sites of new units that is marked, at most.
    """

    marked: NDArray[np.bool_]
    p_values: Float
    rate: float


def mark_test_sites(run: Run) -> OddSites | None:
    """Mark the sites of each fold's test part beside its validation part: a check of the rate.

    None where there is no validation part.
    """
    fold, part = run.table[schema.FOLD].to_numpy(), run.table[schema.PART].to_numpy()
    units = unit_numbers(run.table, run.split_by)
    values, rates = [], []
    for number in np.unique(fold[part == schema.PART_TEST]):
        mine = run.table[(fold == number) & (part != schema.PART_UNLABELLED)]
        theirs = units[mine.index]
        test = (mine[schema.PART] == schema.PART_TEST).to_numpy()
        known = _References.of(run, mine, theirs, schema.PART_VALIDATION)
        if known.n_units == 0:
            return None
        quality = _plate_z(mine, known.measures)[test]
        values.append(_together([known], quality, [_energy(run, _logits(run, mine)[test])]))
        rates.append(_rate(known.n_units))
    together = np.concatenate(values)
    limits = np.repeat(rates, [value.size for value in values])
    return OddSites(together <= limits, together, float(np.mean(limits)))


def mark_new_sites(run: Run, table: pd.DataFrame, logits: list[Float]) -> OddSites:
    """Mark sites of another table beside the test part of every fold.

    Args:
        run: the run.
        table: the sites, with their plate and, where known, Quality_* measures.
        logits: what each fold's model says of them, (n, n_classes) each.
    """
    fold, part = run.table[schema.FOLD].to_numpy(), run.table[schema.PART].to_numpy()
    units = unit_numbers(run.table, run.split_by)
    folds = []
    for number in np.unique(fold[part == schema.PART_TEST]):
        mine = run.table[(fold == number) & (part != schema.PART_UNLABELLED)]
        folds.append(_References.of(run, mine, units[mine.index], schema.PART_TEST, set(table.columns)))
    quality = _plate_z(table, folds[0].measures)
    values = _together(folds, quality, [_energy(run, said) for said in logits])
    rate = _rate(sum(known.n_units for known in folds))
    return OddSites(values <= rate, values, rate)


@dataclass(frozen=True, slots=True)
class _References:
    measures: tuple[str, ...]
    train: Float
    quality: Float
    energy: References

    @classmethod
    def of(
        cls, run: Run, rows: pd.DataFrame, units: NDArray[np.int64], part: str, columns: set[str] | None = None
    ) -> "_References":
        measures = _measures(rows, columns)
        z, parts = _plate_z(rows, measures), rows[schema.PART].to_numpy()
        known = parts == part
        scores = References(_energy(run, _logits(run, rows)[known]), units[known])
        return cls(measures, z[parts == schema.PART_TRAIN], z[known], scores)

    @property
    def n_units(self) -> int:
        return self.energy.n_units


def _energy(run: Run, logits: Float) -> Float:
    return label_energy(logits) if run.several else energy(logits)


def _together(folds: list[_References], quality: Float, energies: list[Float]) -> Float:
    """Join the detectors' p-values: each may mark half of the rate."""
    by_energy = odd_p_values([known.energy for known in folds], energies)
    if not folds[0].measures or any(len(known.train) < FEWEST_TRAIN for known in folds):
        return by_energy
    references, scores = [], []
    for known in folds:
        distance = fit_distance(known.train)
        references.append(References(distance(known.quality), known.energy.units))
        scores.append(distance(quality))
    both: Float = np.minimum(1.0, DETECTORS * np.minimum(by_energy, odd_p_values(references, scores)))
    return both


def _rate(n_units: int) -> float:
    """Give the rate of false alarms: the one wanted, or the smallest that so few units allow."""
    return max(config.ODD_RATE, DETECTORS / (n_units + 1))


def _measures(rows: pd.DataFrame, columns: set[str] | None) -> tuple[str, ...]:
    numeric = rows.select_dtypes(include=["number", "bool"]).columns
    names = [str(name) for name in numeric if schema.is_measure(str(name)) and rows[name].nunique() > 1]
    return tuple(name for name in names if columns is None or name in columns)


def _plate_z(table: pd.DataFrame, measures: tuple[str, ...]) -> Float:
    plates = table.groupby(schema.PLATE, sort=True).ngroup().to_numpy().astype(np.int64)
    return robust_z(table[list(measures)].to_numpy(np.float64, na_value=np.nan), plates)


def _logits(run: Run, rows: pd.DataFrame) -> Float:
    """Take the stored logits; where a file has none, the probabilities' logarithms stand in."""
    names = [schema.logit(name) for name in run.classes]
    if all(name in rows for name in names):
        return rows[names].to_numpy(np.float64)
    logarithms: Float = np.log(np.maximum(run.probabilities(rows), 1e-12))
    return logarithms
