"""Acquisition conventions: how a microscope names its files, read from `data_specs/conventions/*.yaml`."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kinfast.errors import ConventionError, InputError
from kinfast.plate.shipped import shipped_folder
from kinfast.plate.spec_files import read_mapping, validate

FIELDS = (
    "prefix", "plate", "well", "row", "row_letter", "column", "well_number",
    "site", "channel", "plane", "time", "measurement", "image",
)  # fmt: skip
"""What a pattern may capture. A digit behind the name gives an alternative: channel2 where channel is absent."""
PLATE_COLUMNS = {96: 12, 384: 24, 1536: 48}
"""Columns of the usual plates by their number of wells. Source: ANSI SLAS 4-2004."""


def _is_pattern(text: str) -> str:
    try:
        names = re.compile(text).groupindex
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    unknown = [name for name in names if name.rstrip("0123456789") not in FIELDS]
    if unknown:
        raise ValueError(f"captures {unknown[0]}: wanted some of {', '.join(FIELDS)}")
    return text


class Rule(BaseModel):
    """Names that are no plate images, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    pattern: str
    reason: str

    _check = field_validator("pattern")(_is_pattern)


class Example(BaseModel):
    """A path and what must be read from it; run as a test."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    fields: dict[str, str | int]


class CommonRules(BaseModel):
    """What holds under every convention."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    explain: tuple[Rule, ...]
    leave_out: tuple[Rule, ...]
    nameless: tuple[str, ...]


class Convention(BaseModel):
    """One way of naming files. Patterns match whole names, upper and lower case alike.

    Attributes:
        files: patterns of file names, tried in order; one with a slash is matched against the end of the path.
        folders: patterns of folder names that carry a field (TimePoint_3).
        plate_folders: patterns of folder names that hold a plate's name among other things.
        explain: why other TIFF files of this microscope are no plate images.
        site_offset, plane_offset, time_offset: added to the number in the name, so that the first is 1.
        channel_default: the token where the name has none.
        fallback: taken only where no other convention fits.
        side_files: the microscope's own tables that are read when they are there.
        template: a format string that makes such a path.
        examples: paths and what is read from them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    files: tuple[str, ...] = Field(min_length=1)
    folders: tuple[str, ...] = ()
    plate_folders: tuple[str, ...] = ()
    explain: tuple[Rule, ...] = ()
    site_offset: int = 0
    plane_offset: int = 0
    time_offset: int = 0
    channel_default: str = "1"
    fallback: bool = False
    side_files: tuple[str, ...] = ()
    template: str = ""
    examples: tuple[Example, ...] = ()

    @field_validator("files", "folders", "plate_folders")
    @classmethod
    def _are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_is_pattern(pattern) for pattern in patterns)

    @model_validator(mode="after")
    def _wells_are_captured(self) -> Self:
        for pattern in self.files:
            named = {name.rstrip("0123456789") for name in re.compile(pattern).groupindex}
            if not (named & {"well", "well_number"} or ("column" in named and named & {"row", "row_letter"})):
                raise ValueError(f"files: {pattern} captures no well")
        return self


@cache
def common_rules() -> CommonRules:
    """Read the rules that hold under every convention."""
    path = shipped_folder() / "conventions" / "_common.yaml"
    return validate(CommonRules, read_mapping(path), str(path))


@cache
def shipped_conventions() -> tuple[Convention, ...]:
    """Read the conventions that come with kinfast, by name."""
    paths = sorted((shipped_folder() / "conventions").glob("[!_]*.yaml"))
    return tuple(_read_convention(path) for path in paths)


def load_convention(name_or_path: str) -> Convention:
    """Find a convention: a shipped name, a YAML file, or a template such as `{plate}/{well}_s{site}_w{channel}.tif`.

    Raises:
        ConventionError: it is none of them.
        SpecError: the YAML file is malformed.
    """
    shipped = {convention.name: convention for convention in shipped_conventions()}
    if name_or_path in shipped:
        return shipped[name_or_path]
    if "{" in name_or_path:
        return convention_of_template(name_or_path)
    if Path(name_or_path).is_file():
        return _read_convention(Path(name_or_path))
    raise ConventionError(
        f"convention {name_or_path!r}: neither a file, a template with {{well}} and {{channel}}, "
        f"nor one of {', '.join(shipped)}, loaddata"
    )


def _read_convention(path: Path) -> Convention:
    return validate(Convention, read_mapping(path), str(path))


_TEMPLATE_FIELDS = {
    "plate": r"(?P<plate>[^/]+?)",
    "well": r"(?P<well>[A-Z]{1,2}[-_ ]?\d{1,2}|r\d{1,2}c\d{1,2})",
    "row": r"(?P<row>\d{1,2})",
    "row_letter": r"(?P<row_letter>[A-Z]{1,2})",
    "column": r"(?P<column>\d{1,2})",
    "well_number": r"(?P<well_number>\d{1,5})",
    "site": r"(?P<site>\d{1,6})",
    "channel": r"(?P<channel>[^/]+?)",
    "plane": r"(?P<plane>\d{1,5})",
    "time": r"(?P<time>\d{1,6})",
    "any": r"[^/]*?",
}


def convention_of_template(template: str) -> Convention:
    """Make a convention of a template in which words in braces stand for the fields: `{well}_s{site}_w{channel}.tif`.

    Raises:
        ConventionError: a word is unknown, or there is no well.
    """
    pattern = ""
    for part in re.split(r"(\{[^}]*\})", template):
        word = part[1:-1].split(":")[0] if part.startswith("{") else None
        if word is None:
            pattern += re.escape(part)
        elif word in _TEMPLATE_FIELDS and f"(?P<{word}>" in pattern:
            pattern += f"(?P={word})"
        elif word in _TEMPLATE_FIELDS:
            pattern += _TEMPLATE_FIELDS[word]
        else:
            raise ConventionError(f"template {template!r}: {{{word}}} is none of {', '.join(_TEMPLATE_FIELDS)}")
    content: dict[str, Any] = {"name": template, "title": "A template", "files": [pattern], "template": template}
    try:
        return validate(Convention, content, f"template {template!r}")
    except InputError:
        raise ConventionError(f"template {template!r}: wanted {{well}}, or {{row_letter}} and {{column}}") from None
