"""Composites: which stored channels become one stream of a model."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError


@dataclass(frozen=True, slots=True)
class Composite:
    """A stream's name and the channels that it is made of, in order; a channel may repeat."""

    name: str
    channels: tuple[str, ...]


def parse_composites(wanted: str | Sequence[str] | None, store: PreparedStore) -> tuple[Composite, ...]:
    """Read composites as a person writes them.

    Args:
        wanted: names of the spec ("MiCoPh,SyHoPh"), channels joined by plus signs ("DNA+RNA+ER,AGP+Mito+DNA"; any
            number of channels), or a list of such; None takes the data set's default streams.
        store: what there is to build from.

    Raises:
        UsageError: a name or channel is unknown, or there is no default that can be built.
    """
    words = _words(wanted, store)
    if not words:
        raise UsageError(f"{store.root}: the data set names no default streams; give --composites: {_choices(store)}")
    return tuple(_parse_one(word, store) for word in words)


def used_channels(composites: Sequence[Composite], store: PreparedStore) -> NDArray[np.int64]:
    """Give the store's positions of all channels that the composites need, each once, ascending."""
    names = {channel for composite in composites for channel in composite.channels}
    return np.array([index for index, name in enumerate(store.channels) if name in names], np.int64)


def stream_positions(composites: Sequence[Composite], store: PreparedStore) -> tuple[tuple[int, ...], ...]:
    """Give, for each composite, its channels' positions among `used_channels`."""
    order = [store.channels[index] for index in used_channels(composites, store)]
    return tuple(tuple(order.index(channel) for channel in composite.channels) for composite in composites)


def buildable(store: PreparedStore) -> dict[str, tuple[str, ...]]:
    """Give the named composites whose channels are all in the store."""
    return {name: parts for name, parts in store.composites.items() if set(parts) <= set(store.channels)}


def _words(wanted: str | Sequence[str] | None, store: PreparedStore) -> list[str]:
    if wanted is None:
        return list(store.streams)
    words = next(csv.reader([wanted], skipinitialspace=True)) if isinstance(wanted, str) else list(wanted)
    return [word.strip() for word in words if word.strip()]


def _parse_one(word: str, store: PreparedStore) -> Composite:
    if word in store.composites:
        parts = store.composites[word]
    elif word in store.channels:
        parts = (word,)
    else:
        parts = tuple(part.strip() for part in word.split("+"))
    missing = [part for part in parts if part not in store.channels]
    if missing:
        raise UsageError(f"composite {word!r} cannot be built: no {', '.join(missing)} here; {_choices(store)}")
    return Composite(word, parts)


def _choices(store: PreparedStore) -> str:
    named = [f"{name} ({'+'.join(parts)})" for name, parts in buildable(store).items()]
    any_of = f"any of the channels {', '.join(store.channels)} joined by +"
    return f"what can be built: {', '.join(named)}, or {any_of}" if named else f"what can be built: {any_of}"
