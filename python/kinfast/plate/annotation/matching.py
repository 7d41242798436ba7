"""Which entry of the libraries a well's compound is: by InChIKey, id, SMILES or name, the strictest rule first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kinfast.plate.annotation.library import Entry, Fields, Library
from kinfast.plate.annotation.spelling import bracketed, normalise_text, parent_id, spelled_key, without_salt
from kinfast.plate.annotation.targets import are_symbols, parse_targets

INCHIKEY_BLOCK = 14
"""Letters of an InChIKey that tell the skeleton; the rest is stereochemistry, charge and version. Source: IUPAC."""


class State(StrEnum):
    """How a compound's look-up ended."""

    JOINED = "joined"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    CONTRADICTORY = "contradictory"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Match:
    """What was found for one compound.

    Attributes:
        state: how it ended.
        entries: those found; of `joined` the first is the one to take, the others say the same.
        rule: the column that was looked up and how: `broad_sample: Broad id without its batch`.
    """

    state: State
    entries: tuple[Entry, ...] = ()
    rule: str = ""


class Matcher:
    """Looks compounds up in libraries.

    Attributes:
        has_library: whether there is any to look in.
    """

    def __init__(self, libraries: Sequence[Library]) -> None:
        self.has_library = bool(libraries)
        self._index: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        self._symbols: dict[str, bool] = {}
        for library in libraries:
            cells = [entry.cell(entry.fields.target) for entry in library.entries]
            self._symbols[library.name] = are_symbols(cell for cell in cells if cell)
            for entry in library.entries:
                for key in dict.fromkeys(_keys_of(entry)):
                    self._index[key].append(entry)

    def symbols(self, entry: Entry) -> bool:
        """Tell whether the entry's library lists targets as gene symbols."""
        return self._symbols.get(entry.table.split(" [")[0], False)

    def find(self, cells: Mapping[str, str], fields: Fields) -> Match:
        """Look one compound up by all cells that identify it.

        Two cells that lead to different compounds contradict each other; a cell that leads to several is ambiguous
        unless another settles it; a cell that leads nowhere is no evidence against the others.
        """
        found = [
            (f"{column}: {rule}", entries)
            for column in fields.identify
            if column in cells
            for rule, entries in [self._look_up(cells[column], column, fields)]
            if entries
        ]
        if not found:
            return Match(State.UNKNOWN)
        common = set.intersection(*({self.identity(entry) for entry in entries} for _, entries in found))
        if not common:
            firsts = tuple(entries[0] for _, entries in found)
            return Match(State.CONTRADICTORY, firsts, "; ".join(rule for rule, _ in found))
        rule, entries = found[0]
        chosen = [entry for entry in entries if self.identity(entry) in common]
        return self._settle(chosen, rule)

    def find_text(self, text: str) -> Match:
        """Look up one name or id of unknown kind, as a person writes it into a correction."""
        fields = Fields((), ("correction",), (), None, None, None, None)
        return self.find({"correction": text}, fields)

    def identity(self, entry: Entry) -> str:
        """Give what two rows of one compound have in common: the InChIKey's skeleton, else the name without salt."""
        key = entry.cell(entry.fields.inchikey)
        return key[:INCHIKEY_BLOCK].upper() if key else spelled_key(without_salt(entry.name))

    def _look_up(self, cell: str, column: str, fields: Fields) -> tuple[str, list[Entry]]:
        for rule, key in _queries(cell, column, fields):
            if key in self._index:
                return rule, self._index[key]
        return "", []

    def _settle(self, entries: Sequence[Entry], rule: str) -> Match:
        """One compound, or several of one spelling?

        One table's rows of a compound that differ in targets contradict each other; of several tables
        the first that names targets is believed."""
        if len({self.identity(entry) for entry in entries}) > 1:
            return Match(State.AMBIGUOUS, tuple(entries), rule)
        said: dict[str, set[str]] = defaultdict(set)
        for entry in entries:
            said[entry.table].add(self._targets(entry))
        if any(len(targets - {""}) > 1 for targets in said.values()):
            return Match(State.CONTRADICTORY, tuple(entries), rule)
        return Match(State.JOINED, tuple(entries), rule)

    def _targets(self, entry: Entry) -> str:
        cell = entry.cell(entry.fields.target)
        return parse_targets(cell, symbols=self.symbols(entry)).text if cell else ""


def _keys_of(entry: Entry) -> Iterable[tuple[str, str]]:
    """Give every key that leads to an entry, by the rule's name."""
    for column in entry.fields.identify:
        if column in entry.cells:
            yield from (key for _, key in _queries(entry.cells[column], column, entry.fields))
    for column in entry.fields.synonyms:
        for name in entry.cells.get(column, "").replace("|", ";").split(";"):
            if len(spelled_key(name)) > 2:
                yield "name", spelled_key(name)


def _queries(cell: str, column: str, fields: Fields) -> Iterable[tuple[str, tuple[str, str]]]:
    """Give the ways to look a cell up, the strictest first, with their names."""
    if column == fields.inchikey:
        yield "InChIKey", ("inchikey", cell.strip().upper())
        return
    if column == fields.smiles:
        yield "SMILES", ("smiles", cell.strip())
        return
    yield "as it stands", ("text", normalise_text(cell).casefold())
    if (parent := parent_id(cell)) is not None:
        yield "Broad id without its batch", ("text", parent)
        return
    key = spelled_key(cell)
    if key:
        yield "spelling", ("name", key)
    bare = spelled_key(without_salt(cell))
    if bare and column in fields.names:
        yield "name without salt", ("bare", bare)
        for part in bracketed(cell):
            yield "name in brackets", ("name", spelled_key(part))
            yield "name in brackets, without salt", ("bare", spelled_key(without_salt(part)))
