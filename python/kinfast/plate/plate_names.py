"""Which plate a folder's images belong to: the nearest folder with a name of its own."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kinfast.domain import parse_well
from kinfast.errors import InputError
from kinfast.plate.conventions import common_rules
from kinfast.plate.name_reader import NameReader
from kinfast.plate.tokens import normal_token

_DATE = re.compile(r"(19|20)\d{2}[-_.]?(0[1-9]|1[0-2])[-_.]?([0-2]\d|3[01]).*")
_CHANNEL_FOLDER = re.compile(r"(?:w|c|ch|channel|wavelength)[ _-]?0*(\d+)", re.IGNORECASE)
_CHANNEL_TAIL = re.compile(r"(?P<plate>.*[^-_ ])[-_ ]?w(?P<channel>\d)", re.IGNORECASE)
_UNSAFE = re.compile(r"[/\\:*?\"<>|\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class FolderName:
    """What a folder's path says of the plate.

    Attributes:
        plate: the plate's name; None where no folder below or at the root has one of its own.
        base: the plate's name without the suffix of a repeated measurement.
        acquisition: the parts of the path that tell one acquisition from another (dates, ids, named folders).
    """

    plate: str | None
    base: str | None
    acquisition: tuple[str, ...]


def safe_name(text: str) -> str:
    """Make a plate's name fit to be a file's name on every system."""
    return _UNSAFE.sub("_", text).strip(" .") or "plate"


def name_folder(path: str, root: Path, reader: NameReader, wells: Iterable[str], channels: Iterable[str]) -> FolderName:
    """Find the plate's name for a folder whose images show these wells and channel tokens."""
    parts = [part for part in path.split("/") if part]
    only_well, only_channel = _only(wells), _only(channels)
    keep: list[str] = []
    named: tuple[str, str] | None = None
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if reader.folder_fields(part) is not None or _is_well(part, only_well) or _is_channel(part, only_channel):
            continue
        if _is_date(part) or (part.isdigit() and index > 0 and _is_date(parts[index - 1])):
            keep.append(part)
            continue
        if is_nameless(part):
            continue
        found, base = _plate_of(part, reader, only_channel)
        keep.append(base if only_channel else part)
        named = named or (found, base)
    if named is None and not is_nameless(root.name) and not _is_date(root.name) and root.name:
        named = _plate_of(root.name, reader, only_channel)
    acquisition = tuple(reversed(keep))
    return FolderName(None, None, acquisition) if named is None else FolderName(*named, acquisition)


def ancestor_name(root: Path) -> str:
    """Name a plate by the nearest folder above the root that has a name of its own."""
    for folder in (root, *root.parents):
        if folder.name and not is_nameless(folder.name) and not _is_date(folder.name):
            return folder.name
    return "plate"


@cache
def _nameless_patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text, re.IGNORECASE) for text in common_rules().nameless)


def is_nameless(name: str) -> bool:
    """Tell whether a folder's name is a word that many plates share (Images, TimePoint_1, a date)."""
    return any(pattern.fullmatch(name) for pattern in _nameless_patterns())


def _is_date(name: str) -> bool:
    return _DATE.fullmatch(name) is not None and is_nameless(name)


def _only(values: Iterable[str]) -> str | None:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _is_well(name: str, only_well: str | None) -> bool:
    if only_well is None:
        return False
    try:
        return parse_well(name.replace(" ", "")) == only_well
    except InputError:
        return False


def _is_channel(name: str, only_channel: str | None) -> bool:
    if only_channel is None:
        return False
    numbered = _CHANNEL_FOLDER.fullmatch(name)
    return (normal_token(numbered[1]) if numbered else name.lower()) in (only_channel, only_channel.lower())


def _plate_of(folder: str, reader: NameReader, only_channel: str | None) -> tuple[str, str]:
    """Give (name, name without the measurement's suffix) of a folder with a name of its own."""
    for pattern in reader.plate_folders:
        found = pattern.fullmatch(folder)
        if found is not None:
            base = found["plate"]
            number = int(found.groupdict().get("measurement") or 1)
            return (base if number == 1 else f"{base}-Measurement{number}"), base
    tail = _CHANNEL_TAIL.fullmatch(folder)
    if tail is not None and tail["channel"] == only_channel:  # BBBC022 keeps each wavelength in a folder of its own
        return tail["plate"], tail["plate"]
    return folder, folder


def suffix_repeats(
    plate: str, acquisitions: Sequence[tuple[str, ...]], collide: Callable[[int, int], bool]
) -> list[str]:
    """Name each acquisition of one plate: those that show the same images again get a suffix, in the paths' order.

    Args:
        plate: the name they all have.
        acquisitions: their paths, sorted.
        collide: whether two of them, by index, hold an image of the same key.
    """
    names: list[str] = []
    for index, parts in enumerate(acquisitions):
        clash = next((other for other in range(index) if names[other] == plate and collide(other, index)), None)
        if clash is None:
            names.append(plate)
            continue
        own = [part for part in parts if part not in acquisitions[clash]] or [str(index + 1)]
        tail = "-".join(_without(part, plate) for part in own)
        names.append(f"{plate}-{tail}")
    return names


def _without(part: str, plate: str) -> str:
    shorter = part.removeprefix(plate).strip("-_ ")
    return shorter or part
