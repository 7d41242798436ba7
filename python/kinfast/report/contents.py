"""The tables of an evaluated run, made from its metrics and predictions."""

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.evaluate.dose_response import DoseResponse
from kinfast.evaluate.levels import LEVELS
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.scores import METRICS
from kinfast.report.dose_figure import dose_words
from kinfast.report.tables import UNDEFINED, Table, shown

HEADINGS = {
    "roc_auc_macro": "AUC macro",
    "roc_auc_micro": "AUC micro",
    "average_precision_macro": "AP macro",
    "top1_accuracy": "top-1",
    "top5_accuracy": "top-5",
    "balanced_accuracy": "balanced",
    "f1_macro": "F1 macro",
    "binary_accuracy": "binary acc.",
}
EXTREMES = 5
MOST_CONFUSIONS = 20
CLASS_COLUMNS = {
    "class": "class",
    "roc_auc": "AUC",
    "low": "low",
    "high": "high",
    "average_precision": "AP",
    "sensitivity": "sensitivity",
    "false_positive_rate": "FPR",
    "precision": "precision",
    "sites": "sites",
    "wells": "wells",
    "compounds": "compounds",
}
UNKNOWN = {"unknown_sites": "sites not known"}
"""Of a label, where a site may have several."""


def summary_table(metrics: dict[str, Any]) -> Table:
    """Give every score of the model and its baselines at each level, with intervals."""
    kept = _defined(metrics)
    rows, raw = [], []
    for level, name, scores in _scored(metrics):
        raw += [{"level": level, "predictor": name, "score": score, **scores[score]} for score in HEADINGS]
        rows.append((level, name, *(_with_interval(scores[score], score) for score in kept)))
    share = f"{metrics['about']['interval']:.0%}"
    return Table(
        "summary",
        "Scores in the test part, with the baselines beside",
        pd.DataFrame(raw),
        ("level", "predictor", *(HEADINGS[score] for score in kept)),
        tuple(rows),
        f"In brackets {share} intervals over {metrics['about']['clusters']} (compounds at the compound level); for"
        " permuted, where the middle of chance lies.",
        2,
    )


def _defined(metrics: dict[str, Any]) -> list[str]:
    """Name the scores that exist at any level: top-5 says nothing of five classes or fewer."""
    return [name for name in HEADINGS if any(scores[name]["value"] is not None for _, _, scores in _scored(metrics))]


