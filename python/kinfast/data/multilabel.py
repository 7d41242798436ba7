"""Several labels a site (K-18): columns of 0 and 1, columns of names, sets of names."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.labels import (
    HALF,
    LabelledSites,
    finish_labels,
    name_classes,
    parse_classes,
    require_column,
    spell_value,
)


def select_multi_labels(
    sites: pd.DataFrame,
    label: str | Sequence[str],
    *,
    classes: str | Sequence[str] | None = None,
    separator: str | None = None,
    excluded_flags: Sequence[str] = tuple(schema.EXCLUDED_FLAGS),
) -> LabelledSites:
    """Take any number of labels per site (K-18).

    Args:
        sites: the store's table, or any table with the columns.
        label: one column of sets, lists, tuples or arrays of names, or of text with a `separator`; or several columns:
            of 0 and 1 (each is a class, named as the column), or of names (their union is the site's set).
        classes: the names that count; by default all.
        separator: what divides the names of a text.
        excluded_flags: as in `select_labels`.

    Raises:
        UsageError: a column is unknown, or a class that no site has.
        InputError: fewer than two classes are left.
    """
    columns = [label] if isinstance(label, str) else list(label)
    for column in columns:
        require_column(sites, column)
    sets = _binary_sets(sites, columns) if _all_binary(sites, columns) else _named_sets(sites, columns, separator)
    wanted = parse_classes(classes) if isinstance(classes, str) else tuple(classes or ())
    flat = [name for names in sets if names is not None for name in names]
    names = name_classes(
        flat, wanted or (tuple(sorted(columns)) if _all_binary(sites, columns) else ()), ", ".join(columns)
    )
    hot, known = _multi_hot(sets, names)
    if _all_binary(sites, columns):  # an empty cell is no 0: what was not measured is not learned
        hot[sites[list(names)].isna().to_numpy()] = np.nan
    return finish_labels(sites, ",".join(columns), "", names, rarest_label(hot, known), hot, excluded_flags)


def _all_binary(sites: pd.DataFrame, columns: Sequence[str]) -> bool:
    def binary(column: str) -> bool:
        values = sites[column].dropna()
        kind = pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values)
        return bool(kind and values.isin([0, 1]).all())

    return all(binary(column) for column in columns)


def _binary_sets(sites: pd.DataFrame, columns: Sequence[str]) -> list[frozenset[str] | None]:
    values = sites[list(columns)].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    known = ~np.isnan(values).all(axis=1)
    return [
        frozenset(np.array(columns)[row == 1].tolist()) if is_known else None
        for row, is_known in zip(values, known, strict=True)
    ]


def _named_sets(sites: pd.DataFrame, columns: Sequence[str], separator: str | None) -> list[frozenset[str] | None]:
    def names(value: object) -> list[str]:
        if isinstance(value, list | tuple | set | frozenset | np.ndarray):
            parts: Sequence[object] = list(value)
        else:
            text = spell_value(value)
            parts = text.split(separator) if text and separator else [text]
        return [name for part in parts if (name := spell_value(part)) is not None]

    rows = zip(*(sites[column] for column in columns), strict=True)
    return [frozenset(found) if (found := [n for value in row for n in names(value)]) else None for row in rows]


def _multi_hot(
    sets: Sequence[frozenset[str] | None], names: tuple[str, ...]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    position = {name: index for index, name in enumerate(names)}
    hot = np.zeros((len(sets), len(names)), np.float32)
    known = np.zeros(len(sets), np.bool_)
    for row, members in enumerate(sets):
        columns = [position[name] for name in members or () if name in position]
        hot[row, columns] = 1
        # an empty set that was said (all columns 0) is knowledge; names that are all no classes are none
        known[row] = members is not None and (bool(columns) or not members)
    return hot, known


def rarest_label(hot: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give each site the rarest of its labels, by which splits are stratified: (n,) int64.

    Args:
        hot: (n, n_classes), NaN where not known.
        known: (n,) whether anything is; else the site's code is -1. A site of no label gets n_classes.
    """
    one = hot >= HALF
    counts = one[known].sum(axis=0)
    rarity = np.where(one, counts, np.inf)
    codes = np.where(one.any(axis=1), rarity.argmin(axis=1), hot.shape[1])
    return np.where(known, codes, -1).astype(np.int64)
