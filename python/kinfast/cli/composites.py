"""`kinfast composites`: a prepared store's composites as image files."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Quiet

EPILOG = """
[bold]Examples[/bold]

  kinfast composites prepared/ --out composites

  kinfast composites prepared/ --out composites --composites MiCoPh,MiSyHo,SyHoPh --panel

  kinfast composites prepared/ --out composites --composites "DNA+RNA+ER,AGP+Mito+DNA"
"""


def command(
    prepared: Annotated[Path, typer.Argument(help="The store that preprocess made.")] = Path("prepared"),
    out: Annotated[Path, typer.Option("--out", help="Folder for the images.")] = Path("composites"),
    composites: Annotated[
        str | None,
        typer.Option("--composites", help="Names or channels joined by +. Default: all that the data set names."),
    ] = None,
    panel: Annotated[
        bool, typer.Option("--panel", help="Each site's composites side by side, too, with captions.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write composites as PNG images: one folder per composite, beside labels.csv."""
    from kinfast.cli.progress import make_reporter
    from kinfast.data.composites import buildable, parse_composites
    from kinfast.data.store import PreparedStore
    from kinfast.report.composites import export_composites

    store = PreparedStore.open(prepared)
    chosen = parse_composites(composites or list(buildable(store)) or None, store)
    with make_reporter(quiet) as reporter:
        n_sites = export_composites(store, chosen, out, panel=panel, reporter=reporter)
    for composite in chosen:
        typer.echo(f"{composite.name}: red, green, blue = {', '.join(composite.channels)}")
    typer.echo(f"{out}: {n_sites:,} sites, {len(chosen)} folders, labels.csv")
