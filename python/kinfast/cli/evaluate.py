"""`kinfast evaluate`: metrics, baselines, tables, figures and the report from a run's stored predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinfast.cli.options import Debug, Quiet
from kinfast.config import BOOTSTRAP_DRAWS, DECISION_THRESHOLD

if TYPE_CHECKING:
    from kinfast.evaluate.run import Evaluation

WIDTH = 80
SHOWN = ("roc_auc_macro", "roc_auc_micro", "balanced_accuracy", "top1_accuracy", "top5_accuracy", "binary_accuracy")
HEADINGS = ("AUC macro", "AUC micro", "balanced", "top-1", "top-5", "binary")


def command(
    run: Annotated[Path, typer.Argument(help="The run's folder, such as runs/2026-01-31-vgg16-1.")],
    draws: Annotated[
        int, typer.Option("--draws", min=0, help="Bootstrap draws, and label permutations, for intervals and chance.")
    ] = BOOTSTRAP_DRAWS,
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold", min=0, max=1, help="Probability from which a class counts as given, for sensitivities."
        ),
    ] = DECISION_THRESHOLD,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Evaluate a run: scores with intervals, baselines beside them, figures, report.html. Needs no GPU.

    Everything is made from the stored predictions and can be made again from them.

    Examples:

      kinfast evaluate runs/2026-01-31-vgg16-1

      kinfast evaluate runs/2026-01-31-vgg16-1 --draws 10000

      kinfast evaluate runs/2026-01-31-vgg16-1 --threshold 0.8
    """
    from kinfast.cli.progress import make_reporter
    from kinfast.evaluate.run import evaluate_run
    from kinfast.report.run import write_report

    with make_reporter(quiet) as reporter:
        evaluation = evaluate_run(run, draws=draws, threshold=threshold, reporter=reporter)
        report = write_report(run, reporter=reporter)
    for line in summary_lines(evaluation):
        typer.echo(line)
    typer.echo(report)


def summary_lines(evaluation: "Evaluation") -> list[str]:
    """Give an evaluation as lines of a terminal: a table of 80 columns at the split's own level, then the verdicts."""
    import textwrap

    metrics = evaluation.metrics
    level = metrics["about"]["level"]
    lines = [f"{level + 's':<12}" + "".join(f"{heading:>11}" for heading in HEADINGS), "-" * (12 + 11 * len(SHOWN))]
    for name in ("model", *metrics["baselines"]):
        scores = (metrics["test"] if name == "model" else metrics["baselines"][name])[level]
        lines.append(f"{name:<12}" + "".join(f"{_cell(scores[score]['value'], score):>11}" for score in SHOWN))
    for verdict in evaluation.verdicts:
        lines += ["", *textwrap.wrap(verdict, WIDTH)]
    return [*lines, ""]


def _cell(value: float | None, score: str) -> str:
    return "–" if value is None else f"{value:.4f}" if score == "binary_accuracy" else f"{value:.3f}"
