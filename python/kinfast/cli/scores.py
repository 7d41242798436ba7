"""The short table at the end of a training: the test part's scores beside what no learning gives."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

SHOWN = (
    ("roc_auc_macro", "macro ROC AUC"),
    ("roc_auc_micro", "micro ROC AUC"),
    ("balanced_accuracy", "balanced accuracy"),
    ("top1_accuracy", "top-1 accuracy"),
    ("binary_accuracy", "binary accuracy"),
)
LEVELS = ("site", "well", "compound")
MODEL, PRIOR = "test", "prior"


def print_scores(metrics: Mapping[str, Any], verdicts: Sequence[str]) -> None:
    """Print the test part's scores with their intervals, a column for each level, and the prior's beside each."""
    levels = [level for level in LEVELS if metrics[MODEL].get(level)]
    prior = metrics.get("baselines", {}).get(PRIOR, {})
    heads = [f"{level} [interval] (prior)" for level in levels]
    rows = [["test part", *heads]]
    for name, words in SHOWN:
        rows.append([words, *(_cell(metrics[MODEL][level], prior.get(level) or {}, name) for level in levels)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for verdict in verdicts:
        typer.echo(f"- {verdict}")


def _cell(scores: Mapping[str, Any], prior: Mapping[str, Any], name: str) -> str:
    entry = scores.get(name) or {}
    without = (prior.get(name) or {}).get("value")
    return f"{_number(entry.get('value'))} {_interval(entry)} ({_number(without)})"


def _interval(entry: Mapping[str, Any]) -> str:
    return f"[{_number(entry.get('low'))}, {_number(entry.get('high'))}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
