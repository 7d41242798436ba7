"""What leakage.json says, on a run's page: the ladder of splits, the baselines beside it, its verdicts."""

import html
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast.report.plate_tables import table_html
from kinfast.report.tables import shown

LEAKAGE = "leakage.json"
LADDER = ("image", "well", "plate", "compound")
LEVELS = ("site", "well", "compound")
SHOWN = {"roc_auc_macro": "AUC macro", "roc_auc_micro": "AUC micro", "balanced_accuracy": "balanced"}


def read_leakage(run: Path) -> dict[str, Any] | None:
    """Read leakage.json of a run, or of the ladder that it is a rung of; None where there is none."""
    path = next((folder / LEAKAGE for folder in (run, run.parent) if (folder / LEAKAGE).is_file()), None)
    if path is None:
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else None


def is_ladder(leakage: Mapping[str, Any]) -> bool:
    """Tell whether a leakage.json is whole, as `kinfast leakage` writes it: then it can be drawn."""
    return all(name in leakage for name in (*LADDER, "steps", "split_baselines"))


def leakage_html(leakage: Mapping[str, Any]) -> str:
    """Give the section's body."""
    verdicts = "".join(_verdict(verdict) for verdict in leakage.get("verdicts") or [])
    rows = [*_rows("split by ", {name: leakage[name] for name in LADDER if name in leakage})]
    rows += _rows("baseline ", leakage.get("baselines") or {})
    table = table_html(pd.DataFrame(rows), "The same model and recipe under each split, held-out rows") if rows else ""
    listed = f'<ul class="verdicts">\n{verdicts}</ul>\n' if verdicts else ""
    return listed + table


def _rows(prefix: str, scored: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for name, levels in scored.items():
        for level in LEVELS:
            scores = levels.get(level) if isinstance(levels, Mapping) else None
            if not scores:
                continue
            cells = {heading: _cell(scores.get(score)) for score, heading in SHOWN.items()}
            if any(cells.values()):
                yield {"under": f"{prefix}{name}", "level": level} | cells


def _cell(entry: Mapping[str, float | None] | None) -> str:
    if not entry or entry.get("value") is None:
        return ""
    span = f" [{shown(entry.get('low'))}, {shown(entry.get('high'))}]" if entry.get("low") is not None else ""
    return f"{shown(entry['value'])}{span}"


def _verdict(verdict: Any) -> str:
    text = verdict.get("text", "") if isinstance(verdict, Mapping) else str(verdict)
    kind = str(verdict.get("kind", "finding")) if isinstance(verdict, Mapping) else "finding"
    return f'<li class="{html.escape(kind)}">{html.escape(str(text))}</li>\n'
