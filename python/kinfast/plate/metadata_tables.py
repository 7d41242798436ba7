"""One table of metadata, opened: its columns for plate, well and plate map recognised, its wells spelled one way."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kinfast.domain import parse_well
from kinfast.errors import InputError, MetadataError
from kinfast.plate import table_columns as columns
from kinfast.plate.tables import read_table

PLATE, WELL, PLATEMAP = "plate", "well", "platemap"
"""Columns by which tables are joined, under one name; all other columns keep theirs."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its joining columns under one name.

    Attributes:
        name: its file's.
        kind: wells, barcodes or compounds.
        frame: its rows; the index has their numbers in the file.
        notes: lines that a person should read.
    """

    name: str
    kind: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def open_table(path: Path) -> Table:
    """Read a table, recognise its joining columns, and tell which kind it is.

    Raises:
        MetadataError: it has no column to join by, or a cell is no well.
    """
    frame = read_table(path)
    headers = list(frame.columns)
    plate = columns.find_column(headers, columns.PLATE_WORDS)
    plate_map = columns.find_column(headers, columns.PLATEMAP_WORDS)
    wells, used = _read_wells(frame, path.name)
    about_wells = wells is not None
    kept = [h for h in headers if h not in {plate, plate_map, *used} and not columns.is_file_column(h, about_wells)]
    out = frame[kept].rename(columns={header: columns.plain_name(header) for header in kept})
    if plate is not None:
        out[PLATE] = frame[plate]
    if plate_map is not None:
        out[PLATEMAP] = frame[plate_map].map(_stem, na_action="ignore")
    again = [header for header in kept if header.removesuffix(" (2)") in headers and header.endswith(" (2)")]
    notes = tuple(
        f"{path.name}: two columns are called {header[:-4]}: the second is kept as {header}" for header in again
    )
    if wells is not None:
        out[WELL] = wells
        return Table(path.name, "wells", out, notes)
    if plate is not None and plate_map is not None:
        return Table(path.name, "barcodes", out, notes)
    if columns.find_column(headers, columns.COMPOUND_ID_WORDS) is not None:
        return Table(path.name, "compounds", out, notes)
    raise MetadataError(
        f"{path.name}: columns {', '.join(headers[:12])}: none is a well, a plate map or a compound; "
        "wanted a header such as well, or row and column"
    )


def _read_wells(frame: pd.DataFrame, name: str) -> tuple[list[str | None] | None, set[str]]:
    header = columns.find_column(frame.columns, columns.WELL_WORDS)
    row = columns.find_column(frame.columns, columns.ROW_WORDS)
    column = columns.find_column(frame.columns, columns.COLUMN_WORDS)
    pair = {row, column} if row is not None and column is not None else set()
    used = {str(used) for used in {header, *pair} if used is not None}
    if header is None and not pair:
        return None, set()
    if header is not None:
        spelled = frame[header].tolist()
    else:
        spelled = [_join_position(r, c) for r, c in zip(frame[row], frame[column], strict=True)]
    return [_well(cell, name, int(line)) for line, cell in zip(frame.index, spelled, strict=True)], used


def _join_position(row: str | None, column: str | None) -> str | None:
    if row is None or column is None:
        return None
    number = str(int(float(column))) if column.replace(".", "").isdigit() else column
    return f"r{int(float(row))}c{number}" if row.replace(".", "").isdigit() else f"{row}{number}"


def _well(cell: str | None, name: str, line: int) -> str | None:
    if cell is None:
        return None
    try:
        return parse_well(cell)
    except InputError as error:
        raise MetadataError(f"{name}, row {line}: {error}") from None


def _stem(cell: str) -> str:
    return cell.rsplit("/", 1)[-1].rsplit(".", 1)[0] if cell.endswith((".csv", ".tsv", ".txt", ".xlsx")) else cell
