"""Confidence values of a store's sites: p-values, prediction sets, oddness, by a run's held-out units.

The references are the test parts of all folds: units that no model of their fold was trained on, nor chosen by. With
one split that is inductive conformal prediction, with several folds cross-conformal. The sites of a unit (compound, or
well) share its p-values and its set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinfast import config, schema
from kinfast.domain import AnyArray
from kinfast.errors import RunError
from kinfast.evaluate.conformal import FoldUnits, average_units, read_folds, spell_empty
from kinfast.evaluate.known_sites import known_sites
from kinfast.evaluate.levels import find_units
from kinfast.evaluate.next_compounds import NEXT_COLUMNS, rank_compounds, spell_set
from kinfast.evaluate.odd_sites import mark_new_sites
from kinfast.evaluate.run_folder import Run, read_run
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.conformal import class_categories, p_values, prediction_sets
from kinfast.progress import Reporter, Silent

MORE_SITES = 2.0
"""From this ratio of sites a unit on, the means that are compared are of unlike noise."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What predict writes: the table with its confidence columns, and its compounds ranked."""

    table: pd.DataFrame
    ranked: pd.DataFrame


def judge_new_sites(
    run: Path,
    sites: pd.DataFrame,
    table: pd.DataFrame,
    folds: Sequence[tuple[AnyArray, AnyArray]],
    reporter: Reporter | None = None,
) -> Judged:
    """Add confidence to a table of predictions.

    Args:
        run: the run's folder; its predictions.parquet is the reference.
        sites: the store's table, with its Quality_* measures.
        table: predictions, rows as in `sites`.
        folds: probabilities and logits of each fold's model, (n_sites, n_classes) each.
        reporter: told what a reader should know of the values.

    Returns:
        The table with `p_value_<class>`, `set_90` and `out_of_distribution`. Without held-out units to calibrate on
        they are missing; a line says so. Of several labels a p-value is the label's among the held-out units that have
        it, `set_90` holds the labels that cannot be excluded, and `sure_90` those whose absence can.
    """
    told = reporter or Silent()
    try:
        loaded = read_run(run)
        known = read_folds(loaded)
    except RunError as error:
        told.line(f"no confidence values, since nothing held out can be read: {error}")
        return Judged(_unknown(table), pd.DataFrame(columns=list(NEXT_COLUMNS)))
    groups = _numbers(sites, loaded.split_by)
    said = [np.asarray(probabilities, np.float64) for probabilities, _ in folds]
    values = _unit_values(known, said, groups, len(loaded.classes))
    odd = mark_new_sites(loaded, sites, [np.asarray(logits, np.float64) for _, logits in folds])
    for line in (*_lines(loaded, known, sites, groups, values), _odd_line(odd.rate, odd.marked)):
        told.line(line)
    own: dict[str, Any] = {schema.p_value(name): values[:, code] for code, name in enumerate(loaded.classes)}
    sets = prediction_sets(values, config.SET_LEVEL)
    if loaded.several:
        own[schema.SURE_90] = _sure(known, said, groups, loaded.classes)
    own[schema.SET_90] = pd.array([spell_set(row, loaded.classes) for row in sets], dtype="string")
    own[schema.OUT_OF_DISTRIBUTION] = odd.marked
    mean = np.mean(said, axis=0)
    return Judged(pd.concat([table, pd.DataFrame(own)], axis=1), _ranked(loaded, sites, mean, values, odd.marked))


def _unknown(table: pd.DataFrame) -> pd.DataFrame:
    stem = schema.probability("")
    names = [str(name).removeprefix(stem) for name in table.columns if str(name).startswith(stem)]
    missing: dict[str, Any] = {schema.p_value(name): np.full(len(table), np.nan) for name in names}
    sets = pd.array([None] * len(table), dtype="string")
    odd = pd.array([None] * len(table), dtype="boolean")
    return pd.concat(
        [table, pd.DataFrame(missing | {schema.SET_90: sets, schema.OUT_OF_DISTRIBUTION: odd}, index=table.index)],
        axis=1,
    )


def _numbers(sites: pd.DataFrame, split_by: str) -> Codes:
    units = find_units(sites)
    return units.groups if split_by == "compound" else units.wells


