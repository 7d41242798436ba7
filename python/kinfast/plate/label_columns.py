"""The label columns of a well (compound, target, role, dose) from whatever columns its tables had."""

from collections.abc import Sequence

import pandas as pd

from kinfast import schema
from kinfast.errors import InputError, MetadataError
from kinfast.plate import roles
from kinfast.plate import table_columns as columns

METADATA = "Metadata_"
RESERVED = {schema.PLATE, schema.WELL, schema.SITE, schema.TIMEPOINT, schema.PIXEL_UM, *schema.LABELS}


def derive_labels(
    wells: Sequence[tuple[str, str]], rows: Sequence[dict[str, str]]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Make the table of labels.

    Args:
        wells: (plate, well).
        rows: for each, its cells by the tables' own column names; empty where it is in no table.

    Returns:
        schema.PLATE, WELL, LABELS and Metadata_<name> for every other column; lines that a person should read.

    Raises:
        MetadataError: a dose is no number.
    """
    fields = list(dict.fromkeys(field for row in rows for field in row if field))
    notes: list[str] = []
    compounds, used_compound = _compounds(rows, fields, notes)
    targets, used_target = _first_of(rows, columns.find_columns(fields, columns.TARGET_WORDS))
    role, used_roles = _roles(rows, fields, compounds, notes)
    doses, used_dose = _doses(wells, rows, fields, notes)
    frame = pd.DataFrame(
        {
            schema.PLATE: text_column([plate for plate, _ in wells]),
            schema.WELL: text_column([well for _, well in wells]),
            schema.COMPOUND: text_column(compounds),
            schema.TARGET: text_column(targets),
            schema.ROLE: text_column(role),
            schema.DOSE_UM: pd.Series(doses, dtype="float64"),
        }
    )
    used = {used_compound, used_target, used_dose, *used_roles}
    batch = columns.find_column(fields, columns.BATCH_WORDS)
    others = {}
    for field in fields:
        name = schema.BATCH if field == batch else METADATA + "_".join(field.split())
        if field not in used and name not in RESERVED:
            others[name] = _typed([row.get(field) for row in rows])
    return pd.concat([frame, pd.DataFrame(others, index=frame.index)], axis=1), tuple(notes)


def text_column(values: Sequence[str | None]) -> "pd.Series[str]":
    """Make a column of text that stays text where all of it is missing."""
    return pd.Series(list(values), dtype="str")


def _typed(cells: list[str | None]) -> "pd.Series[float] | pd.Series[str]":
    """Make a column of numbers where every cell is one, else of text; 007 is text."""
    there = [cell for cell in cells if cell is not None]
    if there and all(_is_number(cell) for cell in there):
        return pd.Series([float("nan") if cell is None else float(cell) for cell in cells], dtype="float64")
    return text_column(cells)


def _is_number(cell: str) -> bool:
    digits = cell.lstrip("+-")
    if digits[:1] == "0" and digits[1:2].isdigit():
        return False
    try:
        return abs(float(cell)) < float("inf")
    except ValueError:
        return False


def _first_of(rows: Sequence[dict[str, str]], fields: Sequence[str]) -> tuple[list[str | None], str | None]:
    """Take each row's first filled field; the column that is thereby used up is the first."""
    values = [next((row[field] for field in fields if field in row), None) for row in rows]
    return values, (fields[0] if fields else None)


def _compounds(
    rows: Sequence[dict[str, str]], fields: Sequence[str], notes: list[str]
) -> tuple[list[str | None], str | None]:
    named = columns.find_columns(fields, columns.COMPOUND_WORDS)
    values, used = _first_of(rows, named)
    solvent = columns.find_column(fields, columns.SOLVENT_WORDS)
    if solvent is None or not named:
        return values, used
    empty = [i for i, row in enumerate(rows) if values[i] is None and roles.is_vehicle(row.get(solvent))]
    for index in empty:
        values[index] = roles.VEHICLE
    if empty:
        notes.append(
            f"wells without a compound and with {roles.VEHICLE} as {solvent}, taken as {roles.VEHICLE}: {len(empty)}"
        )
    return values, used


def _roles(
    rows: Sequence[dict[str, str]], fields: Sequence[str], compounds: Sequence[str | None], notes: list[str]
) -> tuple[list[str | None], list[str]]:
    sources = columns.find_columns(fields, columns.ROLE_WORDS)
    signed = {field: roles.is_signed([row[field] for row in rows if field in row]) for field in sources}
    settled: list[str | None] = []
    strange: dict[str, int] = {}
    n_vehicle = 0
    for row, compound in zip(rows, compounds, strict=True):
        said = [roles.read_role(row[field], signed[field]) for field in sources if field in row]
        for field in sources:
            if field in row and roles.read_role(row[field], signed[field]) is None:
                strange[row[field]] = strange.get(row[field], 0) + 1
        role = roles.settle_role(said, compound)
        n_vehicle += role == schema.ROLE_NEGATIVE and schema.ROLE_NEGATIVE not in said and roles.is_vehicle(compound)
        settled.append(role)
    if n_vehicle:
        notes.append(
            f"wells taken as {schema.ROLE_NEGATIVE} because their compound is {roles.VEHICLE} or none: {n_vehicle}"
        )
    if strange:
        words = ", ".join(f"{word} (wells: {count})" for word, count in sorted(strange.items()))
        notes.append(f"not understood as a role: {words}; wanted trt, negcon, poscon, compound or control")
    if not sources and any(role == schema.ROLE_TREATMENT for role in settled):
        notes.append("no table has a column for the role: every compound but the vehicle is a treatment")
    return settled, [] if strange else sources


def _doses(
    wells: Sequence[tuple[str, str]], rows: Sequence[dict[str, str]], fields: Sequence[str], notes: list[str]
) -> tuple[list[float], str | None]:
    field = next((field for field in fields if columns.dose_factor(field) is not None), None)
    if field is None:
        return [float("nan")] * len(rows), None
    factor = columns.dose_factor(field) or 1.0
    unit = columns.find_column(fields, columns.UNIT_WORDS)
    decimal_comma = columns.commas_are_decimal(row[field] for row in rows if field in row)
    doses: list[float] = []
    for (plate, well), row in zip(wells, rows, strict=True):
        if field not in row or "|" in row[field]:
            doses.append(float("nan"))
            continue
        try:
            own = columns.unit_factor(row[unit]) if unit is not None and unit in row else factor
            doses.append(columns.parse_dose(row[field], own, decimal_comma))
        except InputError as error:
            raise MetadataError(f"column {field}, {plate} {well}: {error}") from None
    if unit is None and not columns.names_unit(field):
        notes.append(f"column {field} names no unit: its numbers are taken as µM")
    return doses, field
