"""A table of compounds, whoever made it: a vendor's library, the repurposing hub, JUMP; its columns recognised."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from kinfast.errors import MetadataError
from kinfast.plate import table_columns as columns
from kinfast.plate.tables import EXCEL_ENDINGS, NOTHING, read_table

ID_WORDS = (
    "catalognumber", "catalog", "catno", "cat", "catalogno", "productid", "productnumber", "productno", "itemno",
    "itemnumber", "broadsample", "broadid", "pertid", "jcp2022", "compoundid", "cpdid", "cbkid", "cbkno", "chemblid",
    "cas", "casnumber", "casno", "casrn", "id", "brdid",
)  # fmt: skip
NAME_WORDS = (
    "pertiname", "compoundname", "itemname", "productname", "drugname", "drug", "inhibitor", "molname", "chemicalname",
    "prefname", "compound", "name", "treatment", "substance", "perturbation", "pertname", "cpd", "gene",
)  # fmt: skip
SYNONYM_WORDS = ("synonyms", "synonym", "alias", "aliases", "othernames", "alternativename", "alternativenames")
SMILES_WORDS = ("smiles", "canonicalsmiles", "isomericsmiles", "structuresmiles")
INCHIKEY_WORDS = ("inchikey", "standardinchikey")
MECHANISM_WORDS = ("moa", "mechanism", "mechanismofaction")
TARGET_WORDS = (*columns.TARGET_WORDS, "primarytarget", "kinasetarget", "targetgene", "targetgenes")
SEARCHED_ROWS = 40
"""Rows at the top of a vendor's sheet that may precede its header: logos, addresses, notes."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Which columns of a table say what a compound is; each in the order in which it is believed."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    synonyms: tuple[str, ...]
    smiles: str | None
    inchikey: str | None
    target: str | None
    mechanism: str | None

    @property
    def identify(self) -> tuple[str, ...]:
        """All columns that identify a compound."""
        known = (self.inchikey, *self.ids, self.smiles, *self.names)
        return tuple(dict.fromkeys(name for name in known if name))


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a library.

    Attributes:
        table: file's name.
        row: 1 is the header.
        cells: filled cells by column.
        fields: of its table.
    """

    table: str
    row: int
    cells: dict[str, str]
    fields: Fields

    @property
    def name(self) -> str:
        """The compound's name: the first filled column of a name, else its first identity."""
        for column in (*self.fields.names, *self.fields.identify):
            if column in self.cells:
                return self.cells[column]
        return f"{self.table} row {self.row}"

    def cell(self, column: str | None) -> str | None:
        """Give a cell, None where there is no such column or it is empty."""
        return self.cells.get(column) if column is not None else None


@dataclass(frozen=True, slots=True)
class Library:
    """A table of compounds, opened."""

    name: str
    fields: Fields
    entries: tuple[Entry, ...]


def find_fields(headers: Sequence[str]) -> Fields:
    """Recognise the columns that say what a compound is."""
    return Fields(
        ids=tuple(columns.find_columns(headers, ID_WORDS)),
        names=tuple(columns.find_columns(headers, NAME_WORDS)),
        synonyms=tuple(columns.find_columns(headers, SYNONYM_WORDS)),
        smiles=columns.find_column(headers, SMILES_WORDS),
        inchikey=columns.find_column(headers, INCHIKEY_WORDS),
        target=columns.find_column(headers, TARGET_WORDS),
        mechanism=columns.find_column(headers, MECHANISM_WORDS),
    )


def open_library(path: Path) -> Library:
    """Open a table of compounds; of a workbook, every sheet that is one.

    Raises:
        MetadataError: it cannot be read, or none of its columns names a compound.
    """
    frames = _sheets(path) if path.suffix.lower() in EXCEL_ENDINGS else [(path.name, read_table(path))]
    entries: list[Entry] = []
    found = None
    for name, frame in frames:
        frame = frame.rename(columns={column: columns.plain_name(str(column)) for column in frame.columns})
        fields = find_fields([str(column) for column in frame.columns])
        if not fields.identify:
            continue
        found = found or fields
        for row, record in zip(frame.index, frame.to_dict("records"), strict=True):
            cells = {str(column): str(cell) for column, cell in record.items() if cell is not None and cell == cell}
            if any(column in cells for column in fields.identify):
                entries.append(Entry(name, int(row), cells, fields))
    if found is None or not entries:
        headers = ", ".join(str(column) for _, frame in frames for column in list(frame.columns)[:8])
        raise MetadataError(
            f"{path}: no column names a compound; found {headers or 'no table'}; wanted a header such as "
            "Catalog Number, Name, SMILES, InChIKey, pert_iname or broad_sample"
        )
    return Library(path.name, found, tuple(entries))


def _sheets(path: Path) -> list[tuple[str, pd.DataFrame]]:
    """Read a workbook: for each sheet its name and its cells as text; the index has the rows' numbers."""
    if not path.is_file():
        raise MetadataError(f"{path}: no such file; wanted a table of compounds")
    try:
        sheets = pd.read_excel(path, sheet_name=None, dtype=object, header=None)
    except (ValueError, KeyError, OSError, BadZipFile) as error:
        raise MetadataError(f"{path}: is no table that can be read ({' '.join(str(error).split())[:160]})") from None
    found = []
    for title, sheet in sheets.items():
        rows = [[_text(cell) for cell in row] for row in sheet.itertuples(index=False)]
        at = max(range(min(len(rows), SEARCHED_ROWS)), key=lambda row: _likeness(rows[row]), default=0)
        if rows and _likeness(rows[at]):
            header = [cell or f"column {number}" for number, cell in enumerate(rows[at], start=1)]
            body = [[None if cell.lower() in NOTHING else cell for cell in row] for row in rows[at + 1 :]]
            name = path.name if len(sheets) == 1 else f"{path.name} [{title}]"
            numbers = range(at + 2, at + 2 + len(body))
            found.append((name, pd.DataFrame(body, index=numbers, columns=header, dtype=object)))
    return found


def _likeness(row: Sequence[str]) -> int:
    """Count the cells of a row that are words for a column."""
    fields = find_fields([cell for cell in row if cell])
    known = (*fields.identify, *fields.synonyms, fields.target, fields.mechanism)
    return sum(name is not None for name in known)


def _text(value: object) -> str:
    if value is None or value is pd.NaT or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
