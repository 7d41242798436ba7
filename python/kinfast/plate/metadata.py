"""Labels for wells: tables of any dialect, joined by plate and well, with a line for everything that did not join."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kinfast.errors import MetadataError
from kinfast.plate import table_columns as columns
from kinfast.plate.label_columns import derive_labels
from kinfast.plate.metadata_tables import PLATE, PLATEMAP, WELL, Table, open_table
from kinfast.plate.plate_matching import match_plates

LISTED = 8
"""Wells that a note lists before it only counts."""

WellKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Labels:
    """A row per plate x well in schema's columns, and lines that a person should read."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def join_metadata(
    tables: Sequence[Path], wells: Sequence[WellKey], aliases: Mapping[str, Sequence[str]] | None = None
) -> Labels:
    """Join tables to the wells that were imaged.

    Args:
        tables: plate maps (a row a well), barcode tables (plate -> plate map), compound tables (a row a compound).
        wells: (plate, well) of every well with images.
        aliases: other words for a plate that a table may use.

    Raises:
        MetadataError: a table cannot be understood, or no row of any table fits a well.
    """
    wells = sorted(set(wells))
    opened = [open_table(path) for path in tables]
    notes = [note for table in opened for note in table.notes]
    rows: dict[WellKey, dict[str, str]] = {key: {} for key in wells}
    barcodes = _plates_by_map([table for table in opened if table.kind == "barcodes"])
    plate_maps = [table for table in opened if table.kind == "wells"]
    if opened and not plate_maps:
        raise MetadataError(f"{opened[0].name}: no column for the well; wanted one such as well, or row and column")
    _refuse_unassigned_maps(plate_maps, barcodes)
    for table in plate_maps:
        notes += _join_wells(table, rows, aliases or {}, barcodes)
    for table in opened:
        if table.kind == "compounds":
            notes.append(_join_compounds(table, rows))
        elif table.kind == "barcodes":
            _join_plates(table, rows, aliases or {})
    bare = [key for key, row in rows.items() if not row]
    if opened and len(bare) == len(rows):
        raise MetadataError(f"{', '.join(table.name for table in opened)}: no row fits a well: {'; '.join(notes)}")
    if opened and bare:
        notes.append(f"wells without a row in the metadata: {len(bare)} of {len(rows)}: {_list(bare)}")
    frame, derived = derive_labels(wells, [rows[key] for key in wells])
    return Labels(frame, (*notes, *derived))


def _plates_by_map(tables: Sequence[Table]) -> dict[str, list[str]]:
    plates: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        for plate, plate_map in zip(table.frame[PLATE], table.frame[PLATEMAP], strict=True):
            if plate is not None and plate_map is not None:
                plates[plate_map].append(plate)
    return plates


def _refuse_unassigned_maps(tables: Sequence[Table], barcodes: Mapping[str, list[str]]) -> None:
    """Two plate maps that both lay out all plates need somebody to say which is whose."""
    maps = {}
    for table in tables:
        if PLATE not in table.frame and not _map_names(table) & set(barcodes) and PLATEMAP in table.frame:
            maps.update(dict.fromkeys(table.frame[PLATEMAP].dropna(), table.name))
    if len(maps) > 1:
        raise MetadataError(
            f"{', '.join(sorted(maps))} are several plate maps and no table says which plate has which: "
            "give a table with the columns Assay_Plate_Barcode and Plate_Map_Name as well"
        )


def _map_names(table: Table) -> set[str]:
    named = set(table.frame[PLATEMAP].dropna()) if PLATEMAP in table.frame else set()
    return named | {Path(table.name).stem}


def _join_wells(
    table: Table,
    rows: dict[WellKey, dict[str, str]],
    aliases: Mapping[str, Sequence[str]],
    barcodes: Mapping[str, list[str]],
) -> list[str]:
    """Give each imaged well the cells of its rows; return what there is to say."""
    plates = sorted({plate for plate, _ in rows})
    fields = [name for name in table.frame.columns if name not in (PLATE, WELL, PLATEMAP)]
    by_plate = _assign_plates(table, plates, aliases, barcodes)
    notes: list[str] = [*by_plate.notes, *_placeless(table)]
    gathered: dict[WellKey, list[tuple[str | None, ...]]] = defaultdict(list)
    strangers: set[WellKey] = set()
    cells = list(zip(*(table.frame[name] for name in fields), strict=True)) if fields else [()] * len(table.frame)
    for line, (well, targets) in enumerate(zip(table.frame[WELL], by_plate.targets, strict=True)):
        if well is None:
            continue
        for plate in targets:
            (gathered[(plate, well)].append(cells[line]) if (plate, well) in rows else strangers.add((plate, well)))
    varying: dict[str, list[WellKey]] = defaultdict(list)
    for key, found in gathered.items():
        for index, field in enumerate(fields):
            values = list(dict.fromkeys(str(cell[index]) for cell in found if cell[index] is not None))
            if len(values) > 1:
                varying[field].append(key)
            if values:
                notes += _put(rows[key], field, "|".join(values), key, table.name)
            else:
                rows[key].setdefault("", "")  # the well has a row, if an empty one
    notes += _drop_varying(varying, rows, table.name)
    how = "by plate and well" if PLATE in table.frame or by_plate.by_map else "by well, the same on every plate"
    notes.insert(0, f"{table.name}: {len(table.frame)} rows joined {how} to {len(gathered)} of {len(rows)} wells")
    if strangers:
        notes.append(f"{table.name}: wells without images: {len(strangers)}: {_list(sorted(strangers))}")
    return notes


