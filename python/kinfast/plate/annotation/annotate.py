"""Annotates wells: plate maps joined with libraries, doubts listed, corrections applied, every cell with its origin."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from kinfast import schema
from kinfast.plate import table_columns as columns
from kinfast.plate.annotation import corrections as doubts
from kinfast.plate.annotation.corrections import ACCEPT, Corrections, Doubt
from kinfast.plate.annotation.kinases import kinase_table
from kinfast.plate.annotation.library import Entry, Fields, Library, find_fields
from kinfast.plate.annotation.matching import Match, Matcher, State
from kinfast.plate.annotation.plate_map import BETWEEN, Origin, WellKey, WellRecord, compounds_of, fewer_annotated
from kinfast.plate.annotation.spelling import normalise_text
from kinfast.plate.annotation.targets import TargetSet, are_symbols, parse_targets, read_mechanism, suggest
from kinfast.plate.label_columns import derive_labels, text_column
from kinfast.plate.roles import VEHICLE, is_vehicle

COMPOUND_RAW, TARGET_RAW = "Metadata_Compound_raw", "Metadata_Target_raw"
GROUP, STATE, RULE = "Metadata_Target_group", "Metadata_Annotation", "Metadata_Annotation_rule"
INCHIKEY = "Metadata_InChIKey"
PROVENANCE = ["plate", "well", "column", "value", "file", "row", "source_column", "rule"]
LISTED = 5
OWN = {columns.word(name) for name in (schema.PLATE, schema.WELL, *schema.LABELS)}
"""Columns of a library that wells.csv has of its own."""


@dataclass(slots=True)
class Annotated:
    """One well, annotated. `origins` holds, for each output column, where its value came from."""

    row: dict[str, str]
    compound: str | None = None
    raw: str | None = None
    target: str | None = None
    target_raw: str | None = None
    inchikey: str | None = None
    states: list[State] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    origins: dict[str, list[Origin]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What annotating gave.

    Attributes:
        wells: a row a well, in schema's columns; `Metadata_Plate` is empty where no table names plates.
        provenance: PROVENANCE's columns, a row a cell.
        doubts: what a person should look at.
        compounds: number of distinct compounds by state.
        targets: number of distinct target cells by state: known, unknown, ambiguous, none.
        notes: lines to print.
    """

    wells: pd.DataFrame
    provenance: pd.DataFrame
    doubts: tuple[Doubt, ...]
    compounds: dict[str, int]
    targets: dict[str, int]
    notes: tuple[str, ...]


def annotate_wells(
    wells: Mapping[WellKey, WellRecord], libraries: Sequence[Library], corrections: Corrections
) -> Annotation:
    """Annotate wells.

    Args:
        wells: of `read_plate_maps`.
        libraries: the first that knows a compound's target is believed.
        corrections: a person's; what is used of them is marked in it.

    Raises:
        MetadataError: a dose is no number.
    """
    worker = _Annotator(wells, libraries, corrections)
    done = [worker.annotate(key, record) for key, record in wells.items()]
    frame, notes = derive_labels(list(wells), [one.row for one in done])
    frame = _overwrite(frame, done)
    provenance = _provenance(frame, list(wells), done)
    return Annotation(frame, provenance, tuple(worker.doubts()), worker.compounds(), worker.targets(), notes)


