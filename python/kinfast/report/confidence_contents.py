"""The tables of a run's confidence: coverage, reliability, and the compounds to test next."""

import csv
from typing import Any

import pandas as pd

from kinfast.evaluate.conformal import COVERAGE_COLUMNS
from kinfast.evaluate.next_compounds import NEXT_COLUMNS
from kinfast.report.tables import Table, shown

MARGINAL = "all (marginal)"
MOST_OF_A_SET = 5
MOST_NEXT = 30
"""Compounds that the page shows; the CSV holds all."""


def confidence_tables(metrics: dict[str, Any]) -> list[Table]:
    """Make all tables of confidence, none where it was not measured."""
    found = metrics.get("confidence")
    if found is None:
        return []
    several = bool(metrics["about"].get("several_labels"))
    tables = [_labels_coverage(found) if several else _coverage(found), _reliability(found, several)]
    tables += [_absence(found)] if found["coverage_of_absence"] else []
    return [*tables, _next(found, several)] if found["next_compounds"] else tables


def _coverage_table(
    name: str, title: str, rows: list[dict[str, Any]], header: tuple[str, str, str, str], note: str
) -> Table:
    """Lay out coverage by level and class; the header names the class, the unit, the mean size and what none is."""
    shown_rows = tuple(
        (
            f"{row['level']:.0%}",
            row["class"] or MARGINAL,
            str(row["n"]),
            f"{shown(row['coverage'])} [{shown(row['low'])}, {shown(row['high'])}]",
            shown(row["mean_set_size"], 2),
            f"{row['empty_share']:.0%}" if "empty_share" in row else "",  # a run evaluated before they were counted
        )
        for row in rows
    )
    kind, unit, size, empty = header
    columns = ("level", kind, f"{unit}s", "coverage", size, empty)
    return Table(name, title, pd.DataFrame(rows, columns=list(COVERAGE_COLUMNS)), columns, shown_rows, note, 2)


def _labels_coverage(found: dict[str, Any]) -> Table:
    unit = found["unit"]
    return _coverage_table(
        "conformal_coverage",
        f"How often prediction sets hold a label that a held-out {unit} has",
        found["coverage"],
        ("label", unit, "mean set size", "empty sets"),
        f"Each label is set beside the calibration {unit}s that have it; labels of few of those share a reference. In"
        f" brackets the levels that this coverage does not contradict (beta-binomial, 95 %); of all labels together,"
        f" where a {unit} counts once for each, a bootstrap's interval over {unit}s.",
    )


def _absence(found: dict[str, Any]) -> Table:
    unit = found["unit"]
    return _coverage_table(
        "conformal_absence",
        f"How often a label that a held-out {unit} lacks may be missing, as the sets say",
        found["coverage_of_absence"],
        ("label", unit, "mean number that may be missing", "none may be"),
        "Beside the table of labels that a set holds: a label that may not be missing is sure.",
    )


def _coverage(found: dict[str, Any]) -> Table:
    unit = found["unit"]
    return _coverage_table(
        "conformal_coverage",
        f"How often prediction sets hold the true class of held-out {unit}s",
        found["coverage"],
        ("class", unit, "mean set size", "empty sets"),
        f"In brackets the levels that this coverage does not contradict (beta-binomial, 95 %). A class of few"
        f" calibration {unit}s shares its reference with the other small ones, and none of it may be excludable."
        f" An empty set excludes every class: the {unit} is unlike the calibration {unit}s of each. It counts as"
        " missed, so that sets of classes that are told apart well hold fewer than one on average.",
    )


def _reliability(found: dict[str, Any], several: bool) -> Table:
    columns = ("scaling", "bin", "n", "confidence", "accuracy", "low", "high")
    rows = tuple(
        (
            row["scaling"],
            str(row["bin"]),
            str(row["n"]),
            shown(row["confidence"]),
            f"{shown(row['accuracy'])} [{shown(row['low'])}, {shown(row['high'])}]",
        )
        for row in found["reliability"]
    )
    errors = "; ".join(
        f"{'as they are' if name == 'none' else 'after temperature scaling'} {shown(error['value'])}"
        f" ({shown(error['low'])} to {shown(error['high'])}; {shown(error['perfect'])} by chance)"
        for name, error in found["calibration"].items()
    )
    return Table(
        "reliability",
        "Confidence that a label holds, or does not, and how often that is right"
        if several
        else "Confidence in the first class, and how often it is right",
        pd.DataFrame(found["reliability"], columns=list(columns)),
        ("scaling", "bin", "answers" if several else f"{found['unit']}s", "confidence", "right"),
        rows,
        f"Expected calibration error: {errors}.",
    )


def _next(found: dict[str, Any], several: bool) -> Table:
    frame = pd.DataFrame(found["next_compounds"], columns=list(NEXT_COLUMNS))
    rows = tuple(
        (
            str(row["rank"]),
            row["Metadata_Compound"],
            row["status"],
            row["predicted"],
            _short_set(row["set_90"]),
            shown(row["credibility"]),
            shown(row["entropy"], 2),
            row["reason"],
        )
        for row in frame.head(MOST_NEXT).to_dict("records")
    )
    header = ("rank", "compound", "status", "predicted", "set at 90 %", "credibility", "entropy", "why")
    more = len(frame) - MOST_NEXT
    order = (
        "Those of the most open labels first." if several else "Those that fit no class first, then the most ambiguous."
    )
    note = order + (f" {more} more in the CSV." * (more > 0))
    return Table("next_compounds", "Compounds to test next", frame, header, rows, note, 5)


def _short_set(text: str) -> str:
    """Name a set's first classes and count the others: of a hundred classes a set may hold most."""
    names = next(csv.reader([text]), [])
    if len(names) <= MOST_OF_A_SET:
        return text
    return f"{', '.join(names[:MOST_OF_A_SET])} and {len(names) - MOST_OF_A_SET} more"
