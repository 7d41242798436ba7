"""A well while it is annotated, and the columns that annotating adds."""

from dataclasses import dataclass, field

from kinfast.plate.annotation.library import Entry
from kinfast.plate.annotation.matching import State
from kinfast.plate.annotation.plate_map import Origin

COMPOUND_RAW, TARGET_RAW = "Metadata_Compound_raw", "Metadata_Target_raw"
GROUP, STATE, RULE = "Metadata_Target_group", "Metadata_Annotation", "Metadata_Annotation_rule"
INCHIKEY = "Metadata_InChIKey"


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


def output_name(column: str) -> str:
    """Name the column of wells.csv that a table's column becomes."""
    return f"Metadata_{'_'.join(column.split())}"


def entry_origin(entry: Entry, column: str, rule: str = "library") -> Origin:
    """Say where in a library a cell stands."""
    return Origin(entry.table, entry.row, column, rule)
