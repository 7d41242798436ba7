"""One process's part of every minibatch and of every set that is evaluated, where several processes train a model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of all sites is this process's own.

    Attributes:
        index: of the process, from 0.
        count: processes.
        on_machine: those of this machine, which share its memory.
    """

    index: int = 0
    count: int = 1
    on_machine: int = 1

    def part(self, n: int) -> slice:
        """Give the own stretch of n things; stretches are disjoint, together all, and differ by one at most."""
        whole, over = divmod(n, self.count)
        start = self.index * whole + min(self.index, over)
        return slice(start, start + whole + (self.index < over))


WHOLE = Shard()
"""Of a process that is alone."""
