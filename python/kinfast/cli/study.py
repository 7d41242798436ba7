"""`kinfast study`: optimisers, or one stream and two, compared over seeds, each at its best learning rate."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Quiet, Threads, let_waiting_threads_sleep, split_words, usable_threads

EPILOG = """
[bold]Examples[/bold]

  kinfast study optimizers prepared --seeds 5

  kinfast study optimizers prepared --optimizers adam,sgd,adam+sgd --rates 1e-4,1e-3,1e-2 --set epochs=20

  kinfast study streams prepared --seeds 5 --set weights=none --set learning_rate=1e-3
"""
OPTIMIZERS, STREAMS = "optimizers", "streams"


def command(
    what: Annotated[str, typer.Argument(help="optimizers, or streams.")],
    prepared: Annotated[Path, typer.Argument(help="The store that preprocess made.")] = Path("prepared"),
    optimizers: Annotated[
        list[str] | None,
        typer.Option(
            "--optimizers", help="With commas between; adam+sgd: one, then the other. Default: adam,sgd,adam+sgd."
        ),
    ] = None,
    rates: Annotated[
        list[str] | None,
        typer.Option("--rates", help="Learning rates to choose from. Default: three of each optimizer's own."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds compared, besides the one that chooses.")] = 5,
    metric: Annotated[str, typer.Option("--metric", help="Compared, and chosen by.")] = "roc_auc_macro",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An option for all runs; repeatable.", show_default=False),
    ] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Runs at once.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder. Default: studies/<what>-<backbone>.", show_default=False),
    ] = None,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare over seeds, with intervals: does Adam generalise worse than SGD; do two streams beat one.

    Rates are chosen on a seed of their own, by the validation part. The same command goes on with a study that was
    stopped, and takes more seeds.
    """
    let_waiting_threads_sleep()
    from dataclasses import replace

    from kinfast.cli.progress import make_reporter
    from kinfast.config import TrainConfig
    from kinfast.data.store import PreparedStore
    from kinfast.errors import UsageError
    from kinfast.metrics.scores import METRICS
    from kinfast.report.tables import to_text
    from kinfast.studies.arms import DEFAULT_OPTIMIZERS, optimizer_arms, stream_arms
    from kinfast.studies.settings import read_settings, read_value
    from kinfast.studies.study import StudyPlan, run_study
    from kinfast.studies.study_report import write_study

    if metric not in METRICS:
        raise UsageError(f"no metric {metric!r}: wanted one of {', '.join(METRICS)}")
    base = replace(TrainConfig(), **read_settings(changes or []))
    numbers = [float(read_value("learning_rate", word)) for word in split_words(rates) or []]
    if what == OPTIMIZERS:
        arms = optimizer_arms(split_words(optimizers) or list(DEFAULT_OPTIMIZERS), base, numbers)
        title = "Optimisers and the generalisation gap"
    elif what == STREAMS:
        store = PreparedStore.open(prepared)
        arms = [
            replace(arm, rates=tuple(numbers))
            for arm in stream_arms(base, base.composites or store.streams, store.channels)
        ]
        title = "One stream against two"
    else:
        raise UsageError(f"no study {what!r}: wanted {OPTIMIZERS} or {STREAMS}")
    folder = out or Path("studies") / f"{what}-{base.backbone}"
    with make_reporter(quiet) as reporter:
        study = run_study(
            prepared,
            StudyPlan(tuple(arms), seeds, metric),
            folder,
            threads=usable_threads(threads),
            processes=processes,
            reporter=reporter,
        )
        tables, lines = write_study(study, title, folder)
    for table in tables[:2]:
        typer.echo(to_text(table))
    for line in (*lines, folder / "report.html"):
        typer.echo(line)