def _scored(metrics: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for level in LEVELS:
        if all(metrics["test"][level][score]["value"] is None for score in METRICS):
            continue
        yield level, "model", metrics["test"][level]
        for baseline, levels in metrics["baselines"].items():
            yield level, baseline, levels[level]


def _with_interval(entry: dict[str, float | None], score: str) -> str:
    digits = 4 if score == "binary_accuracy" else 3
    if entry["value"] is None or entry["low"] is None:
        return shown(entry["value"], digits)
    return f"{shown(entry['value'], digits)} [{shown(entry['low'], digits)}, {shown(entry['high'], digits)}]"


def folds_table(metrics: dict[str, Any]) -> Table:
    """Give the scores of each fold, and their mean, at the level that the split groups by."""
    level = metrics["about"]["level"]
    named = [(str(number), fold[level]) for number, fold in enumerate(metrics["folds"], start=1)]
    named.append(("mean", metrics["fold_mean"][level]))
    raw = [{"fold": name, **{score: scores[score]["value"] for score in HEADINGS}} for name, scores in named]
    kept = _defined(metrics)
    rows = tuple((name, *(shown(scores[score]["value"]) for score in kept)) for name, scores in named)
    header = ("fold", *(HEADINGS[score] for score in kept))
    return Table("folds", f"Each fold's own scores ({level}s)", pd.DataFrame(raw), header, rows)


def class_table(metrics: dict[str, Any], level: str) -> Table:
    """Give each class's scores at a level, in the order of the classes."""
    return _class_rows(metrics["per_class"][level], f"classes_{level}", f"Every class ({level}s)")


def extreme_tables(metrics: dict[str, Any]) -> tuple[Table, Table]:
    """Give the five classes of the largest and the five of the smallest area, as the thesis' tables 2 and 3."""
    level = metrics["about"]["level"]
    known = [row for row in metrics["per_class"][level] if row["roc_auc"] is not None]
    ranked = sorted(known, key=lambda row: (-row["roc_auc"], row["class"]))
    top = _class_rows(ranked[:EXTREMES], "top5", f"The five largest ROC areas ({level}s)")
    bottom = _class_rows(ranked[::-1][:EXTREMES], "bottom5", f"The five smallest ROC areas ({level}s)")
    return top, bottom


def _class_rows(rows: list[dict[str, Any]], name: str, title: str) -> Table:
    def cell(row: dict[str, Any], column: str) -> str:
        value = row[column]
        return str(value) if column == "class" or isinstance(value, int) else shown(value)

    columns = CLASS_COLUMNS | (UNKNOWN if rows and UNKNOWN.keys() <= rows[0].keys() else {})
    return Table(
        name,
        title,
        pd.DataFrame(rows, columns=list(columns)),
        tuple(columns.values()),
        tuple(tuple(cell(row, column) for column in columns) for row in rows),
        "Sites, wells and compounds are those of the class in test; control wells are no compound.",
    )


def confusion_tables(confusion: NDArray[np.int64], classes: tuple[str, ...]) -> tuple[Table, Table]:
    """Give the whole confusion matrix, and what is most often taken for what."""
    raw = pd.DataFrame(confusion, columns=list(classes))
    raw.insert(0, "true", list(classes))
    whole = tuple((name, *map(str, row)) for name, row in zip(classes, confusion.tolist(), strict=True))
    matrix = Table("confusion", "Confusion matrix: rows true, columns predicted", raw, ("true", *classes), whole)
    pairs = [
        {
            "true": classes[true],
            "predicted": classes[given],
            "count": int(confusion[true, given]),
            "share": float(confusion[true, given] / confusion[true].sum()),
        }
        for true, given in zip(*np.nonzero(confusion), strict=True)
        if true != given
    ]
    pairs.sort(key=lambda pair: (-pair["count"], -pair["share"], pair["true"], pair["predicted"]))
    kept = pairs[:MOST_CONFUSIONS]
    rows = tuple((pair["true"], pair["predicted"], str(pair["count"]), shown(pair["share"])) for pair in kept)
    header = ("true", "predicted", "count", "share of true")
    frame = pd.DataFrame(kept, columns=["true", "predicted", "count", "share"])
    return matrix, Table("confusions", "Most frequent confusions", frame, header, rows, text_columns=2)


def dose_tables(response: DoseResponse) -> tuple[Table, Table]:
    """Give the mean of each dose, and the rank correlation of each compound."""
    dose, spread = dose_words(response.dose), ("mean", "lowest", "highest")
    rows = tuple(
        (
            row["compound"],
            f"{row['dose']:g}",
            str(row["n_wells"]),
            *(shown(row[name]) for name in spread),
            UNDEFINED if pd.isna(row["active"]) else "yes" if row["active"] else "no",
        )
        for row in response.doses.to_dict("records")
    )
    header = ("compound", dose, "wells", *spread, "active")
    means = Table("dose_response", f"Dose and {response.response}", response.doses, header, rows)
    ranks = tuple(
        (
            row["compound"],
            str(row["n_wells"]),
            str(row["n_doses"]),
            shown(row["spearman"]),
            _middle(row),
            shown(row["curve_p"]),
            row["inactive_doses"] or UNDEFINED,
        )
        for row in response.compounds.to_dict("records")
    )
    title = "Does the response rise with the dose? (Spearman over wells never trained on)"
    columns = ("compound", "wells", "doses", "Spearman", "EC50", "p", "inactive doses")
    note = (
        f"EC50: middle of a fitted four-parameter curve, in units of {dose}, with a bootstrap interval over wells where"
        " every dose has two; p: of the curve, by permuting the wells. Inactive: doses below the first that differs"
        " from held-out negative controls, of those with wells enough to be told from them."
    )
    return means, Table("dose_compounds", title, response.compounds, columns, ranks, note)


def _middle(row: dict[Hashable, Any]) -> str:
    """Write an EC50 with its interval, where it has one."""
    if pd.isna(row["ec50"]):
        return UNDEFINED
    return f"{row['ec50']:.3g} [{row['low']:.3g}, {row['high']:.3g}]" if pd.notna(row["low"]) else f"{row['ec50']:.3g}"


def parts_table(run: Run) -> Table:
    """Count the sites and wells of each part of each fold; unlabelled ones stand once."""
    table = run.table
    wells = table[schema.PLATE].astype(str) + "\t" + table[schema.WELL].astype(str)
    counted = pd.DataFrame({"fold": table[schema.FOLD], "part": table[schema.PART].astype(str), "well": wells})
    order = {part: place for place, part in enumerate(schema.PARTS)}
    counts = counted.groupby(["fold", "part"])["well"].agg(sites="size", wells="nunique").reset_index()
    counts = counts.sort_values(["fold", "part"], key=lambda column: column.map(lambda value: order.get(value, value)))
    rows = tuple(
        (UNDEFINED if row["fold"] < 0 else str(row["fold"] + 1), row["part"], str(row["sites"]), str(row["wells"]))
        for row in counts.to_dict("records")
    )
    return Table("parts", "Who is where", counts, ("fold", "part", "sites", "wells"), rows, text_columns=2)


def excluded_table(run: Run) -> Table | None:
    """Count the unlabelled sites by what is wrong with them, one with two causes twice; None where nothing is."""
    rows = run.part(schema.PART_UNLABELLED)
    if schema.FLAG_REASON not in rows:
        return None
    reasons = rows[schema.FLAG_REASON].astype(object).fillna("").astype(str)
    # "saturated: DNA 5.5 %; blurred: RNA" counts once as saturated and once as blurred
    causes = reasons.str.split(";").explode().str.split(r"[:(]", n=1, regex=True).str[0].str.strip()
    kinds = causes[causes != ""]
    if kinds.empty:
        return None
    counts = kinds.value_counts().rename_axis("cause").reset_index(name="sites").sort_values(["cause"])
    shown_rows = tuple((row["cause"], str(row["sites"])) for row in counts.to_dict("records"))
    note = "A site with two causes counts in both."
    return Table("excluded", "Flagged sites, not trained or tested on", counts, ("cause", "sites"), shown_rows, note)
