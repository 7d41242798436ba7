"""EC50 of each compound, and which of its doses do nothing."""

import math

import numpy as np
import pandas as pd

from kinfast import config
from kinfast.metrics.activity import discovery_q_values
from kinfast.metrics.arrays import Float
from kinfast.metrics.dose_curve import curve, fit_dose_curve

DRAWS = 500
FEWEST_CONTROLS = 4
INDEX_WORDS = ("index", "level", "step")


def on_logarithm(column: str, doses: "pd.Series[float]") -> bool:
    """Tell whether a curve is over the dose's logarithm: not where the column counts the steps of a dilution series."""
    return not any(word in column.lower() for word in INDEX_WORDS) and bool((doses > 0).all())


def fit_compounds(wells: pd.DataFrame, doses: pd.DataFrame, compounds: pd.DataFrame, column: str) -> pd.DataFrame:
    """Add `ec50, low, high, bottom, top, slope, curve_p, inactive_doses` to the table of compounds."""
    rows = []
    for number, name in enumerate(compounds["compound"]):
        mine = wells[wells["compound"] == name]
        logarithm = on_logarithm(column, mine["dose"])
        x = mine["dose"].to_numpy(np.float64)
        rng = np.random.default_rng([config.SEED, number])
        found = fit_dose_curve(
            np.log10(x) if logarithm else x, mine["probability"].to_numpy(np.float64), DRAWS, config.INTERVAL, rng
        )
        middle = [10.0**v if logarithm else v for v in (found.ec50, found.low, found.high)]
        rows.append(
            {
                **dict(zip(("ec50", "low", "high"), middle, strict=True)),
                "bottom": found.bottom,
                "top": found.top,
                "slope": found.slope,
                "curve_p": found.p_value,
                "inactive_doses": _inactive(doses[doses["compound"] == name]),
            }
        )
    return pd.concat([compounds.reset_index(drop=True), pd.DataFrame(rows)], axis=1)


def curve_of(column: str, row: "pd.Series[float]", doses: Float, places: Float) -> Float:
    """Give a compound's fitted curve at some doses: (n,)."""
    ends = np.array([doses.min(), doses.max()])
    middle = np.array([row["ec50"]])
    if on_logarithm(column, pd.Series(doses)):
        ends, middle, places = np.log10(ends), np.log10(middle), np.log10(places)
    width = ends[1] - ends[0]
    return curve(
        (places - ends[0]) / width, float((middle[0] - ends[0]) / width), row["slope"], row["bottom"], row["top"]
    )


def judge_doses(wells: pd.DataFrame, doses: pd.DataFrame, controls: Float) -> pd.DataFrame:
    """Add `p_value, q_value, active`: are a dose's wells above the held-out negative controls?

    A dose of so few wells that none of their ranks could be significant is not judged: undefined in all three. One well
    above twelve controls has p = 1/13.

    Args:
        wells: a row per well: compound, dose, probability.
        doses: a row per compound and dose.
        controls: (n,) response of negative control wells not trained on.

    Source: Mann and Whitney 1947, one-sided, exact; Benjamini and Hochberg 1995 over all doses.
    """
    from scipy.stats import mannwhitneyu

    p, q = np.full(len(doses), np.nan), np.full(len(doses), np.nan)
    active = pd.array([None] * len(doses), dtype="boolean")
    for place, row in enumerate(doses.to_dict("records")):
        mine = wells.loc[(wells["compound"] == row["compound"]) & (wells["dose"] == row["dose"]), "probability"]
        if _can_be_told(len(mine), controls.size):
            p[place] = mannwhitneyu(mine, controls, alternative="greater", method="auto").pvalue
    judged = ~np.isnan(p)
    if judged.any():
        q[judged] = discovery_q_values(p[judged])
        active[judged] = q[judged] <= config.FALSE_DISCOVERY_RATE
    return doses.assign(p_value=p, q_value=q, active=active)


def _can_be_told(n_wells: int, n_controls: int) -> bool:
    """Tell whether wells that all lie above all controls would be significant: one of all orders is that far."""
    return n_controls >= FEWEST_CONTROLS and 1 / math.comb(n_wells + n_controls, n_wells) <= config.FALSE_DISCOVERY_RATE


def _inactive(doses: pd.DataFrame) -> str:
    """Name the judged doses below the first active one; all of them where none is."""
    judged = doses[doses["p_value"].notna()]
    active = judged.loc[judged["active"].astype(bool), "dose"]
    low = judged["dose"] if active.empty else judged.loc[judged["dose"] < active.min(), "dose"]
    return ", ".join(f"{dose:g}" for dose in low)
