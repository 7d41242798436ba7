"""`kinfast export`: a run's model as one file for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, FinishedRun, Quiet, Threads, let_waiting_threads_sleep, usable_threads

EPILOG = """
[bold]Examples[/bold]

  kinfast export runs/2026-11-23-vgg16-1

  kinfast export runs/2026-11-23-vgg16-1 --format torch --fold 0

  kinfast export runs/2026-11-23-vgg16-1 prepared_other_plates --out models/moa.onnx
"""


def command(
    run: FinishedRun,
    prepared: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PREPARED]", help="A store of the kind it will be asked about.", show_default="the run's own"
        ),
    ] = None,
    format: Annotated[str, typer.Option("--format", help="onnx, or torch: a .pt2 file of torch.export.")] = "onnx",
    fold: Annotated[
        int | None, typer.Option("--fold", help="One fold's model, from 0. Default: the mean over all folds.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file. Default: <RUN>.onnx or <RUN>.pt2.", show_default=False)
    ] = None,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a run's model as ONNX or torch.export, compare it with PyTorch on real sites, and print the file's path.

    The model takes sites as they lie in prepared/images, uint8, any number at once: composites, crops, normalisation
    and the mean over crops and folds are inside. Classes, channels and hashes are in the file's metadata.
    """
    let_waiting_threads_sleep()
    from kinfast.cli.progress import make_reporter
    from kinfast.data.merged import open_stores
    from kinfast.data.store import PreparedStore
    from kinfast.train.finished.export import SUFFIXES, check_kind, export_run
    from kinfast.train.run import run_stores

    check_kind(format)
    store = PreparedStore.open(prepared) if prepared else open_stores(*run_stores(run))
    path = out or Path(f"{run.resolve().name}{'' if fold is None else f'-fold{fold}'}{SUFFIXES[format]}")
    with make_reporter(quiet) as reporter:
        made = export_run(run, store, path, format, fold=fold, threads=usable_threads(threads), reporter=reporter)
        if made.largest is None:
            reporter.line("not compared with PyTorch: onnxruntime is not installed (pip install 'kinfast[export]')")
        else:
            reporter.line(
                f"largest difference to PyTorch: {made.largest[0]:.2g} in logits, {made.largest[1]:.2g} in "
                f"probabilities (float32 explains {made.allowed[0]:.2g} and {made.allowed[1]:.2g})"
            )
    typer.echo(path)
