"""Classes that too few compounds stand behind (K-06): named, and left out where a person asks for it."""

import pandas as pd

from kinfast import schema
from kinfast.plate.roles import is_vehicle

TARGET_ALL = "Metadata_Target_all"


def leave_out_small(wells: pd.DataFrame, least: int) -> tuple[pd.DataFrame, list[str]]:
    """Empty the target of wells whose class has fewer than `least` compounds; `Metadata_Target_all` keeps it.

    Returns:
        The table, and a line for the classes that went.
    """
    if least < 2:
        return wells, []
    counts = compounds_per_class(wells)
    small = counts[counts < least]
    named = "; ".join(f"{name} {n}" for name, n in small.items())
    out = wells.copy()
    out[TARGET_ALL] = wells[schema.TARGET]
    out.loc[out[schema.TARGET].isin(small.index), schema.TARGET] = None
    kept = len(counts) - len(small)
    line = f"{len(small)} of {len(counts)} classes have fewer than {least} compounds and go, {kept} stay"
    return out, [f"{line}: {named}" if named else line]


def compounds_per_class(wells: pd.DataFrame) -> "pd.Series[int]":
    """Count the compounds behind each target as it is written, sorted by name."""
    known = wells[wells[schema.TARGET].notna() & wells[schema.COMPOUND].notna()]
    treated = known[[not is_vehicle(str(name)) for name in known[schema.COMPOUND]]]
    return treated.groupby(schema.TARGET)[schema.COMPOUND].nunique().sort_index()
