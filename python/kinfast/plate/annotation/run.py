"""`kinfast annotate`, without its command line: tables in, a folder of annotated tables out."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast import schema
from kinfast.plate.annotation import audit, corrections, dictionary
from kinfast.plate.annotation.annotate import Annotation, annotate_wells
from kinfast.plate.annotation.audit import Check, audit_images, audit_stated, audit_wells
from kinfast.plate.annotation.classes import leave_out_small
from kinfast.plate.annotation.corrections import Doubt, read_corrections, write_rows
from kinfast.plate.annotation.library import open_library
from kinfast.plate.annotation.plate_map import read_plate_maps
from kinfast.plate.annotation.provenance import PROVENANCE
from kinfast.plate.tables import EXCEL_ENDINGS, read_table

WELLS, CORRECTIONS, AUDIT, ORIGINS = "wells.csv", "corrections.csv", "audit.csv", "provenance.csv"
DICTIONARY, SUMMARY = "data_dictionary.csv", "annotation.json"


@dataclass(frozen=True, slots=True)
class Annotated:
    """What a run of `annotate` wrote.

    Attributes:
        out: the folder.
        annotation: the wells, their origins and counts.
        doubts: rows of corrections.csv, open ones first.
        checks: rows of audit.csv.
        notes: lines to print.
    """

    out: Path
    annotation: Annotation
    doubts: tuple[Doubt, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


def annotate(
    plate_maps: Sequence[Path],
    libraries: Sequence[Path],
    out: Path,
    *,
    corrected: Path | None = None,
    min_compounds: int = 0,
    stated: Sequence[str] = (),
) -> Annotated:
    """Annotate plate maps with libraries and write wells.csv, corrections.csv, audit.csv and the rest.

    Args:
        plate_maps: tables with a row a well or an image, and tables that say which plate has which map.
        libraries: tables with a row a compound; the first that knows a target is believed.
        out: folder; what a person wrote into its corrections.csv is read, used and kept.
        corrected: another file of corrections.
        min_compounds: classes with fewer lose their wells' target.
        stated: counts that somebody stated, as `plates=21`.

    Raises:
        MetadataError: a table cannot be understood; UsageError: a stated count cannot.
    """
    said = audit.parse_stated(stated)
    where = corrected or out / CORRECTIONS
    earlier = read_corrections(where)
    wells, read = read_plate_maps(plate_maps)
    annotation = annotate_wells(wells, [open_library(path) for path in libraries], earlier)
    table, small = leave_out_small(annotation.wells, min_compounds)
    doubts = tuple(earlier.merged(annotation.doubts))
    checks = [*audit_stated(said), *audit_wells(table, said)]
    for path in plate_maps:
        checks += audit_images(path, said)
    done = Annotated(out, annotation, doubts, tuple(checks), (*read, *annotation.notes, *small))
    _write(done, table, [*plate_maps, *libraries], where)
    return done


def _write(done: Annotated, table: pd.DataFrame, inputs: Sequence[Path], where: Path) -> None:
    done.out.mkdir(parents=True, exist_ok=True)
    nameless = bool((table[schema.PLATE].fillna("") == "").all())
    written = table.drop(columns=[schema.PLATE]) if nameless else table
    described = [row for path in inputs for row in dictionary.describe_table(_cells(path), path.name)]
    described += dictionary.describe_table(written, WELLS)
    write_rows(_records(written), list(written.columns), done.out / WELLS)
    write_rows(_records(done.annotation.provenance), PROVENANCE, done.out / ORIGINS)
    write_rows([asdict(check) for check in done.checks], audit.COLUMNS, done.out / AUDIT)
    write_rows(described, dictionary.COLUMNS, done.out / DICTIONARY)
    write_rows([asdict(doubt) for doubt in done.doubts], corrections.COLUMNS, where)
    _write_json(summary(done), done.out / SUMMARY)


def summary(done: Annotated) -> dict[str, Any]:
    """Give the counts as they stand in annotation.json."""
    open_rows = [doubt for doubt in done.doubts if doubt.status == corrections.OPEN]
    return {
        "wells": len(done.annotation.wells),
        "wells_with_target": int(done.annotation.wells[schema.TARGET].notna().sum()),
        "compounds": done.annotation.compounds,
        "targets": done.annotation.targets,
        "to_correct": sum(not doubt.correction for doubt in open_rows),
        "corrected": sum(bool(doubt.correction) for doubt in done.doubts),
        "contradictions": [check.text for check in done.checks if check.agrees == audit.NO],
        "notes": list(done.notes),
    }


def _cells(path: Path) -> pd.DataFrame:
    if path.suffix.lower() in EXCEL_ENDINGS:
        return pd.read_excel(path, dtype=object)
    return read_table(path)


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _write_json(content: dict[str, Any], path: Path) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)  # noqa: PTH105 (one system call, on every system)
