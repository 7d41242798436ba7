"""Reading the names of files by one convention, fast: 200,000 of them take a second or two."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from kinfast.domain import WellName, parse_well, well_name
from kinfast.errors import InputError
from kinfast.plate.conventions import Convention
from kinfast.plate.tokens import normal_token


class NameParts(NamedTuple):
    """What a file's name and folders say. None where they do not say it; offsets are applied."""

    well: WellName
    site: int
    channel: str
    plane: int | None
    time: int
    plate: str | None
    prefix: str | None


_READ = (
    "well", "row", "row_letter", "column", "well_number", "site", "channel", "plane", "time", "plate", "prefix",
)  # fmt: skip
"""The captures in the order in which `NameReader` handles them; the first five spell the well."""
Captures = tuple[str | None, ...]


class NameReader:
    """A convention made ready to read many names: patterns compiled, spellings of wells remembered.

    `columns` is the plate's number of columns, for conventions that count wells instead of naming them.
    """

    def __init__(self, convention: Convention, columns: int = 12) -> None:
        self.convention = convention
        self.columns = columns
        self.counts_wells = any("well_number" in re.compile(text).groupindex for text in convention.files)
        self.plate_folders = [_compile(text) for text in convention.plate_folders]
        self._files = [_Pattern(text) for text in convention.files]
        self._folders = [_compile(text) for text in convention.folders]
        self._wells: dict[Captures, WellName | None] = {}
        self._tokens: dict[str, str] = {}

    def match(self, folder: str, name: str) -> Captures | None:
        """Match a file, without making sense of what is captured: the words of `_READ` in their order."""
        for pattern in self._files:
            got = pattern.match(folder, name)
            if got is not None:
                return got
        return None

    def well_number(self, folder: str, name: str) -> int:
        """Give the number that a convention counts wells by; 0 where there is none."""
        got = self.match(folder, name)
        return int(got[4]) if got is not None and got[4] is not None else 0

    def folder_fields(self, name: str) -> dict[str, str] | None:
        """Read the fields that a folder's name carries; None where it carries none."""
        for pattern in self._folders:
            found = pattern.fullmatch(name)
            if found is not None:
                return {key: value for key, value in found.groupdict().items() if value is not None}
        return None

    def read(self, folder: str, name: str, inherited: Mapping[str, str]) -> NameParts | None:
        """Read a file's name; `inherited` are the fields of its folders. None where it does not fit."""
        got = self.match(folder, name)
        if got is None:
            return None
        well = self._well(got[:5])
        if well is None:
            return None
        site, token, plane, time, plate, prefix = got[5:]
        if inherited:
            plane, time = plane or inherited.get("plane"), time or inherited.get("time")
            token, plate = token or inherited.get("channel"), plate or inherited.get("plate")
        rules = self.convention
        return NameParts(
            well,
            1 if site is None else int(site) + rules.site_offset,
            self._token(token or rules.channel_default),
            None if plane is None else int(plane) + rules.plane_offset,
            1 if time is None else int(time) + rules.time_offset,
            plate,
            prefix,
        )

    def _token(self, text: str) -> str:
        known = self._tokens.get(text)
        if known is None:
            known = self._tokens[text] = normal_token(text)
        return known

    def _well(self, spelled: Captures) -> WellName | None:
        if spelled not in self._wells:
            try:
                self._wells[spelled] = self._spell_well(*spelled)
            except InputError:
                self._wells[spelled] = None
        return self._wells[spelled]

    def _spell_well(
        self, well: str | None, row: str | None, letter: str | None, column: str | None, number: str | None
    ) -> WellName:
        if well is not None:
            return parse_well(well)
        if number is not None:
            return well_name((int(number) - 1) // self.columns + 1, (int(number) - 1) % self.columns + 1)
        return well_name(int(row), int(column or 0)) if row is not None else parse_well(f"{letter}{column}")


class _Pattern:
    """A compiled pattern whose captures come out in the order of `_READ` by one call into the regex engine."""

    def __init__(self, text: str) -> None:
        self._whole_path = "/" in text
        # the group at the end never takes part: it stands for every word that the pattern does not capture
        self._pattern = _compile(f"(?:(?:.*/)?{text})(?:(?!)())?" if self._whole_path else f"(?:{text})(?:(?!)())?")
        slots: dict[str, list[int]] = {}
        for name, index in self._pattern.groupindex.items():
            slots.setdefault(name.rstrip("0123456789"), []).append(index)
        nothing = self._pattern.groups
        self._first = [slots.get(word, [nothing])[0] for word in _READ]
        self._others = [(_READ.index(word), at[1:]) for word, at in slots.items() if len(at) > 1 and word in _READ]

    def match(self, folder: str, name: str) -> Captures | None:
        found = self._pattern.fullmatch(f"{folder}/{name}" if self._whole_path else name)
        if found is None:
            return None
        got = found.group(*self._first)
        return self._with_alternatives(found, got) if self._others else got

    def _with_alternatives(self, found: re.Match[str], got: Captures) -> Captures:
        words = list(got)
        for position, groups in self._others:
            if words[position] is None:
                words[position] = next((found[group] for group in groups if found[group] is not None), None)
        return tuple(words)


def _compile(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)  # a line end may stand in a name, too
