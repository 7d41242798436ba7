"""`kinfast annotate`: plate maps joined with compound libraries; what is in doubt is listed for a person to correct."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinfast.cli.options import Debug

if TYPE_CHECKING:
    from kinfast.plate.annotation.run import Annotated as Done

SHOWN = 12


def command(
    plate_maps: Annotated[
        list[Path],
        typer.Argument(
            metavar="PLATEMAP...",
            help="Tables with a row a well or an image; and which plate has which map (barcodes).",
        ),
    ],
    library: Annotated[
        list[Path] | None,
        typer.Option(
            "--library",
            help="A table of compounds: vendor library, repurposing hub, JUMP (CSV, TSV, Excel). Repeatable; "
            "the first is believed.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the annotated tables.")] = Path("annotated"),
    corrections: Annotated[
        Path | None,
        typer.Option("--corrections", help="Where a person corrects. Default: corrections.csv in --out."),
    ] = None,
    min_compounds: Annotated[
        int, typer.Option("--min-compounds", min=0, help="Targets of fewer compounds are left out, and named.")
    ] = 0,
    stated: Annotated[
        list[str] | None,
        typer.Option(
            "--stated",
            metavar="NAME=NUMBER",
            help="A count that a paper or a protocol states, to be audited: plates, wells (of a plate), "
            "sites (of a well), images, compounds, doses, doses_per_compound, rows, columns. Repeatable.",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Join plate maps with compound libraries: each well's compound, target and role, with where they came from.

    Unknown, ambiguous and contradictory entries are listed in corrections.csv: fill its column `correction` (another
    spelling, or = to accept) and run the same command again. The table wells.csv is for kinfast preprocess --metadata.

    Examples:

      kinfast annotate platemap.csv --library selleck_kinase_library.xlsx

      kinfast annotate maps.csv barcodes.csv --library vendor.xlsx --library repurposing_hub.tsv --min-compounds 3

      kinfast annotate dataset.csv --stated plates=21 --stated wells=60 --stated sites=9 --stated images=12300

      kinfast preprocess plates/ --metadata annotated/wells.csv
    """
    from kinfast.plate.annotation.run import annotate

    done = annotate(
        plate_maps, library or [], out, corrected=corrections, min_compounds=min_compounds, stated=stated or []
    )
    for line in summary_lines(done, corrections or out / "corrections.csv"):
        typer.echo(line)
    typer.echo(out / "wells.csv")


def summary_lines(done: "Done", corrections: Path) -> list[str]:
    """Say what was annotated, what is in doubt and what does not add up."""
    from kinfast.plate.annotation.audit import NO
    from kinfast.plate.annotation.corrections import OPEN
    from kinfast.plate.annotation.run import summary

    counts = summary(done)
    compounds = ", ".join(f"{number} {state}" for state, number in counts["compounds"].items() if number)
    targets = ", ".join(f"{number} {state}" for state, number in counts["targets"].items() if number)
    lines = [*done.notes, f"compounds: {compounds or 'none'}", f"target cells: {targets or 'none'}"]
    lines.append(f"wells: {counts['wells']}, {counts['wells_with_target']} with a target")
    against = [check for check in done.checks if check.agrees == NO]
    lines += [f"does not add up: {check.text}" for check in against[:SHOWN]]
    if len(against) > SHOWN:
        lines.append(f"and {len(against) - SHOWN} more in audit.csv")
    waiting = [doubt for doubt in done.doubts if doubt.status == OPEN and not doubt.correction]
    if waiting:
        lines.append(f"{len(waiting)} entries to correct in {corrections}, then run the same command again:")
        lines += [f"  {doubt.kind} {doubt.found!r}: {doubt.problem}" for doubt in waiting[:SHOWN]]
        lines += [f"  and {len(waiting) - SHOWN} more"] if len(waiting) > SHOWN else []
    return lines
