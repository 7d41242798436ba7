"""The targets of wells: what the plate map says, else the libraries, as sets of kinases; contradictions are doubts."""

from collections.abc import Sequence

from kinfast import schema
from kinfast.plate.annotation.annotated import Annotated, entry_origin
from kinfast.plate.annotation.corrections import ACCEPT, ASSIGNED, TARGET, Corrections
from kinfast.plate.annotation.doubt_list import DoubtList
from kinfast.plate.annotation.library import Fields
from kinfast.plate.annotation.matching import Match, Matcher, State
from kinfast.plate.annotation.plate_map import BETWEEN, Origin, WellRecord
from kinfast.plate.annotation.targets import TargetSet, parse_targets, read_mechanism, suggest

FROM_MECHANISM = "read from mechanisms"
KNOWLEDGE = ("known", "unknown", "ambiguous", FROM_MECHANISM)
"""What a target cell may be, once read; the last is a cell of the column beside it."""


class TargetReader:
    """Reads one well's targets after another's.

    Attributes:
        states: target cell, or mechanism where there is none -> one of `KNOWLEDGE`.
    """

    def __init__(
        self, matcher: Matcher, fields: Fields, corrections: Corrections, doubts: DoubtList, symbols: bool
    ) -> None:
        self._matcher, self._fields, self._corrections, self._doubts = matcher, fields, corrections, doubts
        self._symbols = symbols
        self.states: dict[str, str] = {}

    def write(self, done: Annotated, record: WellRecord, matches: Sequence[tuple[str, Match]], where: str) -> None:
        """Write a well's targets: those of its own cell, else those of its compounds in the libraries."""
        said = self._said_targets(matches, where)
        own = record.cells.get(self._fields.target or "")
        if own is not None and own.strip(BETWEEN):
            mine = self._parse(own, self._symbols, where)
            theirs = {name for target, _ in said for name in target.names}
            decided = self._corrections.decided(ASSIGNED, done.raw or own)
            if decided is not None and decided != ACCEPT:
                mine = parse_targets(decided)
            elif decided is None and theirs and mine.names and not theirs & set(mine.names):
                both = f"{mine.text} in the plate map, {BETWEEN.join(sorted(theirs))} in the library"
                self._doubts.add(
                    ASSIGNED, done.raw or own, where, f"contradictory: {both}", BETWEEN.join(sorted(theirs))
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
                    said.append((target, (cell, entry_origin(entry, entry.fields.target or ""))))
                    break
                if moa is not None and (names := read_mechanism(moa)):
                    origin = entry_origin(entry, entry.fields.mechanism or "", "the kinase that the mechanism names")
                    said.append((TargetSet(names), (moa, origin)))
                    self.states.setdefault(moa, FROM_MECHANISM)
                    break
        return said

    def _parse(self, cell: str, symbols: bool, where: str) -> TargetSet:
        corrected = self._corrections.decided(TARGET, cell)
        target = parse_targets(corrected if corrected and corrected != ACCEPT else cell, symbols=symbols)
        state = "ambiguous" if target.ambiguous else "unknown" if target.unknown else "known"
        self.states[cell] = "known" if corrected else state
        if corrected is None and target.unknown:
            near = BETWEEN.join(dict.fromkeys(name for word in target.unknown for name in suggest(word)))
            self._doubts.add(TARGET, cell, where, f"unknown: {', '.join(target.unknown)}", near)
        elif corrected is None and target.ambiguous:
            words = "; ".join(f"{word} may be {' or '.join(names)}" for word, names in target.ambiguous)
            names = BETWEEN.join(name for _, meant in target.ambiguous for name in meant)
            self._doubts.add(TARGET, cell, where, f"ambiguous: {words}", names)
        return target


def _union(sets: Sequence[TargetSet]) -> str:
    words = {word for target in sets for word in target.text.split(BETWEEN) if word}
    return BETWEEN.join(sorted(words, key=lambda word: (word.endswith("?"), word)))