class _Annotator:
    """Annotates one well after another, and remembers what was in doubt, and where."""

    def __init__(
        self, wells: Mapping[WellKey, WellRecord], libraries: Sequence[Library], corrections: Corrections
    ) -> None:
        self._matcher, self._corrections = Matcher(libraries), corrections
        self._has_library = bool(libraries)
        headers = list(dict.fromkeys(name for record in wells.values() for name in record.cells))
        self._fields = find_fields(headers)
        target = self._fields.target
        self._symbols = are_symbols(r.cells[target] for r in wells.values() if target in r.cells)
        self._found: dict[tuple[str, ...], Match] = {}
        self._states: dict[str, State] = {}
        self._read: dict[str, str] = {}
        self._doubts: dict[tuple[str, str], Doubt] = {}
        self._where: dict[tuple[str, str], list[str]] = defaultdict(list)

    def annotate(self, key: WellKey, record: WellRecord) -> Annotated:
        """Annotate one well."""
        where = " ".join(word for word in key if word)
        done = Annotated(dict(record.cells))
        matches = [self._match(cells, where) for cells in self._compounds(record, where)]
        if matches:
            self._name(done, record, matches)
        self._fill(done, [match for _, match in matches])
        self._set_targets(done, record, matches, where)
        for column, origins in record.origins.items():
            done.origins.setdefault(f"Metadata_{'_'.join(column.split())}", origins)
        return done

    def doubts(self) -> list[Doubt]:
        """Give what was in doubt, each with where it occurs."""
        found = []
        for key, doubt in self._doubts.items():
            places = list(dict.fromkeys(self._where[key]))
            more = f" and {len(places) - LISTED} more" if len(places) > LISTED else ""
            found.append(
                Doubt(doubt.kind, doubt.found, ", ".join(places[:LISTED]) + more, doubt.problem, doubt.candidates)
            )
        return found

    def compounds(self) -> dict[str, int]:
        """Count distinct compounds by state."""
        return _counts(self._states.values(), [str(state) for state in State])

    def targets(self) -> dict[str, int]:
        """Count distinct target cells by state."""
        return _counts(self._read.values(), ["known", "unknown", "ambiguous"])

    def _compounds(self, record: WellRecord, where: str) -> list[dict[str, str]]:
        corrected = self._corrections.decided(doubts.WELL, where)
        found = compounds_of(record, self._fields.identify)
        if corrected is not None and corrected != ACCEPT:
            return [{"correction": name.strip()} for name in corrected.split(BETWEEN) if name.strip()]
        fewer = fewer_annotated(record, self._fields.identify)
        if fewer and corrected is None:
            self._doubt(doubts.WELL, where, where, f"several compounds, annotated with fewer: {fewer}")
        return found

    def _match(self, cells: dict[str, str], where: str) -> tuple[str, Match]:
        """Look a compound up. Returns what the plate map calls it, and what was found."""
        raw = next(iter(cells.values()))
        raw = next((cells[name] for name in self._fields.names if name in cells), raw)
        if any(map(is_vehicle, cells.values())):
            self._states[raw] = State.CONTROL
            return raw, Match(State.CONTROL, rule="a word for the vehicle")
        corrected = self._corrections.decided(doubts.COMPOUND, raw)
        key = (*cells, *cells.values(), corrected or "")
        if key not in self._found:
            fields = Fields((), ("correction",), (), None, None, None, None) if "correction" in cells else self._fields
            self._found[key] = self._decide(cells, fields, corrected)
        match = self._found[key]
        self._states[raw] = match.state
        if self._has_library and corrected is None and match.state is not State.JOINED:
            names = BETWEEN.join(dict.fromkeys(entry.name for entry in match.entries))
            rule = f" ({match.rule})" if match.rule else " in no library"
            self._doubt(doubts.COMPOUND, raw, where, f"{match.state}{rule}", names)
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
            corrected = self._corrections.rows.get((doubts.COMPOUND, raw))
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
            done.origins[INCHIKEY] = [_origin(found[0], found[0].fields.inchikey or "") for found in entries]
        if len(matches) != 1 or not entries:
            return
        for entry in entries[0]:
            for column, cell in entry.cells.items():
                if columns.dose_factor(column) is None and column not in done.row and columns.word(column) not in OWN:
                    done.row[column] = cell
                    done.origins[f"Metadata_{'_'.join(column.split())}"] = [_origin(entry, column)]

    def _set_targets(
        self, done: Annotated, record: WellRecord, matches: Sequence[tuple[str, Match]], where: str
    ) -> None:
        said = self._said_targets(matches, where)
        own = record.cells.get(self._fields.target or "")
        if own is not None and not any(word.strip("|") == "" for word in [own]):
            mine = self._parse(own, self._symbols, where)
            theirs = {name for target, _ in said for name in target.names}
            decided = self._corrections.decided(doubts.ASSIGNED, done.raw or own)
            if decided is not None and decided != ACCEPT:
                mine = parse_targets(decided)
            elif decided is None and theirs and mine.names and not theirs & set(mine.names):
                both = f"{mine.text} in the plate map, {BETWEEN.join(sorted(theirs))} in the library"
                self._doubt(
                    doubts.ASSIGNED, done.raw or own, where, f"contradictory: {both}", BETWEEN.join(sorted(theirs))
                )
            done.target, done.target_raw = mine.text or None, own
            done.origins[schema.TARGET] = record.origins.get(self._fields.target or "", [])
            return
        sets = [target for target, _ in said]
        if sets:
            done.target = _union(sets) or None
            done.target_raw = BETWEEN.join(dict.fromkeys(origin_cell for _, (origin_cell, _) in said))
            done.origins[schema.TARGET] = [origin for _, (_, origin) in said]

    def _said_targets(
        self, matches: Sequence[tuple[str, Match]], where: str
    ) -> list[tuple[TargetSet, tuple[str, Origin]]]:
        """Give what libraries say of the targets of a well's compounds, with the cells where they say it."""
        said = []
        for _, match in matches:
            if match.state is not State.JOINED:
                continue
            for entry in match.entries:
                cell = entry.cell(entry.fields.target)
                moa = entry.cell(entry.fields.mechanism)
                if cell is not None:
                    target = self._parse(cell, self._matcher.symbols(entry), where)
                    said.append((target, (cell, _origin(entry, entry.fields.target or ""))))
                    break
                if moa is not None and (names := read_mechanism(moa)):
                    origin = _origin(entry, entry.fields.mechanism or "", "the kinase that the mechanism names")
                    said.append((TargetSet(names), (moa, origin)))
                    break
        return said

    def _parse(self, cell: str, symbols: bool, where: str) -> TargetSet:
        corrected = self._corrections.decided(doubts.TARGET, cell)
        target = parse_targets(corrected if corrected and corrected != ACCEPT else cell, symbols=symbols)
        state = "ambiguous" if target.ambiguous else "unknown" if target.unknown else "known"
        self._read[cell] = "known" if corrected else state
        if corrected is None and target.unknown:
            near = BETWEEN.join(dict.fromkeys(name for word in target.unknown for name in suggest(word)))
            self._doubt(doubts.TARGET, cell, where, f"unknown: {', '.join(target.unknown)}", near)
        elif corrected is None and target.ambiguous:
            words = "; ".join(f"{word} may be {' or '.join(names)}" for word, names in target.ambiguous)
            names = BETWEEN.join(name for _, meant in target.ambiguous for name in meant)
            self._doubt(doubts.TARGET, cell, where, f"ambiguous: {words}", names)
        return target

    def _doubt(self, kind: str, found: str, where: str, problem: str, candidates: str = "") -> None:
        self._doubts.setdefault((kind, found), Doubt(kind, found, problem=problem, candidates=candidates))
        self._where[(kind, found)].append(where)


