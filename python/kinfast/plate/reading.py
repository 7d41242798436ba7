"""Names into images: every TIFF file of a tree becomes an image of a plate, well, site and channel, or is ignored."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import NamedTuple

from kinfast.domain import IgnoredFile, WellName
from kinfast.plate.conventions import PLATE_COLUMNS, Convention, Rule, common_rules
from kinfast.plate.discovery import Folder, FoundFile, Tree
from kinfast.plate.name_reader import NameParts, NameReader
from kinfast.plate.plate_names import ancestor_name, name_folder, safe_name, suffix_repeats

MISFIT = "its name does not fit"
TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".parquet")


class NamedImage(NamedTuple):
    """A TIFF file as its name describes it; `token` is the channel's word in the name."""

    path: str
    plate: str
    well: WellName
    site: int
    time: int
    token: str
    plane: int | None
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Reading:
    """All images of a tree, and all files that are none.

    Attributes:
        images: sorted by path.
        ignored: with the reason.
        aliases: by plate, other words for it that a table of metadata may use.
        folders: by plate, the folders that its images lie in, relative to the root.
        notes: lines that a person should read.
    """

    images: tuple[NamedImage, ...]
    ignored: tuple[IgnoredFile, ...]
    aliases: dict[str, tuple[str, ...]]
    folders: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Batch:
    """The images of one folder that belong to one plate."""

    folder: str
    plate: str
    aliases: frozenset[str]
    acquisition: tuple[str, ...]
    files: tuple[tuple[FoundFile, NameParts], ...]


def read_tree(tree: Tree, convention: Convention) -> Reading:
    """Read every name of a tree by one convention."""
    reader = NameReader(convention)
    if reader.counts_wells:
        reader.columns = _columns_of_counted_wells(tree, reader)
    batches: list[_Batch] = []
    ignored = list(tree.left_out)
    for folder in tree.folders:
        read, unread = _read_folder(folder, reader)
        ignored += _explain(folder, unread, convention)
        batches += _split_by_plate(folder, read, tree, reader)
    named, notes = _name_repeats(_prefixes_where_nameless(batches, tree))
    if reader.counts_wells:
        notes.append(f"wells are counted, not named: read row by row, {reader.columns} columns to a row")
    return _collect(named, ignored, notes)


def _read_folder(folder: Folder, reader: NameReader) -> tuple[list[tuple[FoundFile, NameParts]], list[str]]:
    inherited: dict[str, str] = {}
    for part in folder.path.split("/"):
        inherited.update(reader.folder_fields(part) or {})
    read, unread = [], []
    for file in folder.tiffs:
        parts = reader.read(folder.path, file.name, inherited)
        if parts is None:
            unread.append(file.name)
        else:
            read.append((file, parts))
    return read, unread


def _explain(folder: Folder, unread: list[str], convention: Convention) -> list[IgnoredFile]:
    rules = [*convention.explain, *common_rules().explain]
    where = f"{folder.path}/" if folder.path else ""
    tiffs = [IgnoredFile(where + name, _why_unread(name, rules, convention)) for name in unread]
    return tiffs + [IgnoredFile(where + name, _why_no_tiff(name, folder, convention)) for name in folder.others]


def _why_unread(name: str, rules: list[Rule], convention: Convention) -> str:
    for rule in rules:
        if re.fullmatch(rule.pattern, name, re.IGNORECASE):
            return rule.reason
    return f"{MISFIT} the convention {convention.name}"


def _why_no_tiff(name: str, folder: Folder, convention: Convention) -> str:
    if name in convention.side_files:
        return "the microscope's own table; read, not an image"
    if not folder.path and name == "dataset.yaml":
        return "the plates' spec; read, not an image"
    return "a table, not an image" if name.lower().endswith(TABLE_ENDINGS) else "not a TIFF file"


