"""Annotates wells: plate maps joined with libraries, doubts listed, corrections applied, every cell with its origin."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from kinfast import schema
from kinfast.plate.annotation.annotated import (
    COMPOUND_RAW,
    GROUP,
    INCHIKEY,
    RULE,
    STATE,
    TARGET_RAW,
    Annotated,
    output_name,
)
from kinfast.plate.annotation.corrections import Corrections, Doubt
from kinfast.plate.annotation.doubt_list import DoubtList
from kinfast.plate.annotation.kinases import kinase_table
from kinfast.plate.annotation.library import Library, find_fields
from kinfast.plate.annotation.matching import Matcher, State
from kinfast.plate.annotation.plate_map import BETWEEN, WellKey, WellRecord
from kinfast.plate.annotation.provenance import trace_cells
from kinfast.plate.annotation.targets import are_symbols, parse_targets
from kinfast.plate.annotation.well_compounds import CompoundReader
from kinfast.plate.annotation.well_targets import KNOWLEDGE, TargetReader
from kinfast.plate.label_columns import derive_labels, text_column


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
    return Annotation(
        wells=frame,
        provenance=trace_cells(frame, list(wells), done),
        doubts=tuple(worker.doubts.all()),
        compounds=_counts(worker.compounds.states.values(), [str(state) for state in State]),
        targets=_counts(worker.targets.states.values(), KNOWLEDGE),
        notes=notes,
    )


class _Annotator:
    """Annotates one well after another, and remembers what was in doubt, and where."""

    def __init__(
        self, wells: Mapping[WellKey, WellRecord], libraries: Sequence[Library], corrections: Corrections
    ) -> None:
        headers = list(dict.fromkeys(name for record in wells.values() for name in record.cells))
        matcher, fields = Matcher(libraries), find_fields(headers)
        symbols = are_symbols(r.cells[fields.target] for r in wells.values() if fields.target in r.cells)
        self.doubts = DoubtList()
        self.compounds = CompoundReader(matcher, fields, corrections, self.doubts)
        self.targets = TargetReader(matcher, fields, corrections, self.doubts, symbols)

    def annotate(self, key: WellKey, record: WellRecord) -> Annotated:
        """Annotate one well."""
        where = " ".join(word for word in key if word)
        done = Annotated(dict(record.cells))
        matches = self.compounds.find(record, where)
        self.compounds.write(done, record, matches)
        self.targets.write(done, record, matches, where)
        for column, origins in record.origins.items():
            done.origins.setdefault(output_name(column), origins)
        return done


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
