"""`kinfast predict`: a run's models on any store with the same channels."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kinfast.cli.options import (
    Debug,
    Device,
    FinishedRun,
    LoaderKind,
    Quiet,
    SameChannels,
    Threads,
    let_waiting_threads_sleep,
    usable_threads,
)

EPILOG = """
[bold]Examples[/bold]

  kinfast predict runs/2026-11-23-vgg16-1 prepared

  kinfast predict runs/2026-11-23-vgg16-1 prepared_other_plates --out other.parquet

  kinfast predict runs/2026-11-23-vgg16-1 prepared_library --next-compounds next.csv
"""


def command(
    run: FinishedRun,
    prepared: SameChannels,
    out: Annotated[
        Path | None, typer.Option("--out", help="Parquet file. Default: <PREPARED>-<RUN>.parquet.", show_default=False)
    ] = None,
    embeddings: Annotated[
        Path | None,
        typer.Option("--embeddings", help="NPZ file: what each fold's head sees of every site, rows as in the table."),
    ] = None,
    next_compounds: Annotated[
        Path | None,
        typer.Option("--next-compounds", help="CSV file: the store's compounds, the most instructive to test first."),
    ] = None,
    adapt_bn: Annotated[
        str,
        typer.Option("--adapt-bn", help="controls: batch normalisation by each plate's negative controls; none."),
    ] = "none",
    loader: LoaderKind = "auto",
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict every site of a store, and print the path of the table.

    A row per site: key, Metadata_*, a probability and a logit for each class, the class predicted; and for its
    compound (or well) a p-value for each class, the classes possible at 90 %, and whether the site is like none
    that the model was made for. With folds the probability is the mean over their models.
    """
    let_waiting_threads_sleep()
    from kinfast.cli.progress import make_reporter
    from kinfast.data.store import PreparedStore
    from kinfast.evaluate.new_sites import judge_new_sites
    from kinfast.report.tables import write_text
    from kinfast.train.finished.apply import embed_sites, predict_folds
    from kinfast.train.folder import write_arrays, write_table

    store = PreparedStore.open(prepared)
    path = out or Path(f"{prepared.resolve().name}-{run.resolve().name}.parquet")
    how: dict[str, Any] = {"device": device, "loader": loader, "adapt_bn": adapt_bn}
    how["threads"] = usable_threads(threads)
    with make_reporter(quiet) as reporter:
        table, folds_said = predict_folds(run, store, reporter=reporter, **how)
        judged = judge_new_sites(
            run, store.sites, table, [(one.probabilities, one.logits) for one in folds_said], reporter
        )
        write_table(judged.table, path)
        if next_compounds is not None:
            write_text(judged.ranked.to_csv(index=False, lineterminator="\n"), next_compounds)
        if embeddings is not None:
            folds = embed_sites(run, store, reporter=reporter, **how)
            write_arrays({f"fold{number}": values for number, values in enumerate(folds)}, embeddings)
    typer.echo(path)
