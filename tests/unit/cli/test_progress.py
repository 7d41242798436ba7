"""Progress on a terminal."""

import io
import re

import pytest

from kinfast.cli.progress import SHOWN_BARS, TerminalReporter, make_reporter


class Screen(io.StringIO):
    """What a terminal was sent."""

    def isatty(self) -> bool:
        return True


def test_a_stage_whose_end_is_not_known_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk through a folder of plates ended `inspect` and `preprocess` on every terminal as an internal error."""
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with make_reporter(quiet=False) as reporter:
        assert isinstance(reporter, TerminalReporter)
        reporter.stage("looking for images", None, "files")
        reporter.advance(1200)
        reporter.stage("P1: light", 24, "images")
        reporter.advance(24)
        reporter.line("said above the bars, and longer than a screen of eighty columns is wide: so it is broken")
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert "1,200 " in shown
    assert "24/24" in shown
    assert "columns is wide: so it\n  is broken\n" in shown


def test_of_many_bars_the_latest_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 24 plates on a screen of 40 lines the bar that moved was below its edge."""
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with make_reporter(quiet=False) as reporter:
        for plate in range(30):
            reporter.stage(f"P{plate:02d}: sites", 5, "sites")
            reporter.advance(5)
        screen.seek(0)
        screen.truncate()
    left = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert re.findall(r"P\d\d", left)[-SHOWN_BARS:] == [f"P{plate}" for plate in range(30 - SHOWN_BARS, 30)]
    assert "P00" not in left
