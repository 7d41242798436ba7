"""Tables of a run that look closer: small classes, thresholds, plates, doses, folds, compounds, epochs."""

from typing import Any

import pandas as pd

from kinfast.config import FEWEST_JUDGED
from kinfast.evaluate.breakdown import COMPOUND_COLUMNS, DOSE_COLUMNS, PLATE_COLUMNS, SPREAD_COLUMNS
from kinfast.evaluate.operating_points import COLUMNS as POINT_COLUMNS
from kinfast.report.tables import UNDEFINED, Table, shown

PER_CLASS = (
    "class", "n_compounds", "n_wells", "n_sites", "roc_auc", "low", "high", "average_precision", "judged",
)  # fmt: skip
WORDS = {
    "roc_auc": "AUC", "roc_auc_macro": "AUC macro", "average_precision": "AP", "balanced_accuracy": "balanced",
    "top1_accuracy": "top-1", "false_positive_rate": "FPR", "standard_deviation": "SD",
    "probability_of_truth": "p(truth)", "mean_place": "place",
}  # fmt: skip


def detail_tables(metrics: dict[str, Any]) -> list[Table]:
    """Make the tables that look closer at the level that the split groups by; those without rows are left out."""
    level = metrics["about"]["level"]
    tables = [per_class_table(metrics)]
    for name, title, columns, rows, note, words in (
        (
            "operating_points",
            f"Sensitivity and specificity at stated thresholds ({level}s)",
            POINT_COLUMNS,
            metrics["operating_points"],
            "The validated threshold let at most 5 % of the other classes pass in the validation part of the same fold;"
            " with folds their mean is shown, and those count whose validation part holds the class.",
            2,
        ),
        ("by_plate", "Performance by plate (wells)", PLATE_COLUMNS, metrics["by_plate"], "", 1),
        (
            "by_dose",
            "Performance by dose (wells)",
            DOSE_COLUMNS,
            metrics["by_dose"],
            "Areas set the wells of a dose against those without one, too.",
            1,
        ),
        (
            "class_spread",
            f"Each class's area over the folds ({level}s)",
            SPREAD_COLUMNS,
            metrics["class_spread"],
            "",
            1,
        ),
        (
            "per_compound",
            "Every tested compound",
            COMPOUND_COLUMNS,
            metrics["compound_spread"],
            "p(truth): mean probability of its own class, SD over its wells and folds; place 1 is the first.",
            2,
        ),
    ):
        if rows:
            tables.append(_table(name, title, columns, rows, note, words))
    if metrics["repeats"]:
        tables.append(_repeats(metrics, level))
    return tables


def per_class_table(metrics: dict[str, Any]) -> Table:
    """Give each class's area with its support, and whether it is large enough to be judged."""
    rows = [
        {**row, **{f"n_{unit}": row[unit] for unit in ("compounds", "wells", "sites")}}
        for row in metrics["judged_classes"]
    ]
    unit = metrics["about"]["judged_by"]
    controls = "; a class of controls from as many wells on" if unit == "compounds" else ""
    note = f"Judged from {FEWEST_JUDGED} {unit} in test on{controls}."
    return _table("per_class", "Which classes can be judged", PER_CLASS, rows, note, 1)


def _repeats(metrics: dict[str, Any], level: str) -> Table:
    scores = ("roc_auc_macro", "balanced_accuracy", "top1_accuracy")
    rows = [
        {"repeat": number, **{score: repeat[level][score]["value"] for score in scores}}
        for number, repeat in enumerate(metrics["repeats"], start=1)
    ]
    return _table("repeats", f"Each repetition's pooled scores ({level}s)", ("repeat", *scores), rows, "", 1)


def _table(name: str, title: str, columns: tuple[str, ...], rows: list[dict[str, Any]], note: str, words: int) -> Table:
    header = tuple(_heading(column) for column in columns)
    cells = tuple(tuple(_cell(row[column]) for column in columns) for row in rows)
    return Table(name, title, pd.DataFrame(rows, columns=list(columns)), header, cells, note, words)


def _heading(column: str) -> str:
    """Name a column as its neighbours are: the ends of an interval by their score."""
    stem, _, end = column.rpartition("_")
    return WORDS.get(column) or (f"{WORDS[stem]} {end}" if stem in WORDS else column.replace("_", " "))


def _cell(value: object) -> str:
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(value) if isinstance(value, float) else str(value)
