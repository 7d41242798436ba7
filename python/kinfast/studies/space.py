"""What a sweep varies: a grid of values, or ranges that Optuna draws from."""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kinfast.errors import UsageError
from kinfast.studies.settings import field_name, is_list, read_value, spell_value

LOG_RATIO = 10.0
"""Ranges whose ends differ by this factor or more are drawn from on a logarithmic scale."""
Changes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choices:
    """An option and the values that it takes."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """An option and the range that it is drawn from."""

    name: str
    low: float
    high: float
    whole: bool

    @property
    def logarithmic(self) -> bool:
        """Whether a factor counts, not a difference."""
        return self.low > 0 and self.high / self.low >= LOG_RATIO


def read_choices(word: str) -> Choices:
    """Read `lr=1e-4,1e-3`; the values of an option that is a list are parted by bars: `composites=MiCoPh|MiSyHo`.

    Raises:
        UsageError: it cannot be read.
    """
    name, equals, text = word.partition("=")
    if not equals or not text:
        raise UsageError(f"--grid {word}: wanted NAME=VALUE,VALUE, such as lr=1e-4,1e-3")
    field = field_name(name)
    words = text.split("|") if "|" in text or is_list(field) else text.split(",")
    values = tuple(read_value(field, part.strip()) for part in words)
    if len(set(values)) < len(values):
        raise UsageError(f"--grid {word}: a value is named twice")
    return Choices(field, values)


def read_range(word: str) -> Range:
    """Read `lr=1e-5..1e-2`.

    Raises:
        UsageError: it cannot be read, or is no range of numbers.
    """
    found = re.fullmatch(r"([\w-]+)=(.+?)\.\.(.+)", word)
    if found is None:
        raise UsageError(f"--range {word}: wanted NAME=LOW..HIGH, such as lr=1e-5..1e-2")
    field = field_name(found[1])
    low, high = read_value(field, found[2]), read_value(field, found[3])
    numbers = isinstance(low, int | float) and isinstance(high, int | float) and not isinstance(low, bool)
    if not numbers or not low < high or not math.isfinite(low + high):
        raise UsageError(f"--range {word}: wanted two rising numbers")
    return Range(field, low, high, isinstance(low, int) and isinstance(high, int))


def all_combinations(choices: Sequence[Choices]) -> list[Changes]:
    """Give every combination, the last option varying fastest."""
    names = [choice.name for choice in choices]
    if len(set(names)) < len(names):
        raise UsageError(f"--grid names an option twice: {', '.join(sorted(names))}")
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(c.values for c in choices))]


def name_changes(changes: Changes) -> str:
    """Name a folder by what was changed."""
    short = {"learning_rate": "lr", "batch_size": "bs"}
    parts = [f"{short.get(name, name)}={spell_value(value)}" for name, value in changes.items()]
    return re.sub(r"[^\w=.+-]+", "_", ",".join(parts).replace(",", "_"))[:150] or "base"
