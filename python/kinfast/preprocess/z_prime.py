"""How well a plate's positive controls stand apart from its negative ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kinfast import schema

MIN_WELLS = 3
"""Of either kind: a standard deviation of two says nothing."""


def z_prime(positive: np.ndarray, negative: np.ndarray) -> float | None:
    """Give 1 - 3 (sd_p + sd_n) / |mean_p - mean_n| of two sets of wells; None where the means are equal.

    1: no spread at all; above 0.5: an excellent assay; below 0: the sets overlap. Positive, negative: (n,) float64.
    Source: Zhang, Chung and Oldenburg 1999, J. Biomol. Screen. 4:67.
    """
    apart = abs(float(positive.mean() - negative.mean()))
    if not apart > 0:
        return None
    return round(1 - 3 * float(positive.std(ddof=1) + negative.std(ddof=1)) / apart, 5)


def find_z_primes(wells: pd.DataFrame, measures: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give Z' of each positive control on each measure.

    Args:
        wells: a row per well of one plate: schema.ROLE, COMPOUND, and the measures, medians over sites.
        measures: what a measure is called -> its column.

    Returns:
        For each compound with enough wells (for all positive controls together, where none has)
        {"positive", "n_positive", "n_negative", "measures": {name: Z'}, "best": name}; empty without enough controls.
        The best is chosen after the fact: of many measures one looks good by chance.
    """
    role = wells[schema.ROLE].astype(object)
    negative, positive = wells[role == schema.ROLE_NEGATIVE], wells[role == schema.ROLE_POSITIVE]
    if len(negative) < MIN_WELLS or len(positive) < MIN_WELLS:
        return []
    named = {str(name): part for name, part in positive.groupby(schema.COMPOUND) if len(part) >= MIN_WELLS}
    results = []
    for name, part in sorted(named.items()) or [("all positive controls", positive)]:
        known = {key: column for key, column in measures.items() if wells[column].notna().all()}
        values = {key: z_prime(part[c].to_numpy(float), negative[c].to_numpy(float)) for key, c in known.items()}
        told = {key: value for key, value in values.items() if value is not None}
        best = max(told, key=lambda key: told[key]) if told else None
        about = {"positive": name, "n_positive": len(part), "n_negative": len(negative)}
        results.append({**about, "measures": values, "best": best})
    return results
