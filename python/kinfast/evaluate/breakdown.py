"""Performance by plate and by dose (K-59), and the spread over folds, classes and compounds (K-40)."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.evaluate.dose_response import dose_column
from kinfast.evaluate.levels import Level, Units
from kinfast.evaluate.per_class import level_areas
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import draw_clusters, number, score_level
from kinfast.evaluate.test_part import TestPart
from kinfast.metrics.arrays import Float, Probabilities
from kinfast.metrics.decisions import SWITCHED_ON, decide

SHOWN = ("roc_auc_macro", "balanced_accuracy", "top1_accuracy")
PLATE_COLUMNS = (
    "plate",
    "n_compounds",
    "n_wells",
    "n_sites",
    *(f"{s}{e}" for s in SHOWN for e in ("", "_low", "_high")),
)
DOSE_COLUMNS = ("dose", *PLATE_COLUMNS[1:])
COMPOUND_COLUMNS = (
    "compound", "class", "n_plates", "n_wells", "n_sites", "n_folds", "probability_of_truth", "standard_deviation",
    "lowest_well", "highest_well", "mean_place", "share_right",
)  # fmt: skip
SPREAD_COLUMNS = ("class", "n_folds", "mean", "standard_deviation", "lowest", "highest")


def scores_by_plate(run: Run, test: TestPart, draws: int) -> list[Any]:
    """Score the test wells of each plate by themselves: a row per plate."""
    plates = run.part(schema.PART_TEST)[schema.PLATE].astype(str).to_numpy()
    rows = []
    for order, plate in enumerate(np.unique(plates)):
        mask = plates == plate
        rows.append({"plate": str(plate), **_scores(mask, mask, test, run.split_by, draws, [200, order])})
    return rows


def scores_by_dose(run: Run, test: TestPart, draws: int) -> list[Any]:
    """Score the test wells of each dose: a row per dose.

    Areas set them against the wells without a dose as well, without which a dose of one class alone would have none;
    accuracies are of the dose's own wells. A control well has no dose, whether its plate map says 0 or nothing.
    """
    table = run.part(schema.PART_TEST)
    name = dose_column(table)
    if name is None:
        return []
    doses = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
    control = test.units.compounds == ""
    doses = np.where(control & ~control.all(), np.nan, doses)
    rows = []
    for order, dose in enumerate(np.unique(doses[np.isfinite(doses)])):
        own = doses == dose
        mask = own | ~np.isfinite(doses)
        rows.append({"dose": float(dose), **_scores(mask, own, test, run.split_by, draws, [300, order])})
    return rows


def _scores(
    mask: NDArray[np.bool_],
    own: NDArray[np.bool_],
    test: TestPart,
    split_by: str,
    draws: int,
    seed: list[int],
) -> dict[str, Any]:
    """Score wells: areas over the rows of `mask`, accuracies over those of `own`; what is drawn is the split's unit."""
    mine = test.units.of(own)
    found: dict[str, Any] = {
        "n_compounds": int(np.unique(mine.compounds[mine.compounds != ""]).size),
        "n_wells": int(np.unique(mine.wells).size),
        "n_sites": int(own.sum()),
    }
    for rows, names in ((mask, SHOWN[:1]), (own, SHOWN[1:])):
        part = test.of(rows)
        level = part.level("well", split_by)
        assert level is not None
        scored = score_level(level, part.probabilities, draw_clusters(level, draws, [config.SEED, *seed]))
        for name, value in scored.entries().items():
            if name in names:
                found |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
    return found


