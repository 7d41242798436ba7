"""The compounds of wells: looked up in libraries, corrected by a person, named, each name with its origin."""

from collections.abc import Sequence

from kinfast import schema
from kinfast.plate import table_columns as columns
from kinfast.plate.annotation.annotated import INCHIKEY, Annotated, entry_origin, output_name
from kinfast.plate.annotation.corrections import ACCEPT, COMPOUND, WELL, Corrections
from kinfast.plate.annotation.doubt_list import DoubtList
from kinfast.plate.annotation.library import Entry, Fields
from kinfast.plate.annotation.matching import Match, Matcher, State
from kinfast.plate.annotation.plate_map import BETWEEN, Origin, WellRecord, compounds_of, fewer_annotated
from kinfast.plate.annotation.spelling import normalise_text
from kinfast.plate.roles import VEHICLE, is_vehicle

OWN = {columns.word(name) for name in (schema.PLATE, schema.WELL, *schema.LABELS)}
"""Columns of a library that wells.csv has of its own."""


class CompoundReader:
    """Reads one well's compounds after another's.

    Attributes:
        states: what a plate map calls a compound -> what became of it.
    """

    def __init__(self, matcher: Matcher, fields: Fields, corrections: Corrections, doubts: DoubtList) -> None:
        self._matcher, self._fields, self._corrections, self._doubts = matcher, fields, corrections, doubts
        self._found: dict[tuple[str, ...], Match] = {}
        self.states: dict[str, State] = {}

    def find(self, record: WellRecord, where: str) -> list[tuple[str, Match]]:
        """Look a well's compounds up: what the plate map calls each, and what was found."""
        return [self._match(cells, where) for cells in self._compounds(record, where)]

    def write(self, done: Annotated, record: WellRecord, matches: Sequence[tuple[str, Match]]) -> None:
        """Write the compounds' names, identities and what the library says besides into the annotated well."""
        if matches:
            self._name(done, record, matches)
        self._fill(done, [match for _, match in matches])

    def _compounds(self, record: WellRecord, where: str) -> list[dict[str, str]]:
        corrected = self._corrections.decided(WELL, where)
        found = compounds_of(record, self._fields.identify)
        if corrected is not None and corrected != ACCEPT:
            return [{"correction": name.strip()} for name in corrected.split(BETWEEN) if name.strip()]
        fewer = fewer_annotated(record, self._fields.identify)
        if fewer and corrected is None:
            self._doubts.add(WELL, where, where, f"several compounds, annotated with fewer: {fewer}")
        return found

    def _match(self, cells: dict[str, str], where: str) -> tuple[str, Match]:
        """Look a compound up. Returns what the plate map calls it, and what was found."""
        raw = next(iter(cells.values()))
        raw = next((cells[name] for name in self._fields.names if name in cells), raw)
        if any(map(is_vehicle, cells.values())):
            self.states[raw] = State.CONTROL
            return raw, Match(State.CONTROL, rule="a word for the vehicle")
        corrected = self._corrections.decided(COMPOUND, raw)
        key = (*cells, *cells.values(), corrected or "")
        if key not in self._found:
            fields = Fields((), ("correction",), (), None, None, None, None) if "correction" in cells else self._fields
            self._found[key] = self._decide(cells, fields, corrected)
        match = self._found[key]
        self.states[raw] = match.state
        if self._matcher.has_library and corrected is None and match.state is not State.JOINED:
            names = BETWEEN.join(dict.fromkeys(entry.name for entry in match.entries))
            rule = f" ({match.rule})" if match.rule else " in no library"
            self._doubts.add(COMPOUND, raw, where, f"{match.state}{rule}", names)
        return raw, match

    def _decide(self, cells: dict[str, str], fields: Fields, corrected: str | None) -> Match:
        if corrected is None:
            return self._matcher.find(cells, fields)
        if corrected == ACCEPT:
            return Match(State.JOINED, rule="accepted by a person")
        match = self._matcher.find_text(corrected)
        rule = f"corrected to {corrected}" + (f"; {match.rule}" if match.rule else ", which no library has")
        return Match(match.state, match.entries, rule)

    def _name(self, done: Annotated, record: WellRecord, matches: Sequence[tuple[str, Match]]) -> None:
        names = []
        for raw, match in matches:
            joined = match.state is State.JOINED and match.entries
            corrected = self._corrections.rows.get((COMPOUND, raw))
            own = raw if corrected is None or corrected.correction in ("", ACCEPT) else corrected.correction
            names.append(VEHICLE if match.state is State.CONTROL and _is_solvent(raw) else own)
            if joined:
                names[-1] = normalise_text(match.entries[0].name)
            done.states.append(match.state)
            done.rules.append(match.rule)
        done.raw = BETWEEN.join(raw for raw, _ in matches)
        done.compound = BETWEEN.join(dict.fromkeys(normalise_text(name) for name in names))
        sources = [
            Origin(m.entries[0].table, m.entries[0].row, _name_column(m.entries[0]), m.rule)
            for _, m in matches if m.state is State.JOINED and m.entries
        ]  # fmt: skip
        own_cells = [o for name in self._fields.identify for o in record.origins.get(name, [])]
        done.origins[schema.COMPOUND] = sources or own_cells[:1]

    def _fill(self, done: Annotated, matches: Sequence[Match]) -> None:
        """Take over what the libraries say of the well's compound; of several compounds, their identities alone."""
        entries = [match.entries for match in matches if match.state is State.JOINED and match.entries]
        keys = [next((k for e in found if (k := e.cell(e.fields.inchikey))), "") for found in entries]
        if keys and all(keys):
            done.inchikey = BETWEEN.join(keys)
            done.origins[INCHIKEY] = [entry_origin(found[0], found[0].fields.inchikey or "") for found in entries]
        if len(matches) != 1 or not entries:
            return
        for entry in entries[0]:
            for column, cell in entry.cells.items():
                if columns.dose_factor(column) is None and column not in done.row and columns.word(column) not in OWN:
                    done.row[column] = cell
                    done.origins[output_name(column)] = [entry_origin(entry, column)]


def _is_solvent(raw: str) -> bool:
    return is_vehicle(raw) and "untreated" not in raw.lower() and "mock" not in raw.lower()


def _name_column(entry: Entry) -> str:
    return next((c for c in (*entry.fields.names, *entry.fields.identify) if c in entry.cells), "")