def _columns_of_counted_wells(tree: Tree, reader: NameReader) -> int:
    """Take the smallest usual plate that holds the highest number."""
    highest = 0
    for folder in tree.folders:
        for file in folder.tiffs:
            highest = max(highest, reader.well_number(folder.path, file.name))
    return next((columns for wells, columns in PLATE_COLUMNS.items() if highest <= wells), 48)


def _split_by_plate(
    folder: Folder, read: list[tuple[FoundFile, NameParts]], tree: Tree, reader: NameReader
) -> list[_Batch]:
    if not read:
        return []
    wells, channels = {parts.well for _, parts in read}, {parts.channel for _, parts in read}
    name = name_folder(folder.path, tree.root, reader, wells, channels)
    prefixes = {parts.prefix for _, parts in read if parts.prefix}
    groups: dict[str, list[tuple[FoundFile, NameParts]]] = defaultdict(list)
    if len(prefixes) <= 1 and read[0][1].plate is None:
        groups[name.plate or ""] = read
    for file, parts in read if not groups else ():
        several = parts.prefix if len(prefixes) > 1 else None
        groups[parts.plate or several or name.plate or ""].append((file, parts))
    others = frozenset(word for word in (name.base, name.plate, *prefixes) if word)
    return [_Batch(folder.path, plate, others, name.acquisition, tuple(files)) for plate, files in groups.items()]


def _prefixes_where_nameless(batches: list[_Batch], tree: Tree) -> list[_Batch]:
    """Name what no folder names: by the prefix of the files, else by a folder above the root."""
    out = []
    for batch in batches:
        if batch.plate:
            out.append(batch)
            continue
        prefix = next((parts.prefix for _, parts in batch.files if parts.prefix), None)
        out.append(replace(batch, plate=prefix or ancestor_name(tree.root)))
    return [replace(batch, plate=safe_name(batch.plate)) for batch in out]


def _name_repeats(batches: list[_Batch]) -> tuple[list[_Batch], list[str]]:
    by_plate: dict[str, dict[tuple[str, ...], list[_Batch]]] = defaultdict(lambda: defaultdict(list))
    for batch in batches:
        by_plate[batch.plate][batch.acquisition].append(batch)
    out: list[_Batch] = []
    notes: list[str] = []
    for plate, acquisitions in sorted(by_plate.items()):
        paths = sorted(acquisitions)
        keys = [_keys(acquisitions[path]) for path in paths] if len(paths) > 1 else []
        names = suffix_repeats(plate, paths, lambda i, j, keys=keys: not keys[i].isdisjoint(keys[j]))  # type: ignore[misc]
        for path, name in zip(paths, names, strict=True):
            name = safe_name(name)
            out += [replace(batch, plate=name, aliases=batch.aliases | {plate}) for batch in acquisitions[path]]
            if name != plate:
                notes.append(f"{plate} was measured again in {'/'.join(path)}: called {name}")
    return out, notes


def _keys(batches: list[_Batch]) -> set[tuple[object, ...]]:
    return {
        (parts.well, parts.site, parts.time, parts.channel, parts.plane)
        for batch in batches
        for _, parts in batch.files
    }


def _collect(batches: list[_Batch], ignored: list[IgnoredFile], notes: list[str]) -> Reading:
    images: list[NamedImage] = []
    aliases: dict[str, set[str]] = defaultdict(set)
    folders: dict[str, set[str]] = defaultdict(set)
    for batch in batches:
        where, plate = (f"{batch.folder}/" if batch.folder else ""), batch.plate
        aliases[plate] |= batch.aliases - {plate}
        folders[plate].add(batch.folder)
        images += [
            NamedImage(
                where + file.name, plate, part.well, part.site, part.time, part.channel, part.plane,
                file.size_bytes, file.mtime_ns,
            )
            for file, part in batch.files
        ]  # fmt: skip
    images.sort(key=lambda image: image.path)
    return Reading(
        tuple(images),
        tuple(sorted(ignored, key=lambda file: file.path)),
        {plate: tuple(sorted(words)) for plate, words in aliases.items()},
        {plate: tuple(sorted(paths)) for plate, paths in folders.items()},
        tuple(notes),
    )
