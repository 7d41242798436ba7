"""Tables in five formats: nothing lost, nothing that breaks a format."""

from pathlib import Path

import pandas as pd
import pytest

from kinfast.report.tables import (
    WRITERS,
    Table,
    shown,
    to_csv,
    to_html,
    to_latex,
    to_markdown,
    to_text,
    write_table,
)


@pytest.fixture
def table() -> Table:
    raw = pd.DataFrame({"class": ['"A,B"|C_1 & <D>', "µ"], "area": [0.123456789, None]})
    rows = (('"A,B"|C_1 & <D>', "0.123 [0.1, 0.2]"), ("µ", shown(None)))
    return Table("t", "A title", raw, ("class", "ROC_area"), rows, "A note.")


def test_csv_keeps_every_digit_and_leaves_the_undefined_empty(table: Table, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(to_csv(table), encoding="utf-8")
    back = pd.read_csv(tmp_path / "t.csv")
    assert back["class"].tolist() == table.raw["class"].tolist()
    assert back["area"][0] == 0.123456789
    assert to_csv(table).splitlines()[-1] == "µ,"


def test_markdown_escapes_bars_and_aligns_numbers(table: Table) -> None:
    lines = to_markdown(table).splitlines()
    assert lines[:2] == ["### A title", ""]
    assert lines[3] == "| --- | ---: |"
    assert lines[4] == '| "A,B"\\|C_1 & &lt;D> | 0.123 [0.1, 0.2] |'
    assert lines[-1] == "A note."


def test_latex_escapes_what_latex_reads(table: Table) -> None:
    text = to_latex(table)
    assert r"\begin{tabular}{lr}" in text
    assert r'"A,B"|C\_1 \& <D> & 0.123 [0.1, 0.2] \\' in text
    assert r"ROC\_area" in text
    assert r"$\mu$ & -- \\" in text


def test_html_escapes_and_sets_intervals_below(table: Table) -> None:
    text = to_html(table)
    assert "<td>&quot;A,B&quot;|C_1 &amp; &lt;D&gt;</td>" in text
    assert '<td class="n">0.123<small>[0.1, 0.2]</small></td>' in text
    assert "<caption>A title</caption>" in text


def test_text_pads_columns(table: Table) -> None:
    lines = to_text(table).splitlines()
    assert lines[1].endswith("ROC_area")
    assert len(lines[1]) == len(lines[2])


def test_every_format_is_written_whole(table: Table, tmp_path: Path) -> None:
    write_table(table, tmp_path / "tables")
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == sorted(f"t.{suffix}" for suffix in WRITERS)


def test_numbers_are_shown_with_three_decimals_or_a_dash() -> None:
    assert (shown(0.12345), shown(0.12345, 4), shown(None), shown(float("nan"))) == ("0.123", "0.1235", "–", "–")
