"""CellProfiler's LoadData tables: a CSV that names each image's file, plate, well and site instead of a pattern."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from kinfast.domain import IgnoredFile, WellName, parse_well
from kinfast.errors import ConventionError, InputError, MetadataError
from kinfast.plate import table_columns as columns
from kinfast.plate.discovery import FoundFile, Tree
from kinfast.plate.plate_names import safe_name
from kinfast.plate.reading import NamedImage, Reading
from kinfast.plate.tables import read_header, read_table

LOADDATA = "loaddata"
SITE_WORDS = ("site", "fieldid", "field", "fov")
TIME_WORDS = ("timepoint", "timepointid", "time")
PLANE_WORDS = ("planeid", "plane", "zplane")
_FILE = re.compile(r"^(?:image_)?(?:filename|url)_(?:orig)?(?P<channel>.+)$", re.IGNORECASE)
_NO_CHANNEL = re.compile(r"^(illum|.*outlines?$)", re.IGNORECASE)


class _Columns(NamedTuple):
    """Where a table says what: channel -> (column of files, column of folders or None), and the key's columns."""

    files: dict[str, tuple[str, str | None]]
    plate: str | None
    well: str | None
    row: str | None
    column: str | None
    site: str | None
    time: str | None
    plane: str | None


@dataclass(frozen=True, slots=True)
class LoadData:
    """Tables read against a tree. `share`: of the TIFF files, those that a table names."""

    reading: Reading
    tables: tuple[str, ...]
    share: float


def find_tables(tree: Tree) -> list[Path]:
    """Find the LoadData tables that lie in a tree."""
    found = []
    for folder in tree.folders:
        for name in folder.others:
            path = tree.root / folder.path / name
            if name.lower().endswith(".csv") and is_loaddata(read_header(path)):
                found.append(path)
    return found


def is_loaddata(header: Sequence[str]) -> bool:
    """Tell whether a header names files of images and a well for each."""
    seen = _recognise(header)
    return bool(seen.files) and (seen.well is not None or (seen.row is not None and seen.column is not None))


def read_loaddata(tree: Tree, paths: Iterable[Path]) -> LoadData:
    """Read a tree by its tables.

    The folders in a table are mostly another machine's: a file is found by its name, and among files of one name by
    its last folders. Where two lines of a table lead to one file, only the line whose folders fit better has it.

    Raises:
        ConventionError: a table is no LoadData table, or a well in it is none.
    """
    by_name: dict[str, list[tuple[str, FoundFile]]] = defaultdict(list)
    for folder in tree.folders:
        for file in folder.tiffs:
            by_name[file.name].append((folder.path, file))
    names, claims, absent = [], [], 0
    for path in paths:
        names.append(path.name)
        found, missing = _read_one(path, by_name)
        claims += found
        absent += missing
    images, lost = _settle(claims)
    absent += lost
    listed = {image.path for image in images}
    notes = (f"images that {', '.join(names)} lists and that are not on disk: {absent}",) if absent else ()
    reading = Reading(
        tuple(images),
        _unlisted(tree, listed),
        {},
        _folders(images),
        notes,
    )
    return LoadData(reading, tuple(names), len(listed) / max(tree.n_tiffs, 1))


def _recognise(header: Sequence[str]) -> _Columns:
    by_lower = {name.lower(): name for name in header}
    files: dict[str, tuple[str, str | None]] = {}
    for name in header:
        found = _FILE.match(name)
        if found is None or _NO_CHANNEL.match(found["channel"]):
            continue
        folder = by_lower.get(re.sub("filename", "pathname", name.lower(), count=1))
        files.setdefault(found["channel"], (name, None if "url_" in name.lower() else folder))
    words = (
        columns.PLATE_WORDS, columns.WELL_WORDS, columns.ROW_WORDS, columns.COLUMN_WORDS, SITE_WORDS, TIME_WORDS,
        PLANE_WORDS,
    )  # fmt: skip
    return _Columns(files, *(columns.find_column(header, choice) for choice in words))


class _Claim(NamedTuple):
    """A line of a table that leads to a file: the place that the line names, and how many of its folders fit."""

    image: NamedImage
    place: str
    fit: int


