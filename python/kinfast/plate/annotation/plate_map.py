"""What the plate maps say of each well, and in which file, row and column each cell stood."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kinfast.errors import MetadataError
from kinfast.plate import table_columns as columns
from kinfast.plate.annotation.library import ID_WORDS
from kinfast.plate.metadata_tables import PLATE, PLATEMAP, WELL, Table, open_table
from kinfast.plate.roles import is_vehicle

WellKey = tuple[str, str]
BETWEEN = "|"
"""Between several compounds in one cell."""
_SEVERAL = {*columns.COMPOUND_WORDS, *columns.TARGET_WORDS, *columns.ROLE_WORDS, *ID_WORDS, "inchikey", "smiles"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a cell came from: a file, its row (1 is the header), a column, and the rule that took it."""

    file: str
    row: int
    column: str
    rule: str


@dataclass(slots=True)
class WellRecord:
    """What the maps say of a well.

    Attributes:
        cells: by the tables' own column names; several values of one column stand between |.
        origins: of each column, in the order of the values.
        counts: number of rows that each table has for it.
    """

    cells: dict[str, str] = field(default_factory=dict)
    origins: dict[str, list[Origin]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


def read_plate_maps(paths: Sequence[Path]) -> tuple[dict[WellKey, WellRecord], tuple[str, ...]]:
    """Read plate maps and tables that say which plate has which map.

    Returns:
        A record a well, sorted by plate and well; the plate is empty where no table names plates. Lines to read.

    Raises:
        MetadataError: no table names wells, or one cannot be read.
    """
    opened = [open_table(path) for path in paths]
    maps = [table for table in opened if table.kind == "wells"]
    if not maps:
        raise MetadataError(f"{', '.join(t.name for t in opened)}: no column for the well; wanted one such as well")
    plates = _plates_by_map(opened)
    wells: dict[WellKey, WellRecord] = defaultdict(WellRecord)
    notes = []
    for table in maps:
        n_before = len(wells)
        _add_table(table, plates, wells)
        notes.append(f"{table.name}: {len(table.frame)} rows, {len(wells) - n_before} new wells")
    return dict(sorted(wells.items())), tuple(notes)


def _plates_by_map(tables: Sequence[Table]) -> dict[str, list[str]]:
    plates: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        if table.kind == "barcodes":
            for plate, plate_map in zip(table.frame[PLATE], table.frame[PLATEMAP], strict=True):
                if plate is not None and plate_map is not None:
                    plates[plate_map].append(plate)
    return plates


def _plates_of(table: Table, plates: Mapping[str, Sequence[str]]) -> list[Sequence[str]]:
    """Give the plates that each row is about: named, or those of its plate map, or one without a name."""
    frame = table.frame
    if PLATE in frame:
        return [(plate,) if plate else () for plate in frame[PLATE]]
    if PLATEMAP in frame:
        return [plates.get(plate_map, (plate_map,)) if plate_map else () for plate_map in frame[PLATEMAP]]
    return [plates.get(Path(table.name).stem, ("",))] * len(frame)


def _add_table(table: Table, plates: Mapping[str, Sequence[str]], wells: dict[WellKey, WellRecord]) -> None:
    frame = table.frame
    names = [str(name) for name in frame.columns if name not in (PLATE, WELL, PLATEMAP)]
    found: dict[WellKey, dict[str, dict[str, Origin]]] = defaultdict(lambda: defaultdict(dict))
    cells = zip(*(frame[name] for name in names), strict=True) if names else iter([()] * len(frame))
    for index, (well, row, about) in enumerate(zip(frame[WELL], cells, _plates_of(table, plates), strict=True)):
        for plate in about if well is not None else ():
            here = found[(plate, well)]
            record = wells[(plate, well)]
            record.counts[table.name] = record.counts.get(table.name, 0) + 1
            for name, cell in zip(names, row, strict=True):
                if cell is not None:
                    here[name].setdefault(str(cell), Origin(table.name, index + 2, name, "plate map"))
    varying = {name for values in found.values() for name, cells in values.items() if len(cells) > 1}
    dropped = {name for name in varying if columns.word(name) not in _SEVERAL and columns.dose_factor(name) is None}
    for key, values in found.items():
        for name, cell in values.items():
            if name not in dropped and name not in wells[key].cells:
                wells[key].cells[name] = BETWEEN.join(cell)
                wells[key].origins[name] = list(cell.values())


def compounds_of(record: WellRecord, identify: Sequence[str]) -> list[dict[str, str]]:
    """Give the well's compounds, each by the cells that identify it; none where it has none.

    A cell of several compounds (`A|B`, `A + B`, `A; B`) is divided. The column with the most says how many there are;
    a column with fewer belongs to none of them, since nothing says to which.
    """
    parts = {column: split_compounds(record.cells[column]) for column in identify if column in record.cells}
    number = max((len(words) for words in parts.values()), default=0)
    return [
        {column: words[index] for column, words in parts.items() if len(words) == number} for index in range(number)
    ]


def split_compounds(cell: str) -> list[str]:
    """Divide a cell at |, ; and + between blanks; a comma may stand within a chemical name."""
    divided = cell.replace(" + ", BETWEEN).replace("; ", BETWEEN).replace(" & ", BETWEEN)
    return [word.strip() for word in divided.split(BETWEEN) if word.strip()]


def fewer_annotated(record: WellRecord, identify: Sequence[str]) -> str | None:
    """Say where a well got several compounds and a column names fewer (K-04), None where all agree."""
    counts = {
        column: len(split_compounds(record.cells[column]))
        for column in identify
        if column in record.cells and not all(map(is_vehicle, split_compounds(record.cells[column])))
    }
    if len(set(counts.values())) < 2:
        return None
    return "; ".join(f"{count} by {column} ({record.cells[column]})" for column, count in counts.items())
