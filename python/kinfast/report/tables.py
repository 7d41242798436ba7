"""Tables as CSV, Markdown, LaTeX, HTML and plain text: full numbers in the CSV, readable ones in the others."""

import html
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kinfast.report.page import framed_table

LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "µ": r"$\mu$",
}
UNDEFINED = "–"
LONG = 40
"""Letters of a cell of words from which it may wrap in a page."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report.

    Attributes:
        name: its files' stem.
        title: one line.
        raw: numbers as they are, for the CSV.
        header: columns as they are shown.
        rows: cells as they are shown, one text per column.
        note: what a reader must know, or empty.
        text_columns: how many columns from the left are words; the others are set to the right.
    """

    name: str
    title: str
    raw: pd.DataFrame
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    text_columns: int = 1


def to_csv(table: Table) -> str:
    """Write the raw numbers; what is undefined is empty."""
    return table.raw.to_csv(index=False, lineterminator="\n")


def to_markdown(table: Table) -> str:
    """Write a GitHub table with its title."""
    rule = ["---" if place < table.text_columns else "---:" for place in range(len(table.header))]
    lines = [_pipes([_bars(cell) for cell in cells]) for cells in (table.header, rule, *table.rows)]
    note = ["", table.note] if table.note else []
    return "\n".join([f"### {table.title}", "", *lines, *note]) + "\n"


def to_latex(table: Table) -> str:
    """Write a booktabs table environment."""
    columns = "l" * table.text_columns + "r" * (len(table.header) - table.text_columns)
    body = [" & ".join(_latex(cell) for cell in row) + r" \\" for row in table.rows]
    head = " & ".join(_latex(cell) for cell in table.header) + r" \\"
    caption = _latex(f"{table.title}. {table.note}" if table.note else f"{table.title}.")
    begin = [r"\begin{table}", r"\centering", rf"\caption{{{caption}}}", rf"\label{{tab:{table.name}}}"]
    inner = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule"]
    return "\n".join([*begin, *inner, r"\end{tabular}", r"\end{table}"]) + "\n"


def to_html(table: Table) -> str:
    """Write a table element with a caption, for any page."""

    def cells(values: Sequence[str], tag: str) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        kinds = [_kind(values[place]) if place < table.text_columns else ' class="n"' for place in range(len(values))]
        return "".join(
            f"<{tag}{scope}{kind}>{_marked_up(value)}</{tag}>" for kind, value in zip(kinds, values, strict=True)
        )

    note = f'<p class="note">{html.escape(table.note)}</p>' if table.note else ""
    body = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in table.rows)
    head = f"<thead><tr>{cells(table.header, 'th')}</tr></thead>"
    caption = f"<caption>{html.escape(table.title)}</caption>"
    whole = f"<table>{caption}\n{head}\n<tbody>\n{body}\n</tbody></table>"
    return f"{framed_table(whole, table.title)}{note}\n"


def _kind(words: str) -> str:
    return ' class="long"' if len(words) > LONG else ""


def to_text(table: Table) -> str:
    """Write columns padded with blanks, for a terminal."""
    lines = [table.header, *table.rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(table.header))]

    def padded(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if place < table.text_columns else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    note = [table.note] if table.note else []
    return "\n".join([table.title, *map(padded, lines), *note]) + "\n"


WRITERS: dict[str, Callable[[Table], str]] = {
    "csv": to_csv,
    "md": to_markdown,
    "tex": to_latex,
    "html": to_html,
    "txt": to_text,
}


def write_table(table: Table, folder: Path) -> None:
    """Write a table in every format, through temporary names."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, writer in WRITERS.items():
        write_text(writer(table), folder / f"{table.name}.{suffix}")


def write_text(text: str, path: Path) -> None:
    """Write a file through a temporary name."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def shown(value: float | None, digits: int = 3) -> str:
    """Write a number with some decimals, a dash where it is undefined."""
    return UNDEFINED if value is None or pd.isna(value) else f"{value:.{digits}f}"


def _marked_up(cell: str) -> str:
    """Escape a cell; an interval goes below its value, smaller."""
    value, space, span = html.escape(cell).partition(" [")
    return f"{value}<small>[{span}</small>" if space else value


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bars(cell: str) -> str:
    """Escape what would end a cell, or be taken for HTML: compounds have names of any kind."""
    return cell.replace("<", "&lt;").replace("|", "\\|")


def _latex(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in text)
