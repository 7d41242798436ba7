"""Tables of metadata as people keep them: CSV, TSV and Excel, any usual encoding, line ending and word for nothing."""

import codecs
import csv
import io
import re
import warnings
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from kinfast.errors import MetadataError
from kinfast.plate.table_columns import names_wells

NOTHING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?"}
"""Spellings of an empty cell, lower case."""
EXCEL_ENDINGS = (".xlsx", ".xlsm")
DELIMITERS = "\t,;|"
SEARCHED_ROWS = 10
"""Rows from the top among which the header is looked for: a title, a date, merged cells may stand above it."""
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How a file begins that is an Excel workbook of today (or another zip archive), or one of before 2007."""


def read_table(path: Path, may_be_empty: bool = False) -> pd.DataFrame:
    """Read a table as text: every cell a stripped string, or None where it is empty.

    The index has each row's number in the file, counted from 1. Of two columns of one name with other cells, the second
    is called `name (2)`.

    Raises:
        MetadataError: there is no such file, or it is no table.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise MetadataError(f"{path}: {what}; wanted a CSV, TSV or Excel table")
    try:
        raw = path.read_bytes()
        frame, where = _read_excel(path, raw) if raw.startswith(_ZIP) else (_read_text(path, raw), str(path))
    except (ValueError, KeyError, OSError, BadZipFile, csv.Error) as error:
        raise MetadataError(f"{path}: is no table that can be read ({' '.join(str(error).split())[:160]})") from None
    if frame.shape[1] == 0 or (frame.empty and not may_be_empty):
        raise MetadataError(f"{where}: has no rows; wanted a header and a row per well")
    return frame


def read_header(path: Path) -> list[str]:
    """Read the first line's cells of a text table; empty where it is none."""
    try:
        with path.open("rb") as file:
            line = file.readline(1 << 20).decode("utf-8-sig", errors="replace").splitlines()
    except OSError:
        return []
    return next(csv.reader(line[:1], delimiter=_delimiter(line[:1])), []) if line else []


def _read_text(path: Path, raw: bytes) -> pd.DataFrame:
    text = _decode(path, raw)
    lines = re.split(r"\r\n|\r|\n", text)  # carriage returns alone, too: an old Mac wrote one of BBBC021's tables
    above = 0
    while lines and (not lines[0].strip() or lines[0].startswith(("#", "!"))):  # !: the repurposing hub's
        del lines[0]
        above += 1
    rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=_delimiter(lines[:SEARCHED_ROWS])))
    return _frame(rows, str(path), above + 1)


def _decode(path: Path, raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # Excel's "Unicode text"
        return raw.decode("utf-16")
    if b"\0" in raw:
        found = "an Excel workbook of before 2007" if raw.startswith(_OLE) else "bytes that are no text"
        raise MetadataError(f"{path}: found {found}; wanted a CSV, TSV or .xlsx table: save it as one")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # Excel's export on Western Windows
        return raw.decode("cp1252", errors="replace")


def _read_excel(path: Path, raw: bytes) -> tuple[pd.DataFrame, str]:
    """Read a workbook's first sheet; a merged cell stands for all that it covers."""
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of styles and validations, which nobody asked for
        book = openpyxl.load_workbook(io.BytesIO(raw), data_only=True)
    sheet, others = book.worksheets[0], book.sheetnames[1:]
    cells = [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    for merged in sheet.merged_cells.ranges:
        for row in range(merged.min_row, merged.max_row + 1):
            for column in range(merged.min_col, merged.max_col + 1):
                cells[row - 1][column - 1] = cells[merged.min_row - 1][merged.min_col - 1]
    where = f"{path}, sheet {sheet.title} (not read: {', '.join(others)})" if others else str(path)
    return _frame(cells, where, 1), where


def _cell(value: object) -> str:
    if value is None or value is pd.NaT or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _delimiter(lines: list[str]) -> str:
    """Give what parts the first line; where nothing does, as in a title, what parts the one that names a well."""
    for line in lines:
        mark: str = max(DELIMITERS, key=line.count)
        if mark in line and (line is lines[0] or names_wells(next(csv.reader([line], delimiter=mark)))):
            return mark
    return DELIMITERS[0]


def _frame(rows: list[list[str]], where: str, first: int) -> pd.DataFrame:
    """Make a table of rows of cells; `first` is the number of the first one in its file."""
    filled = [(number, row) for number, row in enumerate(rows, start=first) if any(cell.strip() for cell in row)]
    at = _header_at([row for _, row in filled[:SEARCHED_ROWS]])
    header, body = [name.strip() for name in filled[at][1]] if filled else [], filled[at + 1 :]
    wide = next((number for number, row in body if len(row) > len(header)), None)
    if wide is not None:
        raise MetadataError(f"{where}: row {wide} has more cells than the header has names ({len(header)})")
    columns: dict[str, list[str | None]] = {}
    for index, name in enumerate(header):
        texts = (row[index].strip() if index < len(row) else "" for _, row in body)
        cells = [None if text.lower() in NOTHING else text for text in texts]
        free = _free_name(name or f"column {index + 1}", cells, columns)
        if free is not None:
            columns[free] = cells
    return pd.DataFrame(columns, index=[number for number, _ in body], dtype=object)


def _free_name(name: str, cells: list[str | None], others: dict[str, list[str | None]]) -> str | None:
    """Give a column's name, or another one where it is taken; None where it repeats a column, its cells too."""
    taken = [other for other in others if other == name or re.fullmatch(re.escape(name) + r" \(\d+\)", other)]
    if any(others[other] == cells for other in taken):
        return None
    return f"{name} ({len(taken) + 1})" if taken else name


def _header_at(rows: list[list[str]]) -> int:
    """Find the header: the first row, unless it has gaps or repeats itself, as titles and merged cells do."""
    filled = [[cell for cell in row if cell.strip()] for row in rows]
    if not rows or names_wells(rows[0]) or len(filled[0]) == len(set(filled[0])) == max(map(len, filled)):
        return 0
    named = (at for at, row in enumerate(rows) if len(filled[at]) > 1 and names_wells(row))
    several = (at for at, cells in enumerate(filled) if len(cells) > 1)
    return next(named, next(several, 0))
