"""`kinfast sweep`: a grid, or trials that Optuna chooses, judged by the validation part."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Quiet, Threads, let_waiting_threads_sleep, usable_threads

EPILOG = """
[bold]Examples[/bold]

  kinfast sweep prepared --grid lr=1e-4,1e-3 --grid dropout=0.1,0.5

  kinfast sweep prepared --trials 30 --range lr=1e-5..1e-2 --range dropout=0.0..0.6 --grid optimizer=adam,sgd

  kinfast sweep prepared --grid "composites=MiCoPh|MiCoPh,SyHoPh" --set epochs=20 --metric loss --processes 2
"""


def command(
    prepared: Annotated[Path, typer.Argument(help="The store that preprocess made.")] = Path("prepared"),
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="NAME=VALUES",
            help="An option of kinfast train and its values; repeatable.",
            show_default=False,
        ),
    ] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", metavar="NAME=LOW..HIGH", help="A range for --trials; repeatable.", show_default=False),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", min=1, help="Let Optuna choose so many. Default: the whole grid.", show_default=False),
    ] = None,
    metric: Annotated[
        str, typer.Option("--metric", help="Of the validation part: loss, roc_auc_macro, balanced_accuracy, …")
    ] = "roc_auc_macro",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An option for all runs; repeatable.", show_default=False),
    ] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Runs at once.")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Of Optuna.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder. Default: sweeps/<backbone>-<what varies>.", show_default=False),
    ] = None,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train many runs that differ in some options and order them by their validation part; the test part stays closed.

    The same command goes on with a sweep that was stopped. Each run is an ordinary run folder.
    """
    let_waiting_threads_sleep()
    from dataclasses import replace

    from kinfast.cli.progress import make_reporter
    from kinfast.config import TrainConfig
    from kinfast.report.tables import to_text
    from kinfast.studies.settings import read_settings
    from kinfast.studies.space import Choices, Range, read_choices, read_range
    from kinfast.studies.sweep import SweepPlan, run_sweep
    from kinfast.studies.sweep_report import write_sweep

    space: tuple[Choices | Range, ...] = (*map(read_choices, grid or []), *map(read_range, ranges or []))
    base = replace(TrainConfig(), **read_settings(changes or []))
    plan = SweepPlan(base, space, trials, metric, seed)
    folder = out or Path("sweeps") / "-".join([base.backbone, *(part.name for part in space)])
    with make_reporter(quiet) as reporter:
        done = run_sweep(
            prepared, plan, folder, threads=usable_threads(threads), processes=processes, reporter=reporter
        )
        table, lines = write_sweep(done, plan, folder)
    typer.echo(to_text(table))
    for line in (*lines, folder / "report.html"):
        typer.echo(line)
