"""`kinfast embed`: what a run's models see of sites, wells and compounds."""

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

  kinfast embed runs/2026-11-23-vgg16-1 prepared

  kinfast embed runs/2026-11-23-vgg16-1 prepared_other_plates --out embeddings --normalise tvn

  kinfast activity prepared --embeddings embeddings/sites.parquet
"""


def command(
    run: FinishedRun,
    prepared: SameChannels,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the tables. Default: <PREPARED>-<RUN>-embeddings.", show_default=False),
    ] = None,
    normalise: Annotated[
        str,
        typer.Option(
            "--normalise",
            help="none; standardise, each feature by the negative controls of its plate; or tvn, centred and whitened "
            "by them (typical-variation normalisation).",
        ),
    ] = "none",
    seed: Annotated[int, typer.Option("--seed", help="Of the null of mean average precision.")] = 0,
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
    """Write what the model's head sees, for every site, well and compound of a store, and print the folder.

    sites.parquet, wells.parquet, compounds.parquet: Metadata_* columns, all others features, as pycytominer and copairs
    take them; the same as .h5ad where anndata is installed. With copairs also replicability.csv and targets.csv: mean
    average precision with p-values. Folds' features stand side by side.
    """
    let_waiting_threads_sleep()
    from kinfast.cli.progress import make_reporter
    from kinfast.data.store import PreparedStore
    from kinfast.errors import UsageError
    from kinfast.evaluate import annotated_data, retrieval
    from kinfast.evaluate.embedding_tables import NONE, NORMALISATIONS, tabulate_embeddings
    from kinfast.evaluate.run_folder import read_predictions
    from kinfast.train.finished.apply import embed_sites
    from kinfast.train.folder import PREDICTIONS, write_table

    if normalise not in NORMALISATIONS:  # before minutes of embedding
        raise UsageError(f"no --normalise {normalise!r}: wanted one of {', '.join(NORMALISATIONS)}")
    store = PreparedStore.open(prepared)
    folder = out or Path(f"{prepared.resolve().name}-{run.resolve().name}-embeddings")
    how: dict[str, Any] = {"device": device, "loader": loader, "adapt_bn": adapt_bn}
    how["threads"] = usable_threads(threads)
    with make_reporter(quiet) as reporter:
        folds = embed_sites(run, store, reporter=reporter, **how)
        known = read_predictions(run / PREDICTIONS) if (run / PREDICTIONS).is_file() else None
        made = tabulate_embeddings(store.sites, folds, known, normalise)
        tables = {"sites": made.sites, "wells": made.wells, "compounds": made.compounds}
        for name, table in tables.items():
            if table is None:
                reporter.line("no compounds.parquet: the store names no compound")
                for suffix in ("parquet", "h5ad"):  # those of another store would seem to be of this one
                    (folder / f"{name}.{suffix}").unlink(missing_ok=True)
                continue
            write_table(table, folder / f"{name}.parquet")
            if annotated_data.anndata_is_there():
                annotated_data.write_annotated(table, folder / f"{name}.h5ad")
        notes = list(made.notes) if annotated_data.anndata_is_there() else [*made.notes, annotated_data.INSTALL]
        if retrieval.copairs_is_there():
            found = retrieval.retrieve(made.wells, normalise != NONE, seed)
            for place in (folder, retrieval.kept_folder(run) / prepared.resolve().name):
                retrieval.write_retrieval(found, place)
            scores = retrieval.in_words(found)
            notes += [*found.notes, *scores]
            if scores:
                notes.append(f"kinfast evaluate {run} shows them on the run's page")
        else:
            notes.append(retrieval.INSTALL)
        for note in notes:
            reporter.line(note)
    typer.echo(folder)