def spread_of_classes(folds: list[tuple[Level, Probabilities]], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Give how far each class's area varies over the folds' test parts: a row per class.

    Args:
        folds: level and site probabilities of each fold's test part.
        classes: names.
    """
    areas = np.array([level_areas(level, level.average(said)) for level, said in folds])
    return [{"class": name, **_spread(areas[:, code])} for code, name in enumerate(classes)]


def _spread(values: Float) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    several = known.size > 1
    return {
        "n_folds": int(known.size),
        "mean": number(known.mean()) if known.size else None,
        "standard_deviation": number(known.std(ddof=1)) if several else None,
        "lowest": number(known.min()) if known.size else None,
        "highest": number(known.max()) if known.size else None,
    }


def spread_of_compounds(run: Run, test: TestPart) -> list[dict[str, Any]]:
    """Give what is said of each tested compound, and how far it varies over its wells and folds: a row per compound,
    or per compound and label that it has.

    `mean_place` is the mean place of the true class, 1 for the first; `share_right` how often it is the first, or, of
    labels, likelier than not.
    """
    units = test.units
    if not (units.compounds != "").any():
        return []
    table = run.part(schema.PART_TEST)
    held, codes = test.held()
    said = test.probabilities[held]
    places = decide(said).truth_places(codes) + 1
    own = said[np.arange(codes.size), codes]
    frame = pd.DataFrame(
        {
            "compound": units.compounds[held],
            "code": codes,
            "well": units.wells[held],
            "plate": table[schema.PLATE].astype(str).to_numpy()[held],
            "fold": table[schema.FOLD].to_numpy()[held],
            "truth": own,
            "place": places,
            "right": places == 1 if test.truths is None else own > SWITCHED_ON,
        }
    )
    names = _shown_names(table, units)
    kept = frame[frame["compound"] != ""].groupby(["compound", "code"], sort=True)
    rows = []
    for key, members in kept:
        compound, code = cast("tuple[str, int]", key)
        rows.append({"compound": names[compound], "class": run.classes[code], **_compound(members)})
    return rows


def _shown_names(table: pd.DataFrame, units: Units) -> dict[str, str]:
    """Give each compound the name that a person knows it by: its identity may be an InChIKey."""
    named = table[schema.COMPOUND].astype(str) if schema.COMPOUND in table else pd.Series(units.compounds)
    return dict(zip(units.compounds[::-1].tolist(), named.tolist()[::-1], strict=True))


def _compound(rows: pd.DataFrame) -> dict[str, Any]:
    wells = rows.groupby(["well", "fold"])["truth"].mean()
    return {
        "n_plates": int(rows["plate"].nunique()),
        "n_wells": int(rows["well"].nunique()),
        "n_sites": len(rows),
        "n_folds": int(rows["fold"].nunique()),
        "probability_of_truth": number(rows["truth"].mean()),
        "standard_deviation": number(wells.std(ddof=1)) if len(wells) > 1 else None,
        "lowest_well": number(wells.min()),
        "highest_well": number(wells.max()),
        "mean_place": number(rows["place"].mean()),
        "share_right": number(rows["right"].mean()),
    }


def judge_classes(
    rows: list[dict[str, Any]], draws: Float, unit: str
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Mark the classes that are large enough to be judged, and test whether those differ at all (K-54).

    A class of compounds is judged from `config.FEWEST_JUDGED` compounds on, one of controls from as many wells on;
    where the classes are the compounds themselves, all are judged by their wells.

    Args:
        rows: of `per_class.score_classes`.
        draws: (n_draws, n_classes) areas of the bootstrap.
        unit: of `judged_unit`.

    Returns:
        The rows with `judged`; and Cochran's Q over the judged areas with its p, None for fewer than two.
        Source: Cochran 1954, Biometrics 10:101.
    """
    from scipy.stats import chi2

    judged = [row | {"judged": _is_judged(row, row[unit] or row["wells"])} for row in rows]
    codes = [code for code, row in enumerate(judged) if row["judged"]]
    variances = np.array([np.nanvar(draws[:, code], ddof=1) for code in codes])
    if len(codes) < 2 or not (variances > 0).all():
        return judged, None
    areas = np.array([judged[code]["roc_auc"] for code in codes], dtype=np.float64)
    weights = 1 / variances
    mean = float((weights * areas).sum() / weights.sum())
    statistic = float((weights * (areas - mean) ** 2).sum())
    p = float(chi2.sf(statistic, len(codes) - 1))
    return judged, {"n_judged": len(codes), "mean": number(mean), "q": number(statistic), "p": number(p)}


def judged_unit(run: Run) -> str:
    """Name what classes are judged by: compounds, or wells where the classes are compounds."""
    return "wells" if run.config.get("label", "") == schema.COMPOUND else "compounds"


def _is_judged(row: dict[str, Any], units: int) -> bool:
    return row["roc_auc"] is not None and row["low"] is not None and units >= config.FEWEST_JUDGED


def fold_levels(test: TestPart, level: str, split_by: str) -> Iterator[tuple[Level, Probabilities]]:
    """Group each fold's test rows to a level, with their probabilities."""
    for number_ in np.unique(test.folds):
        part = test.fold(int(number_))
        found = part.level(level, split_by)
        if found is not None:
            yield found, part.probabilities
