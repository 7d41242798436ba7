"""`kinfast compare`: paired differences between runs, with intervals and a paired test."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Quiet
from kinfast.config import BOOTSTRAP_DRAWS

WIDTH = 80


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS...", help="Folders of two or more runs.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of compare.json, tables and figure.")] = Path("compare"),
    draws: Annotated[int, typer.Option("--draws", min=0, help="Bootstrap draws.")] = BOOTSTRAP_DRAWS,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare runs on the test units that all of them have: differences, intervals, a paired test, settings.

    Works for any choice that a run can differ in: input one or two, pretrained or not, one stream or two, one plate or
    all, one optimiser or another. Needs no GPU, no images and no model.

    Examples:

      kinfast compare runs/input-one runs/input-two

      kinfast compare runs/* --out comparisons/all
    """
    import textwrap

    from kinfast.cli.progress import make_reporter
    from kinfast.evaluate.compare import compare_runs, write_comparison
    from kinfast.report.comparison import write_comparison_report
    from kinfast.report.tables import to_text

    with make_reporter(quiet) as reporter:
        found = compare_runs(runs, draws=draws, reporter=reporter)
    write_comparison(found, out / "compare.json")
    for table in write_comparison_report(found, out):
        typer.echo(to_text(table))
    for verdict in found["verdicts"]:
        typer.echo("\n".join([*textwrap.wrap(verdict["text"], WIDTH), ""]))
    typer.echo(out / "compare.json")
