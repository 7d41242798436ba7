"""`kinfast reproduce`: the thesis' runs as recipes, and its tables and figures made again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinfast.cli.options import Debug, Quiet, Threads, let_waiting_threads_sleep, usable_threads

if TYPE_CHECKING:
    from kinfast.progress import Reporter

EPILOG = """
[bold]Examples[/bold]

  kinfast reproduce --list

  kinfast reproduce thesis-3.8-vgg16-sgd prepared

  kinfast reproduce thesis-3.8-vgg16-sgd prepared --set weights=none --set split_by=compound

  kinfast reproduce table1 prepared

  kinfast reproduce table1 --scale small
"""
TABLE1 = "table1"


def command(
    what: Annotated[str | None, typer.Argument(help="A recipe's name or file, or table1.", show_default=False)] = None,
    prepared: Annotated[
        Path | None,
        typer.Argument(
            help="The store that preprocess made. Default: prepared; table1 --scale small makes its own.",
            show_default=False,
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the recipes and stop.")] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change an option of kinfast train in a recipe; repeatable.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[str, typer.Option("--scale", help="Of table1: full, or small for two cores.")] = "full",
    processes: Annotated[int, typer.Option("--processes", min=1, help="Runs of table1 at once.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder. Default: runs/<recipe>, or reproduce/table1-<scale>.", show_default=False),
    ] = None,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run the thesis' runs again: one recipe, or Tables 1 to 3 and Figures 5 to 11 beside the thesis' own numbers.

    The same command goes on with what was interrupted and does nothing twice.
    """
    let_waiting_threads_sleep()
    from kinfast.errors import UsageError

    if listed:
        _list()
        return
    if what is None:
        raise UsageError(
            "say what to reproduce: a recipe's name, or table1; kinfast reproduce --list shows the recipes"
        )
    from kinfast.cli.progress import make_reporter

    with make_reporter(quiet) as reporter:
        if what == TABLE1:
            if changes:
                raise UsageError("--set changes one recipe; table1 is made at a --scale")
            lines = _table1(prepared, out, scale, usable_threads(threads), processes, reporter)
        else:
            run = _recipe(what, prepared or Path("prepared"), out, changes or [], usable_threads(threads), reporter)
            lines = [str(run)]
    for line in lines:
        typer.echo(line)


def _list() -> None:
    from kinfast.studies.recipes import list_recipes
    from kinfast.studies.settings import spell_value

    for recipe in list_recipes():
        config = recipe.config
        rate = "" if config.learning_rate is None else f"{config.learning_rate:g}"
        words = (config.backbone, config.weights, spell_value(config.composites), config.optimizer, rate)
        typer.echo(f"{recipe.name:<38} {' '.join(words)}, batch {config.batch_size}, {config.task}; {recipe.shows}")


def _table1(
    prepared: Path | None, out: Path | None, scale: str, threads: int, processes: int, reporter: "Reporter"
) -> list[str]:
    from kinfast.studies.table1 import reproduce_table1

    folder = out or Path("reproduce") / f"{TABLE1}-{scale}"
    made = reproduce_table1(prepared, folder, scale=scale, threads=threads, processes=processes, reporter=reporter)
    return [*made.lines, str(made.page)]


def _recipe(
    name: str, prepared: Path, out: Path | None, changes: list[str], threads: int, reporter: "Reporter"
) -> Path:
    from kinfast.evaluate.run import evaluate_run
    from kinfast.report.run import write_report
    from kinfast.studies.one_recipe import run_recipe

    run = run_recipe(name, prepared, out, changes, threads, reporter)
    evaluate_run(run, reporter=reporter)
    write_report(run, reporter=reporter)
    return run
