"""Tables of the plates' report as HTML."""

import html

import pandas as pd

from kinfast.report.page import framed_table
from kinfast.report.tables import LONG


def table_html(frame: pd.DataFrame, caption: str) -> str:
    """Give a table whose cells are shown as they print; numbers stand to the right."""
    numeric = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns]
    head = "".join(
        f'<th scope="col"{_kind(n)}>{html.escape(str(name))}</th>'
        for name, n in zip(frame.columns, numeric, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{_kind(n, str(cell))}>{html.escape(str(cell))}</td>" for cell, n in zip(row, numeric, strict=True)
        )
        + "</tr>\n"
        for row in frame.itertuples(index=False)
    )
    table = (
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table>"
    )
    return f"{framed_table(table, caption)}\n"


def _kind(numeric: bool, words: str = "") -> str:
    return ' class="n"' if numeric else ' class="long"' if len(words) > LONG else ""
