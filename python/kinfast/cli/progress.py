"""Progress on stderr: a bar with rate and time left on a terminal, plain lines elsewhere, nothing when quiet."""

import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from kinfast.cli.lines import wrap_line

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines of one stage."""
SHOWN_BARS = 6
"""The latest, on a terminal: twenty plates have forty, and the one that moves would be below the screen's edge."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        number = f"{speed:,.1f}" if speed < 100 else f"{speed:,.0f}"
        return Text(f"{number} {task.fields['unit']}/s")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        of = "" if task.total is None else f"/{task.total:,.0f}"  # how many files a folder holds is not known before
        return Text(f"{task.completed:,.0f}{of}")


class _NotedProgress(Progress):
    """Bars, and below them the last one's note in a line of its own: beside a bar it would not fit 80 columns."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        note = str(self.tasks[-1].fields["note"]) if self.tasks else ""
        if note:
            yield Text(f"  {note}", no_wrap=True, overflow="ellipsis")


class TerminalReporter:
    """Draws a bar. Use as a context manager, so that the terminal is left as it was."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = _NotedProgress(
            TextColumn("{task.description:<26}"),
            BarColumn(bar_width=None),
            _Count(table_column=Column(no_wrap=True)),
            _Rate(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task: int | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Begin a bar."""
        from rich.progress import TaskID

        if self._task is not None:
            self._progress.stop_task(TaskID(self._task))
        self._task = self._progress.add_task(name, total=total, unit=unit, note="")
        for past in self._progress.task_ids[:-SHOWN_BARS]:
            self._progress.remove_task(past)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Move the bar on."""
        from rich.progress import TaskID

        if self._task is not None:
            self._progress.update(TaskID(self._task), advance=count, note=note)

    def line(self, text: str) -> None:
        """Print a line above the bar."""
        shown = "\n".join(wrap_line(text, self._console.width))
        self._console.print(shown, highlight=False, markup=False, soft_wrap=True)


class PlainReporter:
    """Writes a line when a stage begins, now and then, and when it ends: for log files."""

    def __init__(self) -> None:
        self._name, self._unit = "", ""
        self._total: int | None = None
        self._done = 0
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Say that a stage begins."""
        self._name, self._total, self._unit, self._done = name, total, unit, 0
        self._began = self._said = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count, and say so every few seconds and at the end."""
        self._done += count
        now = time.monotonic()
        if self._done == self._total or now - self._said > PLAIN_SECONDS:
            self._said = now
            rate = self._done / max(now - self._began, 1e-9)
            of = f"/{self._total:,}" if self._total is not None else ""
            left = (
                f", {(self._total - self._done) / rate:,.0f} s left" if self._total and self._done < self._total else ""
            )
            self.line(
                f"{self._name}: {self._done:,}{of} {self._unit}, {rate:,.1f}/s{left}{'; ' + note if note else ''}"
            )

    def line(self, text: str) -> None:
        """Print a line."""
        sys.stderr.writelines(f"{part}\n" for part in wrap_line(text))
        sys.stderr.flush()


class QuietReporter(PlainReporter):
    """Says nothing but what must be read: `line` is dropped too."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count nothing."""

    def line(self, text: str) -> None:
        """Say nothing."""


def make_reporter(quiet: bool) -> TerminalReporter | PlainReporter:
    """Choose how progress is shown."""
    if quiet:
        return QuietReporter()
    return TerminalReporter() if sys.stderr.isatty() else PlainReporter()