def _placeless(table: Table) -> list[str]:
    """Name the rows that say no well or no plate, such as below a merged cell: no well gets what they say."""
    place = [name for name in (PLATE, WELL) if name in table.frame]
    lines = [str(line) for line in table.frame.index[table.frame[place].isna().any(axis=1)]]
    more = f" and {len(lines) - LISTED} more" if len(lines) > LISTED else ""
    if not lines:
        return []
    return [f"{table.name}: rows without a {' or a '.join(place)}, not used: {', '.join(lines[:LISTED])}{more}"]


def _put(row: dict[str, str], field: str, value: str, key: WellKey, name: str) -> list[str]:
    row.setdefault("", "")
    before = row.setdefault(field, value)
    if before == value:
        return []
    return [f"{name}: {key[0]} {key[1]}: {field} is {value!r} here and {before!r} in a table before, which is kept"]


def _drop_varying(varying: Mapping[str, list[WellKey]], rows: dict[WellKey, dict[str, str]], name: str) -> list[str]:
    """Leave out what differs within a well, unless it is a treatment: then the well got several, joined by |."""
    notes = []
    treatments = {*columns.COMPOUND_WORDS, *columns.TARGET_WORDS, *columns.ROLE_WORDS}
    left_out = []
    for field, keys in varying.items():
        if columns.word(field) in treatments or columns.dose_factor(field) is not None:
            notes.append(f"{name}: wells with several values of {field}, joined by |: {len(keys)}: {_list(keys)}")
            continue
        left_out.append(field)
        for key in rows:
            rows[key].pop(field, None)
    if left_out:
        notes.append(f"{name}: columns that differ within a well are left out: {', '.join(left_out)}")
    return notes


@dataclass(frozen=True, slots=True)
class _Assignment:
    """For each row of a table, the plates that it is about."""

    targets: list[Sequence[str]]
    notes: tuple[str, ...]
    by_map: bool


def _assign_plates(
    table: Table, plates: Sequence[str], aliases: Mapping[str, Sequence[str]], barcodes: Mapping[str, list[str]]
) -> _Assignment:
    frame = table.frame
    if PLATE in frame:
        matched, notes = match_plates(sorted(set(frame[PLATE].dropna())), plates, aliases, table.name)
        return _Assignment([matched.get(plate, ()) if plate else () for plate in frame[PLATE]], notes, False)
    if not _map_names(table) & set(barcodes):
        return _Assignment([plates] * len(frame), (), False)
    named = frame[PLATEMAP].tolist() if PLATEMAP in frame else [Path(table.name).stem] * len(frame)
    listed = sorted({plate for plate_map in set(named) if plate_map for plate in barcodes.get(plate_map, ())})
    matched, notes = match_plates(listed, plates, aliases, table.name, quiet=True)
    by_map = {m: [p for code in barcodes.get(m, ()) for p in matched.get(code, ())] for m in set(named) if m}
    return _Assignment([by_map.get(plate_map, ()) if plate_map else () for plate_map in named], notes, True)


def _join_plates(table: Table, rows: dict[WellKey, dict[str, str]], aliases: Mapping[str, Sequence[str]]) -> None:
    """Give each well that has a row what a barcode table says of its plate (batch, time point)."""
    plates = sorted({plate for plate, _ in rows})
    fields = [name for name in table.frame.columns if name not in (PLATE, PLATEMAP)]
    codes = sorted(set(table.frame[PLATE].dropna()))
    matched, _ = match_plates(codes, plates, aliases, table.name, quiet=True)
    for record in table.frame.to_dict("records"):
        for plate in matched.get(record[PLATE], ()):
            for (other, _), row in rows.items():
                if other == plate and row:
                    row.update({name: record[name] for name in fields if record[name] is not None and name not in row})


def _join_compounds(table: Table, rows: dict[WellKey, dict[str, str]]) -> str:
    """Give each well what a table says of its compound (and dose, where both tables have one)."""
    known = {field for row in rows.values() for field in row}
    here = columns.find_columns(table.frame.columns, columns.COMPOUND_ID_WORDS)
    there = {columns.word(field): field for field in sorted(known)}
    shared = [(header, there[columns.word(header)]) for header in here if columns.word(header) in there]
    if not shared:
        raise MetadataError(
            f"{table.name}: has no well, and none of its columns {', '.join(table.frame.columns[:8])} is in the plate "
            "map, so that it could be joined by compound"
        )
    mine, theirs = shared[0]
    doses = [h for h in table.frame.columns if columns.dose_factor(h) is not None and columns.word(h) in there]
    pairs = [(mine, theirs), *[(header, there[columns.word(header)]) for header in doses]]
    entries: dict[tuple[str, ...], dict[str, str]] = {}
    for record in table.frame.to_dict("records"):
        key = tuple(_comparable(record[header]) for header, _ in pairs)
        entries.setdefault(key, {str(h): v for h, v in record.items() if v is not None})
    n_joined = 0
    for row in rows.values():
        if not row:
            continue
        entry = entries.get(tuple(_comparable(row.get(field)) for _, field in pairs))
        if entry is not None:
            n_joined += 1
            for header, value in entry.items():
                row.setdefault(there.get(columns.word(header), header), value)
    by = " and ".join(header for header, _ in pairs)
    return f"{table.name}: {len(entries)} entries joined by {by} to {n_joined} of {len(rows)} wells"


def _comparable(cell: str | None) -> str:
    if cell is None:
        return ""
    try:
        return repr(float(cell))
    except ValueError:
        return cell.casefold()


def _list(keys: Sequence[WellKey]) -> str:
    shown = ", ".join(f"{plate} {well}" for plate, well in keys[:LISTED])
    return f"{shown} and {len(keys) - LISTED} more" if len(keys) > LISTED else shown
