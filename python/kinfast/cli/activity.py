"""`kinfast activity`: which compounds move cells away from the negative controls."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Quiet

EPILOG = """
[bold]Examples[/bold]

  kinfast activity prepared/

  kinfast activity prepared/ --out activity && kinfast train prepared/ --drop-inactive activity/activity.csv

  kinfast activity prepared/ --embeddings embeddings/sites.parquet
"""


def command(
    prepared: Annotated[Path, typer.Argument(help="The store that preprocess made.")] = Path("prepared"),
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder of the tables and the figure. Default: <PREPARED>-activity.", show_default=False
        ),
    ] = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(
            "--embeddings",
            help="The sites.parquet of embed, or the NPZ file of predict --embeddings, of a model that was not trained "
            "on these compounds. Default: intensity, texture and quality measures.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the permutations.")] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Test each compound, and each dose, against the negative controls of its plates; needs no model.

    Writes activity.csv (distance, p-value, q-value, active) and activity_doses.csv.
    """
    from kinfast.cli.progress import make_reporter
    from kinfast.data.profiles import profile_sites
    from kinfast.data.store import PreparedStore
    from kinfast.evaluate.activity import find_activity
    from kinfast.evaluate.embeddings import embedded_sites
    from kinfast.evaluate.run_activity import activity_entries
    from kinfast.report.activity_contents import activity_tables, draw_activity
    from kinfast.report.style import figure_style, save_figure
    from kinfast.report.tables import to_text, write_table

    store = PreparedStore.open(prepared)
    folder = out or Path(f"{prepared.resolve().name}-activity")
    with make_reporter(quiet) as reporter:
        sites, features = (
            embedded_sites(store.sites, embeddings) if embeddings is not None else profile_sites(store, reporter)
        )
        found = activity_entries(find_activity(sites, features, seed, reporter))
        tables = activity_tables(found)
        for table in tables:
            write_table(table, folder)
        with figure_style():
            save_figure(draw_activity(found), folder, "activity")
        for note in found["notes"]:
            reporter.line(note)
    typer.echo(to_text(tables[0]))
    active = sum(row["active"] for row in found["compounds"])
    typer.echo(f"{active} of {len(found['compounds'])} compounds are active, by {len(features)} features")
    typer.echo(folder / "activity.csv")
