"""How far a run's probabilities can be trusted: coverage, calibration, odd sites, and which compounds to test next.

Everything is calibrated on the validation part of each fold, by unit (see `evaluate.conformal`), and measured on the
test part; no unit of either was trained on.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.evaluate.conformal import FoldUnits, average_units, count_units, coverage_rows, read_folds
from kinfast.evaluate.levels import find_units
from kinfast.evaluate.next_compounds import NEXT_COLUMNS, rank_compounds
from kinfast.evaluate.odd_sites import OddSites, mark_test_sites
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import entry, number
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.bootstrap import interval
from kinfast.metrics.calibration import (
    error_draws,
    fit_temperature,
    measure_reliability,
    perfect_errors,
    scale_temperature,
)
from kinfast.metrics.conformal import class_categories, p_values

UNSCALED, SCALED = "none", "temperature"
UNLABELLED, HELD_OUT = "unlabelled", "held out"


def measure_confidence(run: Run, draws: int = config.BOOTSTRAP_DRAWS) -> dict[str, Any] | None:
    """Measure coverage, calibration and odd sites, and rank compounds; None without a validation part.

    Returns:
        What stands in metrics.json under `confidence`: `unit` (compound or well), `calibration_units` and `test_units`
        of all folds (of several labels a unit counts once for each that it has),
        `classes_with_own_reference`, `coverage`, `temperatures`, `calibration` (error before and after
        scaling), `reliability`, `odd_sites`, `next_compounds`.
    """
    folds = read_folds(run)
    if any((fold.test.codes < 0).any() for fold in folds) or any(fold.validation.codes.size == 0 for fold in folds):
        return None
    calls = [(_calls(fold, "validation"), _calls(fold, "test")) for fold in folds]
    temperatures = [fit_temperature(said, truths) for (said, truths, _), _ in calls]
    draws = min(draws, config.PARTIAL_DRAWS) if run.several else draws  # of many more rows
    own = [class_categories(fold.validation.codes, len(run.classes)) == np.arange(len(run.classes)) for fold in folds]
    odd = mark_test_sites(run)
    return {
        "unit": "compound" if run.split_by == "compound" else "well",
        "calibration_units": count_units([fold.validation for fold in folds]),
        "test_units": count_units([fold.test for fold in folds]),
        "classes_with_own_reference": int(np.all(own, axis=0).sum()),
        "coverage": coverage_rows(folds, run.classes, run.several),
        "coverage_of_absence": _absence(folds, run.classes),
        "temperatures": [number(value) for value in temperatures],
        **_calibration([asked for _, asked in calls], temperatures, draws),
        "odd_sites": _odd(odd),
        "next_compounds": [
            row | {"out_of_distribution": number(row["out_of_distribution"])}
            for row in next_compounds(run, folds, odd).to_dict("records")
        ],
    }


def _absence(folds: list[FoldUnits], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Measure the coverage of sets of labels that a unit may lack; empty where there is one class a site."""
    absent = [fold.absence for fold in folds if fold.absence is not None]
    if any(fold.validation.codes.size == 0 or fold.test.codes.size == 0 for fold in absent):
        return []
    return coverage_rows(absent, classes, several=True) if absent else []


def _calls(fold: FoldUnits, part: str) -> tuple[Probabilities, Codes, Codes]:
    """Give what is decided of a part's units: one of the classes, or of each known label whether it holds.

    Returns:
        (n, n_classes) probabilities, (n,) truths and (n,) units; of several labels (n, 2): lacks, has.
    """
    units = fold.validation if part == "validation" else fold.test
    if fold.absence is None:
        return units.probabilities, units.codes, units.groups
    lacking = fold.absence.validation if part == "validation" else fold.absence.test
    has = units.probabilities[np.arange(units.codes.size), units.codes]
    has_not = 1.0 - lacking.probabilities[np.arange(lacking.codes.size), lacking.codes]
    chance = np.concatenate([has, has_not])
    truths = np.repeat(np.array([1, 0], dtype=np.int64), [has.size, has_not.size])
    return np.column_stack([1.0 - chance, chance]), truths, np.concatenate([units.groups, lacking.groups])


def _calibration(
    calls: list[tuple[Probabilities, Codes, Codes]], temperatures: list[float], draws: int
) -> dict[str, Any]:
    plain, codes, units = (np.concatenate(parts) for parts in zip(*calls, strict=True))
    scaled = np.concatenate([scale_temperature(said, t) for (said, *_), t in zip(calls, temperatures, strict=True)])
    errors, bins = {}, []
    for name, said in ((UNSCALED, plain), (SCALED, scaled)):
        errors[name], rows = _reliability(name, said, codes, units, draws)
        bins += rows
    return {"calibration": errors, "reliability": bins}


