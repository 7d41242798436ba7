"""Progress over all plates: which of them is worked on, and how long the others will take."""

import time
from collections.abc import Callable, Sequence

from kinfast.progress import Reporter
from kinfast.words import duration


class OverPlates:
    """Passes progress on, and says beside it which of how many plates this is and, from the second on, the time left.

    It is made of the reporter, the sites of each plate in order, and a clock in seconds.
    """

    def __init__(self, reporter: Reporter, n_sites: Sequence[int], clock: Callable[[], float] = time.monotonic) -> None:
        self._reporter, self._n_sites, self._clock = reporter, n_sites, clock
        self._began = clock()
        self._begun, self._place = 0, ""

    def next_plate(self) -> None:
        """Begin the next plate."""
        self._begun += 1
        self._place = f"plate {self._begun} of {len(self._n_sites)}{self._left()}" if len(self._n_sites) > 1 else ""

    def stage(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stage of this plate."""
        self._reporter.stage(name, total, unit)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count on."""
        self._reporter.advance(count, ", ".join(words for words in (self._place, note) if words))

    def line(self, text: str) -> None:
        """Say a line."""
        self._reporter.line(text)

    def _left(self) -> str:
        done = sum(self._n_sites[: self._begun - 1])
        if done == 0:
            return ""
        seconds = (self._clock() - self._began) * sum(self._n_sites[self._begun - 1 :]) / done
        return f", {duration(seconds)} left in all"
