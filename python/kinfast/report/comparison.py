"""A comparison of runs as tables and a figure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from kinfast.evaluate.paired import TESTED
from kinfast.report.comparison_roc import draw_roc_beside
from kinfast.report.style import CONTRAST, GREY, MODEL, SPAN, figure_style, new_figure, save_figure
from kinfast.report.tables import UNDEFINED, Table, shown, write_table

HEADINGS = {"roc_auc_macro": "AUC macro", "balanced_accuracy": "balanced", "top1_accuracy": "top-1"}


def write_comparison_report(found: Mapping[str, Any], out: Path) -> list[Table]:
    """Write tables/comparison.*, tables/differences.* and figures/comparison.* and roc.*; return the tables."""
    tables = [scores_table(found), differences_table(found)]
    for table in tables:
        write_table(table, out / "tables")
    with figure_style():
        save_figure(draw_comparison(found), out / "figures", "comparison")
        beside = draw_roc_beside([Path(run["path"]) for run in found["runs"]], found["level"])
        if beside is not None:
            save_figure(beside, out / "figures", "roc")
    return tables


def scores_table(found: Mapping[str, Any]) -> Table:
    """Give each run's scores on the common units, with intervals."""
    level = found["level"]
    raw = [
        {"run": run["name"], "score": score, **run["test"][level][score]} for run in found["runs"] for score in TESTED
    ]
    rows = tuple(
        (run["name"], run["split_by"], *(_interval(run["test"][level][score]) for score in TESTED))
        for run in found["runs"]
    )
    title = f"Runs on {found['n_units']} {level}s in common"
    header = ("run", "split by", *(HEADINGS[score] for score in TESTED))
    return Table("comparison", title, pd.DataFrame(raw), header, rows, "In brackets 95 % intervals.", 2)


def differences_table(found: Mapping[str, Any]) -> Table:
    """Give each pair's differences, with interval, p, and what else differs."""
    raw, rows = [], []
    for pair in found["pairs"]:
        others = "; ".join(f"{name}: {one} / {other}" for name, (one, other) in pair["differs"].items())
        for score in TESTED:
            p = {"p": pair["p"][score], "p_corrected": pair["p_corrected"][score]}
            own = {"first": pair["first"], "second": pair["second"], "score": score}
            raw.append(own | pair["differences"][score] | p | {"settings_that_differ": others})
            cells = (_interval(pair["differences"][score]), shown(p["p"]), shown(p["p_corrected"]))
            rows.append((pair["first"], pair["second"], HEADINGS[score], *cells))
    note = "First minus second; p of a paired test that exchanges what both say of a unit, corrected after Holm."
    header = ("first", "second", "score", "difference", "p", "p corrected")
    return Table("differences", "Paired differences", pd.DataFrame(raw), header, tuple(rows), note, 3)


def draw_comparison(found: Mapping[str, Any]) -> Figure:
    """Draw each run's scores, and the differences from the first run, with intervals."""
    runs, level = found["runs"], found["level"]
    figure = new_figure(10, 1.5 + 0.42 * len(runs))
    left, right = figure.subplots(1, 2)
    for place, run in enumerate(runs):
        _point(left, run["test"][level][TESTED[0]], place, MODEL)
    against = [pair for pair in found["pairs"] if pair["first"] == runs[0]["name"]]
    for place, pair in enumerate(against):
        p = pair["p_corrected"][TESTED[0]]
        _point(right, pair["differences"][TESTED[0]], place, CONTRAST if p is not None and p <= 0.05 else GREY)
    left.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
    right.axvline(0, color=GREY, linestyle=":", linewidth=1)
    left.set_yticks(range(len(runs)), [_short(run["name"]) for run in runs])
    right.set_yticks(range(len(against)), [f"minus {_short(pair['second'])}" for pair in against])
    for axes, count in ((left, len(runs)), (right, len(against))):
        axes.set_ylim(count - 0.5, -0.6)
        axes.grid(axis="y", visible=False)
    left.set_title(f"ROC AUC, macro: {level}s in common")
    right.set_title(f"{_short(runs[0]['name'])}: paired difference")
    return figure


def _point(axes: Any, entry: Mapping[str, Any], place: int, colour: str) -> None:
    if entry["value"] is None:
        return
    if entry["low"] is not None:
        axes.plot(
            [entry["low"], entry["high"]], [place, place], color=SPAN if colour == MODEL else colour, linewidth=2.4
        )
    axes.scatter([entry["value"]], [place], color=colour, s=30, zorder=3)
    axes.annotate(
        f"{entry['value']:.3f}", (entry["value"], place), xytext=(0, 6), textcoords="offset points", ha="center",
        fontsize=7.5,
    )  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"…{name[-27:]}"


def _interval(entry: Mapping[str, Any]) -> str:
    if entry["value"] is None:
        return UNDEFINED
    if entry["low"] is None:
        return shown(entry["value"])
    return f"{shown(entry['value'])} [{shown(entry['low'])}, {shown(entry['high'])}]"