def _reliability(
    name: str, said: Probabilities, codes: Codes, units: Codes, draws: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from scipy.stats import beta

    found, rng = measure_reliability(said, codes), np.random.default_rng(config.SEED)
    low, high = interval(error_draws(said, codes, units, draws, rng), config.INTERVAL)
    chance = perfect_errors(said, draws, rng)
    error = {
        **entry(found.error, low, high),
        "perfect": number(float(np.mean(chance)) if chance.size else np.nan),
        "perfect_high": number(interval(chance, config.INTERVAL)[1]),
    }
    tail, rows = (1 - config.INTERVAL) / 2, []
    for place, size in enumerate(found.sizes):
        hits = round(float(found.accuracy[place] * size))
        rows.append(
            {
                "scaling": name,
                "bin": place + 1,
                "n": int(size),
                "confidence": number(found.confidence[place]),
                "accuracy": number(found.accuracy[place]),
                # Clopper and Pearson 1934
                "low": number(beta.ppf(tail, hits, size - hits + 1) if hits else 0.0),
                "high": number(beta.ppf(1 - tail, hits + 1, size - hits) if hits < size else 1.0),
            }
        )
    return error, rows


def _odd(marked: OddSites | None) -> dict[str, Any] | None:
    if marked is None:
        return None
    n = marked.marked.size
    return {
        "rate": number(marked.rate),
        "test_sites": n,
        "marked": int(marked.marked.sum()),
        "share": number(marked.marked.mean()),
    }


def next_compounds(run: Run, folds: list[FoldUnits], odd: OddSites | None) -> pd.DataFrame:
    """Rank the compounds that have no label; where all have one, those of the test part."""
    compounds = find_units(run.table).compounds
    if not (compounds != "").any():
        return pd.DataFrame(columns=list(NEXT_COLUMNS))
    lone = (run.table[schema.PART] == schema.PART_UNLABELLED).to_numpy()
    known = set(compounds[~lone].tolist())
    unlabelled = lone & (compounds != "") & ~np.isin(compounds, sorted(known))
    if unlabelled.any():
        return _rank(run, unlabelled, compounds, folds, UNLABELLED, np.full(len(lone), np.nan))
    test = (run.table[schema.PART] == schema.PART_TEST).to_numpy()
    if not (test & (compounds != "")).any():
        return pd.DataFrame(columns=list(NEXT_COLUMNS))
    marked = np.full(len(lone), np.nan)
    if odd is not None:
        marked[test] = odd.marked  # both go fold by fold, in the table's order
    return _rank(run, test & (compounds != ""), compounds, folds, HELD_OUT, marked)


def _rank(
    run: Run,
    mask: NDArray[np.bool_],
    compounds: NDArray[np.str_],
    folds: list[FoldUnits],
    status: str,
    marked: Float,
) -> pd.DataFrame:
    table = run.table[mask]
    names, groups = np.unique(compounds[mask], return_inverse=True)
    groups = groups.reshape(-1).astype(np.int64)
    rows = average_units(run.probabilities(table), np.zeros(len(table), np.int64), groups)
    wells = table[schema.PLATE].astype(str) + "\t" + table[schema.WELL].astype(str)
    units = pd.DataFrame(
        {
            schema.COMPOUND: _shown_names(table, groups, names),
            "status": status,
            "wells": wells.groupby(groups).nunique().to_numpy(),
            "sites": rows.sites,
            "out_of_distribution": pd.Series(marked[mask]).groupby(groups).mean().to_numpy(),
        }
    )
    values = _values(run, rows.probabilities, folds)
    return rank_compounds(units, rows.probabilities, values, run.classes, several=run.several)


def _values(run: Run, probabilities: Probabilities, folds: list[FoldUnits]) -> Float:
    """Rank among all folds' validation units: an approximation with several folds, whose mean the probabilities are."""
    codes = np.concatenate([fold.validation.codes for fold in folds])
    categories = class_categories(codes, len(run.classes))
    return p_values([fold.validation.calibration for fold in folds], [probabilities] * len(folds), categories)


def _shown_names(table: pd.DataFrame, groups: Codes, names: NDArray[np.str_]) -> list[str]:
    """Name compounds as the table does, not by their InChIKey."""
    first = table[schema.COMPOUND].astype(object).groupby(groups).first()
    return [str(first[place]) if isinstance(first[place], str) else str(name) for place, name in enumerate(names)]
