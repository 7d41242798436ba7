"""The leakage ladder as tables and a figure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from kinfast.evaluate.leakage import CHANCE, LADDER, SCORE, STEP_LEVEL
from kinfast.evaluate.levels import LEVELS
from kinfast.report.style import CONTRAST, GREY, MODEL, figure_style, new_figure, save_figure
from kinfast.report.tables import UNDEFINED, Table, shown, write_table

SCORES = {"roc_auc_macro": "AUC macro", "balanced_accuracy": "balanced", "top1_accuracy": "top-1"}
BASELINES = {"position": "s", "intensity": "^", "prior": "x"}


def write_leakage_report(found: Mapping[str, Any], out: Path) -> list[Table]:
    """Write tables/leakage.*, tables/leakage_steps.* and figures/leakage.*; return the tables."""
    tables = [ladder_table(found), steps_table(found)]
    for table in tables:
        write_table(table, out / "tables")
    with figure_style():
        save_figure(draw_ladder(found), out / "figures", "leakage")
    return tables


def ladder_table(found: Mapping[str, Any]) -> Table:
    """Give the scores under each split, of sites, wells and compounds, and what position alone gives."""
    raw, rows = [], []
    for split in LADDER:
        if found[split] is None:
            rows.append((split, UNDEFINED, *[UNDEFINED] * (len(SCORES) + 1)))
            continue
        for level in LEVELS:
            scores, position = found[split][level], found["split_baselines"][split]["position"][level]
            if scores[SCORE]["value"] is None:
                continue
            raw += [{"split_by": split, "level": level, "score": name, **scores[name]} for name in SCORES]
            rows.append((split, level, *(_interval(scores[name]) for name in SCORES), _interval(position[SCORE])))
    header = ("split by", "level", *SCORES.values(), "position alone")
    columns = ["split_by", "level", "score", "value", "low", "high"]
    title = "The same model and recipe under four splits"
    return Table("leakage", title, pd.DataFrame(raw, columns=columns), header, tuple(rows), "", 2)


def steps_table(found: Mapping[str, Any]) -> Table:
    """Give what each split's score loses to the strictest one."""
    columns = ["split_by", "against", "value", "low", "high", "share_above_chance", "paired"]
    raw = [{**{key: step[key] for key in step if key != "leakage"}, **step["leakage"]} for step in found["steps"]]
    rows = tuple(
        (
            step["split_by"],
            step["against"],
            _interval(step["leakage"]),
            UNDEFINED if step["share_above_chance"] is None else f"{step['share_above_chance']:.0%}",
            "same sites" if step["paired"] else "different sites",
        )
        for step in found["steps"]
    )
    header = ("split by", "against", "lost AUC (wells)", "share above chance", "compared on")
    note = "In brackets 95 % intervals over compounds."
    title = "How much of the score is leakage"
    return Table("leakage_steps", title, pd.DataFrame(raw, columns=columns), header, rows, note, 2)


def draw_ladder(found: Mapping[str, Any]) -> Figure:
    """Draw the wells' macro ROC area under each split, with intervals, and the baselines beside it."""
    figure = new_figure(6.4, 3.8)
    axes = figure.subplots()
    steps = [split for split in LADDER if found[split] is not None]
    axes.axhline(CHANCE, color=GREY, linestyle=":", linewidth=1)
    values = []
    for place, split in enumerate(steps):
        entry = found[split][STEP_LEVEL][SCORE]
        if entry["value"] is None:
            continue
        values.append((place, entry["value"]))
        if entry["low"] is not None:
            axes.plot([place, place], [entry["low"], entry["high"]], color=MODEL, linewidth=2.4, alpha=0.55)
        axes.annotate(
            f"{entry['value']:.2f}", (place, entry["value"]), xytext=(8, 3), textcoords="offset points", fontsize=8
        )
        for name, marker in BASELINES.items():
            value = found["split_baselines"][split][name][STEP_LEVEL][SCORE]["value"]
            if value is not None:
                label = name if place == 0 else None
                axes.scatter([place - 0.12], [value], marker=marker, color=GREY, s=22, zorder=2, label=label)
    if values:
        axes.plot(*zip(*values, strict=True), "-o", color=MODEL, linewidth=1.4, label="model")
    lost = next((step for step in found["steps"] if step["leakage"]["value"] is not None), None)
    if lost is not None and len(values) > 1:
        top, bottom = values[0][1], values[-1][1]
        edge = len(steps) - 0.55
        axes.annotate("", (edge, bottom), (edge, top), arrowprops={"arrowstyle": "<->", "color": CONTRAST})
        text = f"leakage\n{lost['leakage']['value']:.2f}"
        axes.text(edge + 0.06, (top + bottom) / 2, text, color=CONTRAST, va="center", fontsize=8)
    axes.set_xticks(range(len(steps)), [f"by {split}" for split in steps])
    axes.set_xlim(-0.4, len(steps) - 0.1)
    axes.set_title("ROC AUC, macro, of wells under each split")
    axes.legend(loc="best")
    return figure


def _interval(entry: Mapping[str, Any]) -> str:
    if entry["value"] is None or entry["low"] is None:
        return shown(entry["value"])
    return f"{shown(entry['value'])} [{shown(entry['low'])}, {shown(entry['high'])}]"
