"""`kinfast lr-test`: a learning rate for each backbone, by the range test."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Quiet, Threads, let_waiting_threads_sleep, split_words, usable_threads
from kinfast.config import TrainConfig

EPILOG = """
[bold]Examples[/bold]

  kinfast lr-test prepared

  kinfast lr-test prepared --backbones vgg16,resnet50,mobilenet_v2 --optimizer sgd

  kinfast lr-test prepared --weights none --set head=thesis --set batch_size=16 --start 1e-6 --end 10
"""
BASE = TrainConfig()


def command(
    prepared: Annotated[Path, typer.Argument(help="The store that preprocess made.")] = Path("prepared"),
    backbones: Annotated[
        list[str] | None,
        typer.Option("--backbones", "--backbone", help="Networks, with commas between. Default: mobilenet_v2."),
    ] = None,
    optimizer: Annotated[str, typer.Option("--optimizer", help="As in kinfast train.")] = BASE.optimizer,
    weights: Annotated[str, typer.Option("--weights", help="As in kinfast train.")] = BASE.weights,
    start: Annotated[float, typer.Option("--start", help="Lowest rate.")] = 1e-7,
    end: Annotated[float, typer.Option("--end", help="Highest rate.")] = 1.0,
    steps: Annotated[int, typer.Option("--steps", min=10, help="Steps from the one to the other.")] = 100,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any other option of kinfast train; repeatable.", show_default=False
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the curve, the figure, the table.")] = Path("lr-test"),
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Raise the learning rate exponentially over some steps of training, and suggest one from where the loss falls.

    Looks at the train part alone. Writes lr_test.csv, lr_test.png and lr_suggestions.csv.
    """
    let_waiting_threads_sleep()
    from dataclasses import replace

    from kinfast.cli.progress import make_reporter
    from kinfast.data.store import PreparedStore
    from kinfast.report.tables import to_text
    from kinfast.studies.rates import FIGURE, RateRange, find_rates, suggestion_table
    from kinfast.studies.settings import read_settings

    config = replace(BASE, **{"optimizer": optimizer, "weights": weights, **read_settings(changes or [])})
    names = split_words(backbones) or [config.backbone]
    with make_reporter(quiet) as reporter:
        found = find_rates(
            PreparedStore.open(prepared),
            config,
            names,
            out,
            rates=RateRange(start, end, steps),
            threads=usable_threads(threads),
            reporter=reporter,
        )
    typer.echo(to_text(suggestion_table(found)))
    typer.echo(out / f"{FIGURE}.png")