def _is_solvent(raw: str) -> bool:
    return is_vehicle(raw) and "untreated" not in raw.lower() and "mock" not in raw.lower()


def _name_column(entry: Entry) -> str:
    return next((c for c in (*entry.fields.names, *entry.fields.identify) if c in entry.cells), "")


def _origin(entry: Entry, column: str, rule: str = "library") -> Origin:
    return Origin(entry.table, entry.row, column, rule)


def _union(sets: Sequence[TargetSet]) -> str:
    words = {word for target in sets for word in target.text.split(BETWEEN) if word}
    return BETWEEN.join(sorted(words, key=lambda word: (word.endswith("?"), word)))


def _counts(values: Iterable[object], names: Sequence[str]) -> dict[str, int]:
    found = Counter(map(str, values))
    return {name: found.get(name, 0) for name in names}


def _overwrite(frame: pd.DataFrame, done: Sequence[Annotated]) -> pd.DataFrame:
    """Put the annotated labels in the place of those that the tables' columns gave, and the raw ones beside them."""
    table = kinase_table()
    compounds = [one.compound or own for one, own in zip(done, _texts(frame[schema.COMPOUND]), strict=True)]
    targets = [one.target for one in done]
    groups = [BETWEEN.join(table.groups(parse_targets(text, symbols=True).names)) if text else None for text in targets]
    new = {
        COMPOUND_RAW: text_column([one.raw for one in done]),
        TARGET_RAW: text_column([one.target_raw for one in done]),
        GROUP: text_column([group or None for group in groups]),
        INCHIKEY: text_column([one.inchikey for one in done]),
        STATE: text_column([BETWEEN.join(map(str, one.states)) or None for one in done]),
        RULE: text_column([BETWEEN.join(filter(None, one.rules)) or None for one in done]),
    }
    kept = frame.drop(columns=[name for name in new if name in frame.columns])
    kept = kept.assign(**{schema.COMPOUND: text_column(compounds), schema.TARGET: text_column(targets)})
    return pd.concat([kept, pd.DataFrame(new, index=frame.index)], axis=1)


def _texts(column: "pd.Series[str]") -> list[str | None]:
    return [None if value is None or value != value else str(value) for value in column]


def _provenance(frame: pd.DataFrame, keys: Sequence[WellKey], done: Sequence[Annotated]) -> pd.DataFrame:
    rows = []
    lists = {str(column): frame[column].tolist() for column in frame.columns}
    derived = (schema.ROLE, schema.DOSE_UM)
    for index, ((plate, well), one) in enumerate(zip(keys, done, strict=True)):
        for column, values in lists.items():
            value = values[index]
            if value is None or value != value or column in (schema.PLATE, schema.WELL):
                continue
            origins = one.origins.get(column, [])
            if not origins and column in derived:
                origins = _sources(one, column)
            rows += [(plate, well, column, value, o.file, o.row, o.column, o.rule) for o in origins]
    return pd.DataFrame(rows, columns=PROVENANCE)


def _sources(one: Annotated, column: str) -> list[Origin]:
    """Find the cells that a role or a dose was derived from; a role without a column follows from the compound."""
    wanted = {"Metadata_" + "_".join(name.split()) for name in one.row if _derives(name, column)}
    found = [origin for name in sorted(wanted) for origin in one.origins.get(name, [])]
    if found or column == schema.DOSE_UM:
        return found
    return [
        Origin(o.file, o.row, o.column, "the compound: vehicle or treatment")
        for o in one.origins.get(schema.COMPOUND, [])[:1]
    ]


def _derives(name: str, column: str) -> bool:
    if column == schema.DOSE_UM:
        return columns.dose_factor(name) is not None
    return columns.word(name) in columns.ROLE_WORDS
