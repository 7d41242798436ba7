"""The tables of docs/illumination.md in Markdown, with words on where `auto` is not the best."""

import os
import platform
from pathlib import Path
from typing import Any

from benchmarks.illumination_scenes import Scenario

PEER_METHOD, SMOOTHED = "BaSiCPy 2.0", "mean, smoothed"
ERRORS = ("auto", PEER_METHOD, SMOOTHED, "basic", "mean", "gaussian", "median-filter")
"""Methods in the order of the columns."""
FASTER = 20.0
"""How many times as fast as BaSiCPy `auto` is meant to be."""
Row = dict[str, dict[str, Any]]
"""Method -> its line of results."""
Rows = list[tuple[Scenario, Row]]


def row_line(scenario: Scenario, row: Row) -> str:
    """Spell a row of the table."""
    errors = [f"{row[name]['error']:.2%}" if name in row else "not run" for name in ERRORS]
    seconds = [f"{row[name]['cpu_s']:.2f}" if name in row else "not run" for name in ("auto", PEER_METHOD)]
    ratio = _ratio(row)
    cells = [*_names(scenario), *errors, *seconds, "not run" if ratio is None else f"{ratio:.0f}"]
    return f"| {' | '.join(cells)} |"


def page_part(rows: Rows) -> str:
    """Give the machine, the table, and what it says."""
    heads = ["images", "cells", "offset", "spoilt", *ERRORS, "`auto`, s", "BaSiCPy, s", "ratio"]
    table = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *(row_line(*row) for row in rows)]
    return "\n".join(
        [f"{_machine()}; RMS error of the flat-field, processor seconds of one thread:", "", *table, "", *_words(rows)]
    )


def _words(rows: Rows) -> list[str]:
    worse = [words for scenario, row in rows if (words := _worse(scenario, row, (PEER_METHOD, SMOOTHED)))]
    own = [words for scenario, row in rows if (words := _worse(scenario, row, ERRORS[3:]))]
    slow = [f"{_words_of(scenario)} {ratio:.0f}" for scenario, row in rows if (ratio := _ratio(row)) and ratio < FASTER]
    unknown = [_words_of(scenario) for scenario, row in rows if PEER_METHOD not in row]
    return [
        f"- `auto` is worse than BaSiCPy or the smoothed mean in: {'; '.join(worse) or 'no row'}.",
        f"- `auto` is worse than another method of ours in: {'; '.join(own) or 'no row'}.",
        f"- Less than {FASTER:.0f} times as fast as BaSiCPy: {'; '.join(slow) or 'no row'}.",
        *([f"- BaSiCPy was not run in: {'; '.join(unknown)}."] if unknown else []),
    ]


def _worse(scenario: Scenario, row: Row, others: tuple[str, ...]) -> str:
    known = {name: row[name]["error"] for name in others if name in row}
    if not known or "auto" not in row:
        return ""
    best = min(known, key=lambda name: known[name])
    beyond = row["auto"]["error"] - known[best]
    return f"{_words_of(scenario)} by {beyond:.2%} ({best})" if beyond > 0 else ""


def _ratio(row: Row) -> float | None:
    if "auto" not in row or PEER_METHOD not in row:
        return None
    return float(row[PEER_METHOD]["cpu_s"] / row["auto"]["cpu_s"])


def _names(scenario: Scenario) -> list[str]:
    offset, spoilt = "200 counts" if scenario.offset else "none", "yes" if scenario.spoilt else "no"
    return [str(scenario.images), scenario.cells, offset, spoilt]


def _words_of(scenario: Scenario) -> str:
    images, cells, offset, spoilt = _names(scenario)
    return f"{images} {cells}, offset {offset}{'' if spoilt == 'yes' else ', not spoilt'}"


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"
