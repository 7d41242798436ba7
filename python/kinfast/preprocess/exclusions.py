"""A person's own list of sites to leave out: a CSV of keys and reasons, kept in the store so that reruns know it."""

from pathlib import Path

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.domain import parse_well
from kinfast.errors import InputError, MetadataError
from kinfast.plate.tables import read_table
from kinfast.preprocess import atomic
from kinfast.preprocess.shard import PLATES

REASON = "reason"
_COLUMNS = {
    "plate": schema.PLATE,
    "well": schema.WELL,
    "site": schema.SITE,
    "timepoint": schema.TIMEPOINT,
    "reason": REASON,
}


def kept_file(out: Path) -> Path:
    """Say where a store keeps the list."""
    return out / PLATES / ".exclude.csv"


def read_exclusions(path: Path) -> pd.DataFrame:
    """Read and check a table: columns plate, well, site, timepoint, reason (Metadata_* is understood, too).

    Only the plate must be there: a row without site means the whole well, one without well the whole plate.

    Returns:
        Columns schema.KEY and "reason", all as text; empty where nothing was said.

    Raises:
        InputError: the file cannot be read as such a table.
    """
    try:
        table = read_table(path, may_be_empty=True).fillna("")
    except MetadataError as error:
        raise InputError(f"--exclude {error}") from error
    table.columns = [_column(name) for name in table.columns]
    if schema.PLATE not in table.columns:
        raise InputError(f"--exclude {path}: no column plate; wanted plate, well, site, reason")
    table = table.reindex(columns=[*schema.KEY, REASON], fill_value="")
    placeless = next((line for line in table.index[table[schema.PLATE] == ""]), None)
    if placeless is not None:  # it would name every site of the store
        raise InputError(f"--exclude {path}: row {placeless} names no plate")
    table[schema.WELL] = [_well(well, path) for well in table[schema.WELL]]
    for column in (schema.SITE, schema.TIMEPOINT):
        table[column] = [_whole_number(text, path) for text in table[column]]
    return table


def _column(name: str) -> str:
    plain = name.strip().lower().removeprefix("metadata_")
    return _COLUMNS.get(plain, name)


def _well(text: str, path: Path) -> str:
    try:
        return parse_well(text) if text else ""
    except InputError as error:
        raise InputError(f"--exclude {path}: {error}") from None


def _whole_number(text: str, path: Path) -> str:
    plain = text.strip()
    if not plain:
        return ""
    try:
        return str(int(float(plain)))
    except ValueError:
        raise InputError(f"--exclude {path}: {plain!r} is no number of a site or timepoint") from None


def keep_exclusions(out: Path, given: pd.DataFrame | None) -> pd.DataFrame:
    """Take a new list into the store, or give the one it has; empty where there is none."""
    if given is not None:
        atomic.write_csv(kept_file(out), given)
        return given
    if kept_file(out).is_file():
        return read_exclusions(kept_file(out))
    return pd.DataFrame(columns=[*schema.KEY, REASON], dtype=str)


def apply_exclusions(sites: pd.DataFrame, exclusions: pd.DataFrame) -> tuple[list[str], int]:
    """Find which sites are named.

    Returns:
        (each site's reason, empty where it is not excluded; number of rows of the list that name no site).
    """
    reasons = [""] * len(sites)
    unmatched = 0
    for row in exclusions.to_dict("records"):
        named = np.ones(len(sites), bool)
        for column in schema.KEY:
            if row[column]:
                named &= (sites[column].astype(str) == row[column]).to_numpy(bool)
        unmatched += not named.any()
        for i in np.flatnonzero(named):
            reasons[i] = str(row[REASON]) or "excluded by hand"
    return reasons, unmatched