def _unit_values(known: list[FoldUnits], said: list[Probabilities], groups: Codes, n_classes: int) -> Float:
    """Give each site its unit's p-values."""
    nobody = np.zeros(groups.size, np.int64)
    asked = [average_units(probabilities, nobody, groups) for probabilities in said]
    categories = class_categories(np.concatenate([fold.test.codes for fold in known]), n_classes)
    values = p_values([fold.test.calibration for fold in known], [units.probabilities for units in asked], categories)
    return values[np.searchsorted(asked[0].groups, groups)]


def _sure(known: list[FoldUnits], said: list[Probabilities], groups: Codes, classes: tuple[str, ...]) -> AnyArray:
    """Name the labels that a unit would be strange without, beside the held-out units that lack them."""
    lacking = [fold.absence for fold in known if fold.absence is not None]
    values = _unit_values(lacking, [1.0 - one for one in said], groups, len(classes))
    sure = ~prediction_sets(values, config.SET_LEVEL)
    return pd.array([spell_set(row, classes) for row in sure], dtype="string")  # type: ignore[return-value]


def _lines(run: Run, known: list[FoldUnits], sites: pd.DataFrame, groups: Codes, values: Float) -> list[str]:
    unit = "compound" if run.split_by == "compound" else "well"
    n = np.unique(np.concatenate([fold.test.groups for fold in known])).size
    what = "labels" if run.several else "classes"
    sizes = prediction_sets(values, config.SET_LEVEL).sum(axis=1)
    lines = [
        f"sets at {config.SET_LEVEL:.0%} by {unit}, calibrated on {n} held-out {unit}s: {sizes.mean():.1f} of"
        f" {len(run.classes)} {what} on average{spell_empty(float((sizes == 0).mean()), what)}"
    ]
    before = float(np.median(np.concatenate([fold.test.sites for fold in known])))
    now = float(np.median(np.unique(groups, return_counts=True)[1]))
    if max(before, now) > MORE_SITES * min(before, now):
        lines.append(
            f"a {unit} has {now:g} sites here and {before:g} where the sets were calibrated (medians): means of unlike"
            " noise, so that the sets may hold the true class more or less often than they say"
        )
    seen = _trained(run, sites, unit)
    if seen:
        lines.append(f"{seen} of these {unit}s were trained on: their sets and p-values are too sure")
    return lines


def _trained(run: Run, sites: pd.DataFrame, unit: str) -> int:
    """Count the units that some model was trained on."""
    if unit == "compound":
        before, now = find_units(run.table).compounds, find_units(sites).compounds
        mask = (run.table[schema.PART] == schema.PART_TRAIN).to_numpy()
        return len(set(before[mask].tolist()) & set(now.tolist()) - {""})
    seen = known_sites(run.table, sites, [schema.PART_TRAIN])
    return len(sites.loc[seen, [schema.PLATE, schema.WELL]].drop_duplicates())


def _odd_line(rate: float, marked: AnyArray) -> str:
    return (
        f"{int(marked.sum())} of {marked.size} sites are marked as out of distribution; at most {rate:.1%} of ordinary"
        " sites would be"
    )


def _ranked(run: Run, sites: pd.DataFrame, mean: Probabilities, values: Float, marked: AnyArray) -> pd.DataFrame:
    compounds = find_units(sites).compounds
    rows = np.flatnonzero(compounds != "")
    if not rows.size:
        return pd.DataFrame(columns=list(NEXT_COLUMNS))
    mine = sites.iloc[rows].reset_index(drop=True)
    names, groups = np.unique(compounds[rows], return_inverse=True)
    groups = groups.reshape(-1).astype(np.int64)
    units = average_units(mean[rows], np.zeros(rows.size, np.int64), groups)
    wells = mine[schema.PLATE].astype(str) + "\t" + mine[schema.WELL].astype(str)
    trained = set(find_units(run.table).compounds[(run.table[schema.PART] == schema.PART_TRAIN).to_numpy()].tolist())
    by_unit = pd.DataFrame(values[rows]).groupby(groups).mean().to_numpy()
    frame = pd.DataFrame(
        {
            schema.COMPOUND: mine[schema.COMPOUND].astype(str).groupby(groups).first().to_numpy(),
            "status": ["trained on" if name in trained else "new" for name in names],
            "wells": wells.groupby(groups).nunique().to_numpy(),
            "sites": units.sites,
            "out_of_distribution": pd.Series(marked[rows]).groupby(groups).mean().to_numpy(),
        }
    )
    return rank_compounds(frame, units.probabilities, by_unit, run.classes, run.several)
