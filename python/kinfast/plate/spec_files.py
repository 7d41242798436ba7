"""Where the shipped YAML files lie, and how a YAML file is read and checked so that an error names the key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from kinfast.errors import SpecError

Model = TypeVar("Model", bound=BaseModel)
LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""As safe as PyYAML's own in Python, a tenth of its time: each command reads the eleven shipped conventions."""


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Raises:
        SpecError: it cannot be read, is no YAML, or holds something else.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, Mapping):
        raise SpecError(f"{path}: found {type(content).__name__}, wanted a mapping with keys such as name, channels")
    return {str(key): value for key, value in content.items()}


def validate(model: type[Model], content: Mapping[str, Any], where: str) -> Model:
    """Check a mapping against its model.

    Raises:
        SpecError: naming the key, what is wrong with it, and what was found there.
    """
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = "".join(f"{part}." for part in first["loc"])[:-1]
        said = first["msg"].removeprefix("Value error, ")
        found = f" (found {first['input']!r:.80})" if key and first["type"] != "missing" else ""
        more = f"; {error.error_count() - 1} more" if error.error_count() > 1 else ""
        raise SpecError(f"{where}: {f'{key}: ' if key else ''}{said}{found}{more}") from None
