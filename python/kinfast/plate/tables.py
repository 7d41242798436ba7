"""Tables of metadata as people keep them: CSV, TSV and Excel, any usual encoding, line ending and word for nothing."""

import csv
import io
import re
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from kinfast.errors import MetadataError

NOTHING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?"}
"""Spellings of an empty cell, lower case."""
EXCEL_ENDINGS = (".xlsx", ".xlsm")
DELIMITERS = "\t,;|"


def read_table(path: Path) -> pd.DataFrame:
    """Read a table as text: every cell a stripped string, or None where it is empty.

    Raises:
        MetadataError: there is no such file, or it is no table.
    """
    if not path.is_file():
        raise MetadataError(f"{path}: no such file; wanted a CSV, TSV or Excel table")
    try:
        frame = _read_excel(path) if path.suffix.lower() in EXCEL_ENDINGS else _read_text(path)
    except (ValueError, KeyError, OSError, BadZipFile, csv.Error) as error:
        raise MetadataError(f"{path}: is no table that can be read ({' '.join(str(error).split())[:160]})") from None
    if frame.shape[1] == 0 or frame.empty:
        raise MetadataError(f"{path}: has no rows; wanted a header and a row per well")
    return frame


def read_header(path: Path) -> list[str]:
    """Read the first line's cells of a text table; empty where it is none."""
    try:
        with path.open("rb") as file:
            line = file.readline(1 << 20).decode("utf-8-sig", errors="replace").splitlines()
    except OSError:
        return []
    return next(csv.reader(line[:1], delimiter=_delimiter(line[0])), []) if line else []


def _read_text(path: Path) -> pd.DataFrame:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # Excel's export on Western Windows
        text = raw.decode("cp1252", errors="replace")
    lines = re.split(r"\r\n|\r|\n", text)  # carriage returns alone, too: an old Mac wrote one of BBBC021's tables
    while lines and (not lines[0].strip() or lines[0].startswith(("#", "!"))):  # !: the repurposing hub's
        del lines[0]
    if not lines:
        return pd.DataFrame()
    rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=_delimiter(lines[0])))
    return _frame(rows, str(path))


def _read_excel(path: Path) -> pd.DataFrame:
    sheet = pd.read_excel(path, dtype=object, header=None)
    return _frame([[_cell(value) for value in row] for row in sheet.itertuples(index=False)], str(path))


def _cell(value: object) -> str:
    if value is None or value is pd.NaT or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=header.count)


def _frame(rows: list[list[str]], where: str) -> pd.DataFrame:
    header = [name.strip() for name in rows[0]]
    body = [row for row in rows[1:] if any(cell.strip() for cell in row)]
    wide = next((number for number, row in enumerate(body, start=2) if len(row) > len(header)), None)
    if wide is not None:
        raise MetadataError(f"{where}: row {wide} has more cells than the header has names ({len(header)})")
    columns = {}
    for index, name in enumerate(header):
        cells = [row[index].strip() if index < len(row) else "" for row in body]
        columns[name or f"column {index + 1}"] = [None if cell.lower() in NOTHING else cell for cell in cells]
    return pd.DataFrame(columns, dtype=object)
