"""Writes an evaluated run's tables, figures and report.html, from its predictions and metrics alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast.errors import RunError
from kinfast.evaluate.dose_response import DoseResponse, measure_dose_response
from kinfast.evaluate.levels import LEVELS
from kinfast.evaluate.run_folder import METRICS, REPORT, Run, read_run
from kinfast.evaluate.test_part import read_test
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.decisions import confusion_matrix, decide
from kinfast.progress import Reporter, Silent
from kinfast.report import contents
from kinfast.report.activity_contents import activity_tables, draw_activity
from kinfast.report.confidence_contents import confidence_tables
from kinfast.report.confusion_figure import draw_confusion
from kinfast.report.detail_contents import detail_tables
from kinfast.report.dose_figure import draw_doses
from kinfast.report.explain_page import draw_stains, explain_table, read_explain
from kinfast.report.history_figure import draw_history
from kinfast.report.leakage import draw_ladder
from kinfast.report.leakage_page import is_ladder, read_leakage
from kinfast.report.reliability_figure import draw_reliability
from kinfast.report.roc_figure import draw_class_areas, draw_roc
from kinfast.report.run_page import write_page
from kinfast.report.several_labels import soft_tables
from kinfast.report.standing_figure import draw_standing
from kinfast.report.style import figure_style, save_figure
from kinfast.report.tables import Table, shown, write_table

TABLES, FIGURES = "tables", "figures"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the figures are drawn of: the test rows at the level that the split groups by.

    Attributes:
        level: well or compound.
        codes: (n,) true classes.
        probabilities: (n, n_classes).
        confusion: (n_classes, n_classes) counts; None where a row may have several labels.
        truths: (n, n_classes) of several labels, else None.
    """

    level: str
    codes: Codes
    probabilities: Probabilities
    confusion: NDArray[np.int64] | None
    truths: Float | None = None


def write_report(run: Path, *, reporter: Reporter | None = None) -> Path:
    """Write tables/, figures/ and report.html into an evaluated run's folder.

    Args:
        run: the folder, with predictions.parquet and metrics.json.
        reporter: told of the progress.

    Returns:
        The path of report.html.

    Raises:
        RunError: the run was not evaluated, or holds no usable predictions.
    """
    loaded, metrics, teller = read_run(run), read_metrics(run), reporter or Silent()
    teller.stage("reporting", 3, "steps")
    chosen = choose_rows(loaded, metrics)
    doses = None if loaded.several else measure_dose_response(loaded)
    tables = {table.name: table for table in make_tables(loaded, metrics, chosen, doses)}
    for table in tables.values():
        write_table(table, run / TABLES)
    teller.advance(note=TABLES)
    drawn = draw_figures(loaded, metrics, chosen, doses, run / FIGURES)
    teller.advance(note=FIGURES)
    path = run / REPORT
    write_page(loaded, metrics, tables, {name: run / FIGURES / f"{name}.svg" for name in drawn}, path)
    teller.advance(note=REPORT)
    return path


def read_metrics(run: Path) -> dict[str, Any]:
    """Read metrics.json.

    Raises:
        RunError: it is absent, or of another version.
    """
    path = run / METRICS
    if not path.is_file():
        raise RunError(f"{run} holds no {METRICS}: evaluate the run first (kinfast evaluate {run})")
    metrics: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "about" not in metrics:
        raise RunError(f"{path} was not written by this version: evaluate the run again (kinfast evaluate {run})")
    return metrics


def choose_rows(run: Run, metrics: dict[str, Any]) -> Shown:
    """Take the test rows at the level that the split groups by."""
    test, name = read_test(run), metrics["about"]["level"]
    level = test.level(name, run.split_by)
    if level is None:
        raise RunError(f"{run.path / METRICS} does not fit the predictions: evaluate the run again")
    averaged = level.average(test.probabilities)
    if level.truths is not None:
        return Shown(name, level.codes, averaged, None, level.truths)
    confusion = confusion_matrix(level.codes, decide(averaged).predicted, len(run.classes))
    return Shown(name, level.codes, averaged, confusion)


def make_tables(run: Run, metrics: dict[str, Any], chosen: Shown, doses: DoseResponse | None) -> list[Table]:
    """Make all tables of a run."""
    tables = [contents.summary_table(metrics), contents.folds_table(metrics), *contents.extreme_tables(metrics)]
    tables += [contents.class_table(metrics, level) for level in LEVELS if metrics["per_class"][level]]
    tables += contents.confusion_tables(chosen.confusion, run.classes) if chosen.confusion is not None else ()
    tables += [contents.parts_table(run), *soft_tables(metrics)]
    tables += [*confidence_tables(metrics), *detail_tables(metrics), *activity_tables(metrics.get("activity"))]
    excluded = contents.excluded_table(run)
    tables += [excluded] if excluded else []
    explained = read_explain(run.path)
    tables += [explain_table(explained)] if explained else []
    return tables + (list(contents.dose_tables(doses)) if doses else [])


def draw_figures(
    run: Run, metrics: dict[str, Any], chosen: Shown, doses: DoseResponse | None, folder: Path
) -> tuple[str, ...]:
    """Draw all figures of a run; what has nothing to show is left out.

    Returns:
        The names of those that were drawn.
    """
    scores, rows = metrics["test"][chosen.level], metrics["per_class"][chosen.level]
    areas = {
        "micro": shown(scores["roc_auc_micro"]["value"]),
        "macro": shown(scores["roc_auc_macro"]["value"]),
        "classes": [row["roc_auc"] for row in rows],
    }
    explained, leakage = read_explain(run.path), read_leakage(run.path)
    with figure_style():
        figures = {
            "standing": draw_standing(metrics),
            "history": draw_history(run.history),
            "roc": draw_roc(chosen.probabilities, chosen.codes, run.classes, areas, chosen.truths),
            "class_areas": draw_class_areas(rows, chosen.level),
            "confusion": None
            if chosen.confusion is None
            else draw_confusion(chosen.confusion, run.classes, chosen.level),
            "activity": draw_activity(metrics["activity"]) if metrics.get("activity") else None,
            "reliability": draw_reliability(metrics["confidence"], run.several) if metrics.get("confidence") else None,
            "leakage": draw_ladder(leakage) if leakage and is_ladder(leakage) else None,
            "explain_stains": draw_stains(explained) if explained else None,
            "dose_response": draw_doses(doses) if doses else None,
        }
        drawn = {name: figure for name, figure in figures.items() if figure is not None}
        for name, figure in drawn.items():
            save_figure(figure, folder, name)
    return tuple(drawn)
