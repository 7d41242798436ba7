"""Options of `kinfast train` as words, NAME=VALUE: how recipes, grids and --set name what a run is trained with."""

import functools
import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kinfast.config import TrainConfig
from kinfast.data.labels import parse_classes
from kinfast.errors import UsageError

SHORT = {"lr": "learning_rate", "bs": "batch_size", "wd": "weight_decay", "switch_lr": "switch_learning_rate"}
"""Names that people type."""
OPEN = ("", "default", "auto")
"""Words for an option that is left to kinfast."""


def field_name(word: str) -> str:
    """Give the option's name in TrainConfig: `lr`, `learning-rate` and `learning_rate` are one.

    Raises:
        UsageError: there is no such option.
    """
    name = word.strip().replace("-", "_")
    name = SHORT.get(name, name)
    if name not in _types():
        raise UsageError(f"no option {word!r}: wanted one of kinfast train's, such as {', '.join(sorted(_types()))}")
    return name


def read_value(name: str, value: object) -> Any:
    """Read an option's value; lists are CSV rows.

    Args:
        name: of a TrainConfig field.
        value: a word, or what YAML made of it.

    Raises:
        UsageError: it is no value of that option.
    """
    kind = _types()[name]
    if isinstance(value, str):
        if type(None) in typing.get_args(kind) and value.strip().lower() in OPEN:
            return None
        if is_list(name):
            value = parse_classes(value)
    try:
        return TypeAdapter(kind).validate_python(tuple(value) if isinstance(value, list) else value)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{name}={value}: {said[:1].lower()}{said[1:]}") from None


def is_list(name: str) -> bool:
    """Say whether an option holds several values."""
    kind = _types()[name]
    return any(typing.get_origin(part) is tuple for part in (kind, *typing.get_args(kind)))


def read_settings(words: Iterable[str]) -> dict[str, Any]:
    """Read `--set NAME=VALUE` words.

    Raises:
        UsageError: a word cannot be read.
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--set {word}: wanted NAME=VALUE, such as epochs=20")
        found[field_name(name)] = read_value(field_name(name), value)
    return found


def read_mapping(content: Mapping[str, object], base: TrainConfig | None = None) -> TrainConfig:
    """Make a config from a recipe's `train` part."""
    values = {field_name(name): read_value(field_name(name), value) for name, value in content.items()}
    return replace(base or TrainConfig(), **values)


def spell_value(value: object) -> str:
    """Write a value as a person would type it."""
    if isinstance(value, tuple | list):
        return "+".join(spell_value(part) for part in value)
    if value is None:
        return "default"
    return f"{value:g}" if isinstance(value, float) else str(value)


@functools.cache
def _types() -> dict[str, Any]:
    return typing.get_type_hints(TrainConfig)
