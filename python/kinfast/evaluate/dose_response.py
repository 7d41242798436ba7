"""Dose and response: what the model says of treated wells that no part of the split holds.

A model trained on controls alone predicts the wells between them; if it has learnt the phenotype, its probability
rises with the dose. The wells were never trained on, so this is evidence of another kind than the test part.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.evaluate.dose_curves import fit_compounds, judge_doses
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.arrays import Float
from kinfast.metrics.ranking import spearman

DOSE_WORDS = re.compile("^Metadata_.*(dose|conc)", re.IGNORECASE)
CONTROLS = (schema.ROLE_NEGATIVE, schema.ROLE_POSITIVE)
FEWEST_DOSES = 3
"""A compound of fewer doses has no curve."""


@dataclass(frozen=True, slots=True)
class DoseResponse:
    """The response of each compound.

    Attributes:
        response: what is predicted, in words.
        dose: name of the dose column.
        wells: a row per well: compound, dose, plate, well, n_sites, probability.
        doses: a row per compound and dose: compound, dose, n_wells, mean, lowest, highest; p_value, q_value and active
            beside the held-out negative controls (undefined where they, or the dose's wells, are too few).
        compounds: a row per compound: compound, n_wells, n_doses, spearman; ec50, low, high, bottom, top, slope,
            curve_p (NaN where undefined); inactive_doses, those below the first active one, as text.
    """

    response: str
    dose: str
    wells: pd.DataFrame
    doses: pd.DataFrame
    compounds: pd.DataFrame


def dose_column(table: pd.DataFrame) -> str | None:
    """Find the dose: micromolar where known, else the first numeric column with dose or concentration in its name."""
    others = [
        name
        for name in table.columns
        if name.startswith("Metadata_") and ("dose" in name.lower() or "conc" in name.lower())
    ]
    for name in dict.fromkeys([schema.DOSE_UM, *sorted(others)]):
        if name in table and pd.to_numeric(table[name], errors="coerce").nunique() > 1:
            return name
    return None


def measure_dose_response(run: Run) -> DoseResponse | None:
    """Average the unlabelled sites of each well, and the wells of each dose; None where there is nothing to show."""
    rows = run.part(schema.PART_UNLABELLED)
    if schema.COMPOUND not in rows or rows.empty:
        return None
    if schema.ROLE in rows:
        rows = rows[~rows[schema.ROLE].astype(object).isin(CONTROLS)]
    rows = _never_seen(run, rows[rows[schema.COMPOUND].notna()])
    dose = dose_column(rows)
    response = _response(run)
    if dose is None or response is None:
        return None
    wells = _wells(rows, dose, _probability(run, rows, response))
    wells = wells[wells.groupby("compound")["dose"].transform("nunique") >= FEWEST_DOSES].reset_index(drop=True)
    if wells.empty:
        return None
    doses = judge_doses(wells, _doses(wells), _held_out_controls(run, response))
    return DoseResponse(response[1], dose, wells, doses, fit_compounds(wells, doses, _compounds(wells), dose))


def _held_out_controls(run: Run, response: tuple[int, str]) -> Float:
    """Give the response of the test part's negative control wells: (n_wells,).

    Empty without roles; and with several folds, where a control has one fold's model and a dose well the mean of all:
    the two are not on one scale. Then `evaluate.activity` says which doses act.
    """
    test = run.part(schema.PART_TEST)
    if schema.ROLE not in test or test[schema.FOLD].nunique() > 1:
        return np.zeros(0)
    controls = test[(test[schema.ROLE].astype(object) == schema.ROLE_NEGATIVE).to_numpy()]
    values = pd.Series(_probability(run, controls, response), index=controls.index)
    means = values.groupby([controls[schema.PLATE], controls[schema.WELL]]).mean()
    return np.asarray(means, dtype=np.float64)


def _never_seen(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out flagged sites of wells whose other sites were trained or tested on."""
    labelled = run.table.loc[run.table[schema.PART] != schema.PART_UNLABELLED, [schema.PLATE, schema.WELL]]
    seen = pd.MultiIndex.from_frame(labelled.drop_duplicates())
    return rows[~pd.MultiIndex.from_frame(rows[[schema.PLATE, schema.WELL]]).isin(seen)]


def _response(run: Run) -> tuple[int, str] | None:
    """Choose the class to follow: the positive of two; of more, everything but the class of the negative controls."""
    if len(run.classes) == 2:
        return 1, f"probability of {run.positive}"
    train = run.part(schema.PART_TRAIN)
    if schema.ROLE not in train:
        return None
    negative = train.loc[train[schema.ROLE].astype(object) == schema.ROLE_NEGATIVE, schema.TRUTH].unique()
    if len(negative) != 1:
        return None
    return run.classes.index(str(negative[0])), f"1 - probability of {negative[0]}"


def _probability(run: Run, rows: pd.DataFrame, response: tuple[int, str]) -> Float:
    column = run.probabilities(rows)[:, response[0]]
    return column if len(run.classes) == 2 else 1.0 - column


def _wells(rows: pd.DataFrame, dose: str, probability: Float) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "compound": rows[schema.COMPOUND].astype(str),
            "dose": pd.to_numeric(rows[dose], errors="coerce").astype("float64"),
            "plate": rows[schema.PLATE].astype(str),
            "well": rows[schema.WELL].astype(str),
            "probability": probability,
        }
    ).dropna(subset=["dose"])
    keys = ["compound", "dose", "plate", "well"]
    return frame.groupby(keys, sort=True)["probability"].agg(n_sites="size", probability="mean").reset_index()


def _doses(wells: pd.DataFrame) -> pd.DataFrame:
    grouped = wells.groupby(["compound", "dose"], sort=True)["probability"]
    return grouped.agg(n_wells="size", mean="mean", lowest="min", highest="max").reset_index()


def _compounds(wells: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "compound": name,
            "n_wells": len(group),
            "n_doses": group["dose"].nunique(),
            "spearman": spearman(group["dose"].to_numpy(np.float64), group["probability"].to_numpy(np.float64)),
        }
        for name, group in wells.groupby("compound", sort=True)
    ]
    return pd.DataFrame(rows)
