"""How two ways are timed against each other: by turns, so that both meet the same neighbours on the machine."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

SMOKE = os.environ.get("KINFAST_BENCH_SMOKE") == "1"
"""See that the benchmarks run, at a tiny size; nothing is asserted of ratios and nothing is written."""
ROUNDS, REPEATS = (1, 1) if SMOKE else (5, 5)


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table.

    Attributes:
        ratio: what the floor is about; how many times as fast ours is, unless the floor's words say otherwise.
        ours: of our way, in `unit`.
        theirs: of the other way, in `unit`.
        unit: ms, s, MB, GB/s.
        peer: who the other way is, where there are several to choose from.
    """

    ratio: float
    ours: float
    theirs: float
    unit: str = "ms"
    peer: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give what results.json keeps: four figures of each number say all that a clock knows."""
        return {key: float(f"{v:.4g}") if isinstance(v, float) else v for key, v in asdict(self).items()}


def seconds(call: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def best_of(call: Callable[[], object], repeats: int) -> float:
    """Give the seconds of the fastest call: what disturbs a call only ever adds time."""
    return min(seconds(call) for _ in range(repeats))


def compare(
    ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int = ROUNDS, repeats: int = REPEATS
) -> Measured:
    """Time both by turns; the ratio is the median of the rounds' ratios, theirs over ours, each of the best calls."""
    pairs = [(best_of(ours, repeats), best_of(theirs, repeats)) for _ in range(rounds)]
    return Measured(
        statistics.median(their_time / our_time for our_time, their_time in pairs),
        1e3 * min(pair[0] for pair in pairs),
        1e3 * min(pair[1] for pair in pairs),
    )


def as_long(measured: Measured) -> Measured:
    """Turn the ratio around: how many times as long ours takes."""
    return Measured(1 / measured.ratio, measured.ours, measured.theirs, measured.unit, measured.peer)
