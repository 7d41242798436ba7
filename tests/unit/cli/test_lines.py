"""Lines fit a screen of 80 columns, and lose no word."""

import shlex

import pytest

from kinfast.cli.lines import wrap_command, wrap_line
from kinfast.cli.progress import PlainReporter

LONG = "   flagged sites: exclude blank, dark; only-report few_cells, channel_swap " + "and more words " * 8


def test_a_long_line_is_broken_between_words_and_indented() -> None:
    parts = wrap_line(LONG)
    assert len(parts) == 3
    assert max(map(len, parts)) <= 80
    assert " ".join(parts).split() == LONG.split()
    assert [len(part) - len(part.lstrip()) for part in parts] == [3, 5, 5]


def test_what_fits_or_cannot_be_broken_stays() -> None:
    assert wrap_line("== title\n\n   two  spaces") == ["== title", "", "   two  spaces"]
    assert wrap_line("/" + "x" * 100) == ["/" + "x" * 100]


def test_a_broken_command_is_the_same_command() -> None:
    command = "kinfast train demo/prepared " + " ".join(f"--option-{n} {n}" for n in range(12))
    parts = wrap_command(command, "   ")
    assert max(map(len, parts)) <= 80
    assert parts[0].startswith("   $ kinfast train")
    joined = "\n".join(parts).replace("\\\n", " ")  # as a shell does; shlex does not
    assert shlex.split(joined) == ["$", *command.split()]


def test_a_log_is_as_wide(capsys: pytest.CaptureFixture[str]) -> None:
    PlainReporter().line(LONG)
    assert capsys.readouterr().err.splitlines() == wrap_line(LONG)
