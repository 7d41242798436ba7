"""A kinome-wide selectivity table as soft targets (K-53): rows compounds, columns kinases, percent or Kd."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.config import PROFILE_UM
from kinfast.data.groups import INCHIKEY
from kinfast.data.labels import HALF, LabelledSites, finish_labels, name_classes, parse_classes, spell_value
from kinfast.data.multilabel import rarest_label
from kinfast.errors import InputError, UsageError
from kinfast.plate.annotation.library import find_fields
from kinfast.plate.annotation.spelling import parent_id, spelled_key, without_salt
from kinfast.plate.tables import read_table

KINDS = ("auto", "inhibition", "remaining", "kd")
HIGHEST_PERCENT = 150.0
"""A table with larger values holds no percentages: noise does not carry an inhibition of 100 % that far."""
NUMERIC = 0.5
"""Share of a column's filled cells that must be numbers for it to be a kinase's."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A selectivity table.

    Attributes:
        keys: for each row, the spellings by which its compound is found.
        kinases: as the columns are called.
        values: (n_rows, n_kinases) float32: 0 no effect, 1 full; NaN not measured.
        kind: inhibition, remaining or kd.
    """

    keys: tuple[frozenset[str], ...]
    kinases: tuple[str, ...]
    values: NDArray[np.float32]
    kind: str


def read_profile(path: Path, kind: str = "auto") -> Profile:
    """Read a selectivity table and bring it to fractions.

    Percent inhibition p is p / 100, percent of control left 1 - p / 100, both kept in 0 … 1. A Kd is the occupancy
    c / (c + Kd) at c = `config.PROFILE_UM`; `>10000` is no binding. Source: the law of mass action with one site.

    Raises:
        MetadataError: it cannot be read. InputError: fewer than two columns of numbers, or no compound.
        UsageError: another kind.
    """
    if kind not in KINDS:
        raise UsageError(f"selectivity kind {kind!r}: wanted {', '.join(KINDS)}")
    frame = read_table(path)
    headers = [str(name) for name in frame.columns]
    identify = find_fields(headers).identify or (headers[0],)
    kinases = [name for name in headers if name not in identify and _is_numeric(frame[name].tolist())]
    if len(kinases) < 2:
        raise InputError(f"{path}: {len(kinases)} columns of numbers; wanted a column a kinase, a row a compound")
    numbers = np.array([[_number(cell) for cell in frame[name]] for name in kinases], np.float64).T
    chosen = _guess(numbers) if kind == "auto" else kind
    rows = frame[list(identify)].itertuples(index=False)
    keys = tuple(frozenset(key for cell in row if cell is not None for key in _keys(str(cell))) for row in rows)
    return Profile(keys, tuple(kinases), _fractions(numbers, chosen), chosen)


def select_profile(
    sites: pd.DataFrame,
    profile: Profile,
    *,
    classes: str | Sequence[str] | None = None,
    excluded_flags: Sequence[str] = tuple(schema.EXCLUDED_FLAGS),
) -> tuple[LabelledSites, list[str]]:
    """Give each site its compound's row of a selectivity table; negative controls hit nothing.

    Args:
        sites: the store's table.
        profile: the selectivity table.
        classes: kinases that count; by default those that at least one compound here hits and one does not.
        excluded_flags: as in `select_labels`.

    Returns:
        The labels, and lines that say what was found.

    Raises:
        InputError: no compound of the store is in the table.
    """
    row_of = {key: row for row, keys in reversed(list(enumerate(profile.keys))) for key in keys}
    rows = np.array([_find(cells, row_of) for cells in _site_cells(sites)], np.int64)
    negative = (sites[schema.ROLE].astype(object) == schema.ROLE_NEGATIVE).to_numpy()
    rows[negative] = -1
    values = np.full((len(sites), len(profile.kinases)), np.nan, np.float32)
    values[rows >= 0] = profile.values[rows[rows >= 0]]
    values[negative] = 0.0
    named = {str(name) for name, row in zip(sites[schema.COMPOUND], rows, strict=True) if row >= 0}
    if not named:
        raise InputError("no compound of the store is in the selectivity table: are its names, ids or InChIKeys there?")
    wanted = parse_classes(classes) if isinstance(classes, str) else tuple(classes or ())
    hit, spared = (np.asarray(mask.any(axis=0), np.bool_) for mask in (values >= HALF, values < HALF))
    telling = [name for name, one, other in zip(profile.kinases, hit, spared, strict=True) if one and other]
    names = name_classes(profile.kinases, wanted or telling, "kinase") if wanted or telling else ()
    hot = values[:, [profile.kinases.index(name) for name in names]]
    known = np.asarray(~np.isnan(hot).all(axis=1), np.bool_)
    label = finish_labels(
        sites, schema.COMPOUND, "target-profile", names, rarest_label(hot, known), hot, excluded_flags, soft=True
    )
    treated = sites[schema.COMPOUND].notna().to_numpy() & ~negative
    total = sites.loc[treated, schema.COMPOUND].nunique()
    lines = [
        f"selectivity table ({profile.kind}): {len(named)} of {total} compounds have a row, the others are unlabelled",
        f"{len(names)} of {len(profile.kinases)} kinases tell compounds of the store apart at {HALF:g}; "
        f"{np.isnan(hot[known]).mean():.0%} of the values are not known and are left out of the loss",
    ]
    return label, lines


def _site_cells(sites: pd.DataFrame) -> list[tuple[str, ...]]:
    columns = [name for name in (INCHIKEY, schema.COMPOUND, "Metadata_Compound_raw") if name in sites.columns]
    rows = sites[columns].itertuples(index=False)
    return [tuple(text for cell in row if (text := spell_value(cell)) is not None) for row in rows]


def _find(cells: Sequence[str], row_of: dict[str, int]) -> int:
    return next((row_of[key] for cell in cells for key in _keys(cell) if key in row_of), -1)


def _keys(cell: str) -> tuple[str, ...]:
    """Give the spellings by which a compound is found: without its salt, a Broad sample without its batch."""
    parent = parent_id(cell)
    return tuple(key for key in (spelled_key(parent or without_salt(cell)), spelled_key(cell)) if key)


def _is_numeric(cells: Sequence[str | None]) -> bool:
    filled = [cell for cell in cells if cell is not None]
    return bool(filled) and sum(_number(cell) == _number(cell) for cell in filled) >= NUMERIC * len(filled)


def _number(cell: str | None) -> float:
    """Read a number; `>10000`, no binding, is infinite; what is none is NaN."""
    if cell is None:
        return float("nan")
    text = cell.strip().rstrip("%").strip()
    try:
        return float("inf") if text.startswith(">") else float(text.lstrip("<=~ "))
    except ValueError:
        return float("nan")


def _guess(numbers: NDArray[np.float64]) -> str:
    return "kd" if np.nanmax(numbers, initial=0.0) > HIGHEST_PERCENT else "inhibition"


def _fractions(numbers: NDArray[np.float64], kind: str) -> NDArray[np.float32]:
    if kind == "kd":
        return (PROFILE_UM / (PROFILE_UM + np.maximum(numbers, 0.0) / 1000.0)).astype(np.float32)
    share = np.clip(numbers / 100.0, 0.0, 1.0)
    return (share if kind == "inhibition" else 1.0 - share).astype(np.float32)