def _settle(claims: Sequence[_Claim]) -> tuple[list[NamedImage], int]:
    """Give each file to the place in a table that fits best; return the images, and how many lines went without."""
    by_file: dict[str, list[_Claim]] = defaultdict(list)
    for claim in claims:
        by_file[claim.image.path].append(claim)
    images: set[NamedImage] = set()
    lost = 0
    for rivals in by_file.values():
        best = max(claim.fit for claim in rivals)
        places = {claim.place for claim in rivals if claim.fit == best}
        winners = {claim.image for claim in rivals if claim.fit == best} if len(places) == 1 else set()
        images |= winners
        lost += len({claim.image for claim in rivals} - winners)
    return sorted(images), lost


def _read_one(path: Path, by_name: dict[str, list[tuple[str, FoundFile]]]) -> tuple[list[_Claim], int]:
    try:
        table = read_table(path)
    except MetadataError as error:
        raise ConventionError(str(error)) from None
    if not is_loaddata(list(table.columns)):
        raise ConventionError(
            f"{path}: columns {', '.join(table.columns[:8])}; wanted FileName_<channel>, PathName_<channel> and "
            "Metadata_Plate, Metadata_Well, Metadata_Site"
        )
    seen = _recognise(list(table.columns))
    claims: list[_Claim] = []
    missing = 0
    for line, row in zip(table.index, table.to_dict("records"), strict=True):
        key = _key({str(name): cell for name, cell in row.items()}, seen, f"{path.name}, row {line}")
        for channel, (file_column, folder_column) in seen.files.items():
            if row[file_column] is None:
                continue
            where, name = _split(str(row[file_column]), str(row[folder_column] or "") if folder_column else "")
            found = _locate(by_name.get(name, []), where)
            if found is None:
                missing += 1
                continue
            fit, folder, file = found
            full, plane = (f"{folder}/{name}" if folder else name), (key[4] if seen.plane else None)
            image = NamedImage(full, *key[:4], channel, plane, file.size_bytes, file.mtime_ns)
            claims.append(_Claim(image, "/".join((*where, name)), fit))
    return claims, missing


def _key(row: dict[str, str | None], seen: _Columns, where: str) -> tuple[str, WellName, int, int, int]:
    try:
        if seen.well is not None:
            well = parse_well(row[seen.well] or "")
        else:
            letter, number = row[str(seen.row)] or "", row[str(seen.column)] or ""
            well = parse_well(f"r{letter}c{number}" if letter.isdigit() else f"{letter}{number}")
        numbers = [int(float(row[name] or 1)) if name else 1 for name in (seen.site, seen.time, seen.plane)]
    except (InputError, ValueError) as error:
        raise ConventionError(f"{where}: {error}") from None
    plate = safe_name((row[seen.plate] if seen.plate else None) or "plate")
    return plate, well, numbers[0], numbers[1], numbers[2]


def _split(file: str, folder: str) -> tuple[list[str], str]:
    """Split into the folders, outermost first, and the file's name; URLs and Windows' paths, too."""
    text = unquote(file) if "://" in file or file.startswith("file:") else file
    parts = [part for part in f"{folder}/{text}".replace("\\", "/").split("/") if part not in ("", ".")]
    return parts[:-1], parts[-1] if parts else ""


def _locate(candidates: list[tuple[str, FoundFile]], where: list[str]) -> tuple[int, str, FoundFile] | None:
    """Find the file whose folders share the most with those of the table, counted from the last; None for a tie."""
    ranked = [(_shared_tail(folder.split("/"), where), folder, file) for folder, file in candidates]
    best = max((fit for fit, _, _ in ranked), default=0)
    fitting = [found for found in ranked if found[0] == best]
    return fitting[0] if len(fitting) == 1 else None


def _shared_tail(one: list[str], other: list[str]) -> int:
    count = 0
    while count < min(len(one), len(other)) and one[-1 - count] == other[-1 - count]:
        count += 1
    return count


def _unlisted(tree: Tree, listed: set[str]) -> tuple[IgnoredFile, ...]:
    ignored = list(tree.left_out)
    for folder in tree.folders:
        where = f"{folder.path}/" if folder.path else ""
        for file in folder.tiffs:
            if where + file.name not in listed:
                ignored.append(IgnoredFile(where + file.name, "the LoadData table does not name it"))
        ignored += [IgnoredFile(where + name, "not a TIFF file") for name in folder.others]
    return tuple(sorted(ignored, key=lambda file: file.path))


def _folders(images: Iterable[NamedImage]) -> dict[str, tuple[str, ...]]:
    folders: dict[str, set[str]] = defaultdict(set)
    for image in images:
        folders[image.plate].add(image.path.rpartition("/")[0])
    return {plate: tuple(sorted(paths)) for plate, paths in folders.items()}
