"""A data dictionary: for each column of a table what it is, its type, unit, values and gaps (K-02)."""

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from kinfast.plate import table_columns as columns
from kinfast.plate.annotation import library

COLUMNS = [
    "table", "column", "meaning", "dtype", "unit", "rows", "filled", "missing", "distinct", "minimum", "maximum",
    "values", "example",
]  # fmt: skip
FEW = 12
"""Distinct values up to which all are listed."""
_UNIT = re.compile(
    r"(?:[_\s(\[]|^)(um|nm|mm|µm|μm|pct|percent|px|s|ms|hours?|min|mg_per_ml|degrees?|bytes)[)\]]?$", re.IGNORECASE
)
_MEANINGS = (
    (columns.PLATE_WORDS, "plate"),
    (columns.PLATEMAP_WORDS, "plate map"),
    (columns.WELL_WORDS, "well"),
    (columns.ROW_WORDS, "row of the well"),
    (columns.COLUMN_WORDS, "column of the well"),
    (("site", "field", "fieldid", "fov"), "site within the well"),
    (columns.ROLE_WORDS, "role of the well: treatment or control"),
    (columns.TARGET_WORDS, "target"),
    (library.MECHANISM_WORDS, "mechanism of action"),
    (library.INCHIKEY_WORDS, "compound, as InChIKey"),
    (library.SMILES_WORDS, "compound, as SMILES"),
    (library.NAME_WORDS, "compound, by name"),
    (library.ID_WORDS, "compound, by id"),
    (library.SYNONYM_WORDS, "other names of the compound"),
    (columns.UNIT_WORDS, "unit of the dose"),
    (columns.SOLVENT_WORDS, "solvent"),
    (("timepoint", "time"), "time point"),
)


def describe_table(frame: pd.DataFrame, name: str) -> list[dict[str, object]]:
    """Describe each column of a table.

    Args:
        frame: cells as text (of `read_table`) or typed; None, NaN and empty text are missing.
        name: the table's, for the first column.

    Returns:
        A row a column, by `COLUMNS`.
    """
    return [_describe(frame[column].tolist(), str(column), name) for column in frame.columns]


def type_of(cells: Sequence[str]) -> str:
    """Name the narrowest type that holds all cells: integer, number, boolean, well, text; empty where there is none."""
    if not cells:
        return "empty"
    plain = [cell.strip() for cell in cells]
    if all(re.fullmatch(r"[+-]?(0|[1-9]\d*)", cell) for cell in plain):
        return "integer"
    if all(_is_number(cell) for cell in plain):
        return "number"
    if {cell.lower() for cell in plain} <= {"true", "false", "yes", "no"}:
        return "boolean"
    return "well" if all(re.fullmatch(r"[A-Za-z]{1,2}0?\d{1,2}", cell) for cell in plain) else "text"


def odd_cells(cells: Sequence[str]) -> list[tuple[str, int]]:
    """Find the cells that keep a column of numbers from being one: at most one in twenty, counted."""
    words = Counter(cell for cell in cells if not _is_number(cell.strip()))
    few = 0 < sum(words.values()) <= max(1, len(cells) // 20) and len(cells) >= 5
    return words.most_common() if few else []


def _describe(values: Sequence[object], column: str, table: str) -> dict[str, object]:
    cells = [str(value) for value in values if value is not None and value == value and str(value) != ""]
    kind = type_of(cells)
    counts = Counter(cells)
    numeric = sorted(float(cell) for cell in counts) if kind in ("integer", "number") else []
    listed = sorted(counts, key=float) if numeric else sorted(counts)
    return {
        "table": table,
        "column": column,
        "meaning": _meaning(column),
        "dtype": kind,
        "unit": _unit(column),
        "rows": len(values),
        "filled": len(cells),
        "missing": len(values) - len(cells),
        "distinct": len(counts),
        "minimum": f"{numeric[0]:g}" if numeric else "",
        "maximum": f"{numeric[-1]:g}" if numeric else "",
        "values": "; ".join(listed) if len(counts) <= FEW else "",
        "example": cells[0] if cells else "",
    }


def _meaning(column: str) -> str:
    if columns.dose_factor(column) is not None:
        return "dose"
    spelled = columns.word(column)
    if columns.is_file_column(column):
        return "file of an image, or a count of rows"
    return next((meaning for words, meaning in _MEANINGS if spelled in words), "")


def _unit(column: str) -> str:
    factor = columns.dose_factor(column)
    if factor is not None and columns.names_unit(column):
        return {1e-6: "pM", 1e-3: "nM", 1.0: "µM", 1e3: "mM", 1e6: "M"}[factor]
    found = _UNIT.search(column) if factor is None else None
    return found[1] if found else ""


def _is_number(cell: str) -> bool:
    try:
        return abs(float(cell)) < float("inf")
    except ValueError:
        return False
