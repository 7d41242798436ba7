"""Leaves inactive compounds out of training, by the table that `kinfast activity` wrote."""

from pathlib import Path

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.errors import InputError

ACTIVE = "active"
MOST_NAMED = 12


def read_inactive(path: Path) -> frozenset[str]:
    """Read the names of the compounds that are not active.

    Raises:
        InputError: the file is absent, or no such table.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read ({reason}): wanted the activity.csv of kinfast activity") from None
    missing = [name for name in (schema.COMPOUND, ACTIVE) if name not in table]
    if missing:
        raise InputError(f"{path} lacks the column {missing[0]!r}: wanted the activity.csv of kinfast activity")
    spelled = table[ACTIVE].str.strip().str.lower()
    unknown = sorted(set(spelled) - {"true", "false"})
    if unknown:
        raise InputError(f"{path}: {ACTIVE} is {unknown[0]!r}, wanted True or False")
    return frozenset(table.loc[spelled == "false", schema.COMPOUND].str.strip())


def exclude_inactive(sites: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Mark the sites of inactive compounds as excluded, negative controls never.

    Returns:
        The table, and lines that say what was left out.

    Raises:
        InputError: the table has no compounds, or none of the file's is there.
    """
    inactive = read_inactive(path)
    if schema.COMPOUND not in sites:
        raise InputError(f"the store has no {schema.COMPOUND}, so that {path} says nothing of it")
    names = sites[schema.COMPOUND].astype(object).where(sites[schema.COMPOUND].notna(), "").astype(str).str.strip()
    marked = names.isin(inactive).to_numpy()
    if schema.ROLE in sites:
        marked = marked & (sites[schema.ROLE].astype(object) != schema.ROLE_NEGATIVE).to_numpy()
    found = sorted(set(names[marked]))
    if inactive and not found:
        raise InputError(
            f"{path}: none of its {len(inactive)} inactive compounds is in the store: is it of other plates?"
        )
    before = sites[schema.FLAG_EXCLUDED].fillna(False).astype(bool) if schema.FLAG_EXCLUDED in sites else False
    shown = ", ".join(found[:MOST_NAMED]) + (f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else "")
    line = f"{len(found)} inactive compounds ({int(marked.sum())} sites) are left out of training: {shown or 'none'}"
    return sites.assign(**{schema.FLAG_EXCLUDED: np.logical_or(before, marked)}), [line]
