"""How long work tells the person what it is doing, without knowing of a terminal."""

from typing import Protocol


class Reporter(Protocol):
    """Receives progress. The command line draws it; a library user passes `Silent` or their own."""

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stage of `total` units (None where unknown), ending the one before."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more units as done; `note` is a short text shown beside the bar."""

    def line(self, text: str) -> None:
        """Say one line that stays on the screen."""


class Silent:
    """A reporter that says nothing."""

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Ignore the stage."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Ignore the progress."""

    def line(self, text: str) -> None:
        """Ignore the line."""
