"""`kinfast inspect`: what a folder of plates holds. Writes nothing."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Quiet, split_words


def command(
    plates_root: Annotated[Path, typer.Argument(metavar="PLATES", help="A folder of plates, with any folders in it.")],
    spec: Annotated[
        str | None, typer.Option("--spec", help="What the channels are: a shipped spec's name, or a YAML file.")
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option("--convention", help="How files are named: a shipped convention, a template, a YAML file."),
    ] = None,
    channels: Annotated[
        str | None, typer.Option("--channels", help='Names for the channels found: "1=DNA,2=ER"; "3=-" leaves 3 out.')
    ] = None,
    metadata: Annotated[
        list[Path] | None,
        typer.Option("--metadata", help="A table of wells, plates or compounds (CSV, TSV, Excel). May be repeated."),
    ] = None,
    plane: Annotated[str, typer.Option("--plane", help="max projects the Z steps; a number takes that step.")] = "max",
    plates: Annotated[
        list[str] | None, typer.Option("--plates", help="Only this plate. May be repeated, or a,b,c.")
    ] = None,
    wells: Annotated[
        list[str] | None, typer.Option("--wells", help="Only these wells: B02,B03. May be repeated.")
    ] = None,
    sample: Annotated[int, typer.Option("--sample", min=0, help="How many files' headers to read.")] = 200,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show what a folder of plates holds: plates, wells, sites, channels, gaps and oddities. Writes nothing.

    Examples:

      kinfast inspect plates/

      kinfast inspect plates/ --spec kinase_u2os --metadata platemap.csv --metadata library.xlsx

      kinfast inspect plates/ --channels "1=Brightfield,2=ER,3=AGP,4=Mito,5=DNA,6=RNA"

      kinfast inspect plates/ --convention "{plate}/{well}_f{site}_{channel}.tif"
    """
    from kinfast.cli.inspect_tables import draw
    from kinfast.cli.progress import make_reporter
    from kinfast.plate.channels import parse_channel_map
    from kinfast.plate.headers import read_headers
    from kinfast.plate.open import open_plates

    with make_reporter(quiet) as reporter:
        found = open_plates(
            plates_root,
            spec=spec,
            convention=convention,
            channels=parse_channel_map(channels) if channels else None,
            plane=plane,
            metadata=metadata or (),
            plates=split_words(plates),
            wells=split_words(wells),
            reporter=reporter,
        )
        headers = read_headers(found, sample, reporter) if sample else ()
    draw(found, headers)
