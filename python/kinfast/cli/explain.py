"""`kinfast explain`: which stains a run's classes rest on, and where its models looked."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Device, FinishedRun, Quiet, Threads, let_waiting_threads_sleep, usable_threads
from kinfast.config import EXPLAIN_SITES

EPILOG = """
[bold]Examples[/bold]

  kinfast explain runs/2026-11-23-vgg16-1 prepared

  kinfast explain runs/2026-11-23-vgg16-1 prepared --sites 100
"""


def command(
    run: FinishedRun,
    prepared: Annotated[Path, typer.Argument(metavar="PREPARED", help="The store that it was trained on.")],
    sites: Annotated[int, typer.Option("--sites", min=1, help="Held-out sites of a class, at most.")] = EXPLAIN_SITES,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Explain a run on its own held-out sites, print what each class rests on, and add it to the report.

    Each stain is exchanged with that of sites of other classes, in all streams at once, and so is each stream: what
    the true class's probability loses is what the model took from it. Integrated gradients and Grad-CAM show where on
    the images; the same maps with shuffled weights show whether they can be believed. Writes
    tables/explain_stains.csv and explain/, and the report's section.
    """
    let_waiting_threads_sleep()
    from kinfast.cli.progress import make_reporter
    from kinfast.data.store import PreparedStore
    from kinfast.evaluate.explain import explain_run
    from kinfast.report.run import write_report

    store = PreparedStore.open(prepared)
    with make_reporter(quiet) as reporter:
        content = explain_run(
            run, store, sites=sites, device=device, threads=usable_threads(threads), reporter=reporter
        )
        report = write_report(run, reporter=reporter)
    for text in (*content["words"].values(), *(one["text"] for one in content["sanity"].values())):
        typer.echo(text)
    typer.echo(report)
