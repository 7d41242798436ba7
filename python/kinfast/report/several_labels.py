"""Tables, curves and page of a run of several labels a site."""

import html
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast import __version__
from kinfast.evaluate.run_folder import REPORT, Run
from kinfast.report.contents import summary_table
from kinfast.report.history_figure import draw_history
from kinfast.report.page import Section, definitions, inline_image, make_page, paragraph, tiles
from kinfast.report.style import figure_style, save_figure
from kinfast.report.tables import Table, shown, to_html, write_table, write_text

COLUMNS = ("class", "n_compounds", "n_wells", "n_sites", "roc_auc", "low", "high", "average_precision", "judged")


def write_several_report(run: Run, metrics: dict[str, Any]) -> Path:
    """Write tables/, figures/ and report.html; gives the page's path."""
    level = metrics["about"]["level"]
    labels, summary = _label_table(metrics["per_class"][level], level), summary_table(metrics)
    for table in (labels, summary):
        write_table(table, run.path / "tables")
    with figure_style():
        figure = draw_history(run.history)
        if figure is not None:
            save_figure(figure, run.path / "figures", "history")
    sections = [Section("scores", "Scores", to_html(summary)), Section("labels", "Labels", to_html(labels))]
    if metrics["soft"].get(level):
        sections.append(Section("soft", "Selectivity", _soft(metrics["soft"][level])))
    if figure is not None:
        words = "Train (solid) and validation (dashed) over the epochs."
        sections.append(
            Section("history", "Training", inline_image(run.path / "figures" / "history.svg", "history", words))
        )
    notes = "".join(paragraph(str(note)) for note in run.config.get("notes") or [])
    sections.append(Section("split", "Labels and split", notes))
    about = metrics["about"]
    subtitle = (
        f"{len(about['classes'])} labels, several a site · split by {about['split_by']} · {about['sites']:,} sites of "
        f"{about['wells']:,} wells and {about['compounds']:,} compounds held out"
    )
    footer = f"kinfast {__version__}. Made from predictions.parquet alone; kinfast evaluate makes it again."
    write_text(make_page(f"Run {run.name}", subtitle, _lead(metrics), sections, footer), run.path / REPORT)
    return run.path / REPORT


def _lead(metrics: dict[str, Any]) -> str:
    scores = metrics["test"][metrics["about"]["level"]]
    words = {
        "roc_auc_macro": "ROC AUC, mean over labels",
        "average_precision_macro": "average precision, mean over labels",
    }
    figures = [
        (shown(scores[name]["value"]), text) for name, text in words.items() if scores[name]["value"] is not None
    ]
    verdicts = "".join(
        f'<li class="{html.escape(verdict["kind"])}">{html.escape(verdict["text"])}</li>\n'
        for verdict in metrics["verdicts"]
    )
    return f'{tiles(figures)}<ul class="verdicts">\n{verdicts}</ul>\n'


def _label_table(rows: list[dict[str, Any]], level: str) -> Table:
    raw = pd.DataFrame(rows, columns=list(COLUMNS))
    shown_rows = tuple(tuple(_cell(row[name]) for name in COLUMNS) for row in rows)
    note = "Not judged: fewer than two compounds in the test part, or none without the label."
    return Table("per_class", f"Each label, {level}s", raw, COLUMNS, shown_rows, note)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else shown(value)


def _soft(soft: dict[str, dict[str, float | None]]) -> str:
    pairs = [(f"{who}, {name}", shown(value)) for who, values in soft.items() for name, value in values.items()]
    words = "Fractions of inhibition or occupancy, 0 to 1; the prior is the mean profile of the training part."
    return paragraph(words) + definitions(pairs)
