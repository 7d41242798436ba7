"""The table of doubts that a person corrects: written, read back on the next run, never overwritten."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from kinfast.errors import MetadataError
from kinfast.plate.tables import read_table

COLUMNS = ["kind", "found", "where", "problem", "candidates", "correction", "note", "status"]
COMPOUND, TARGET, ASSIGNED, WELL = "compound", "target", "target of compound", "well"
KINDS = (COMPOUND, TARGET, ASSIGNED, WELL)
ACCEPT = "="
"""A correction that says: it is right as it stands, do not ask again."""
OPEN, APPLIED, GONE = "open", "applied", "no longer found"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that a person should look at.

    Attributes:
        kind: compound, target, target of compound, or well.
        found: the spelling or the well that is in doubt; with `kind`, the row's key.
        where: where it occurs.
        problem: unknown, ambiguous, contradictory or several compounds, and why.
        candidates: what it may be, between |.
        correction: a person's word: another spelling, `=` to accept it, empty while nobody has looked.
        note: a person's own, kept.
        status: open, applied, or no longer found.
    """

    kind: str
    found: str
    where: str = ""
    problem: str = ""
    candidates: str = ""
    correction: str = ""
    note: str = ""
    status: str = OPEN


class Corrections:
    """What a person has decided, and which of it was used."""

    def __init__(self, rows: Iterable[Doubt] = ()) -> None:
        self.rows: dict[tuple[str, str], Doubt] = {(row.kind, row.found): row for row in rows}
        self.used: set[tuple[str, str]] = set()

    def decided(self, kind: str, found: str) -> str | None:
        """Give a person's correction of something; None where there is none."""
        row = self.rows.get((kind, found))
        if row is None or not row.correction:
            return None
        self.used.add((kind, found))
        return row.correction

    def merged(self, doubts: Iterable[Doubt]) -> list[Doubt]:
        """Put this run's doubts and a person's earlier words together, open ones first."""
        merged: dict[tuple[str, str], Doubt] = {}
        for doubt in doubts:
            merged[(doubt.kind, doubt.found)] = doubt
        for key, row in self.rows.items():
            now = merged.get(key)
            if now is not None:
                merged[key] = replace(now, correction=row.correction, note=row.note)
            elif row.correction or row.note:
                merged[key] = replace(row, status=APPLIED if key in self.used else GONE)
        order = {OPEN: 0, APPLIED: 1, GONE: 2}
        return sorted(merged.values(), key=lambda row: (order[row.status], KINDS.index(row.kind), row.found))


def read_corrections(path: Path) -> Corrections:
    """Read what a person has corrected; nothing where there is no file yet.

    Raises:
        MetadataError: it lacks a column, or names another kind of thing.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return Corrections()
    frame = read_table(path, may_be_empty=True)
    missing = [name for name in ("kind", "found", "correction") if name not in frame.columns]
    if missing:
        raise MetadataError(f"{path}: no column {', '.join(missing)}; wanted {', '.join(COLUMNS)}")
    rows = []
    for line, record in zip(frame.index, frame.to_dict("records"), strict=True):
        values = {name: record.get(name) or "" for name in COLUMNS}
        if values["kind"] not in KINDS or not values["found"]:
            raise MetadataError(
                f"{path}, row {line}: kind {values['kind']!r}; wanted {', '.join(KINDS)}, and what was found"
            )
        rows.append(Doubt(**values))
    return Corrections(rows)


def write_rows(rows: Iterable[Mapping[str, object]], columns: list[str], path: Path) -> None:
    """Write a table through a temporary name, in UTF-8 with a mark, so that Excel does not spoil Greek letters."""
    temporary = path.with_name(f".{path.name}.tmp")
    pd.DataFrame(list(rows), columns=columns).to_csv(temporary, index=False, encoding="utf-8-sig", lineterminator="\n")
    os.replace(temporary, path)  # noqa: PTH105 (one system call, on every system)
