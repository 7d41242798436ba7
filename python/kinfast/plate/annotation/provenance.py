"""Where every cell of wells.csv comes from: file, row, column and rule."""

from collections.abc import Sequence

import pandas as pd

from kinfast import schema
from kinfast.plate import table_columns as columns
from kinfast.plate.annotation.annotated import Annotated, output_name
from kinfast.plate.annotation.plate_map import Origin, WellKey

PROVENANCE = ["plate", "well", "column", "value", "file", "row", "source_column", "rule"]


def trace_cells(frame: pd.DataFrame, keys: Sequence[WellKey], done: Sequence[Annotated]) -> pd.DataFrame:
    """Trace the cells of the annotated wells, `PROVENANCE`: a row an origin, none for a cell that has none."""
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
    wanted = {output_name(name) for name in one.row if _derives(name, column)}
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
