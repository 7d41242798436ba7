"""Data-set specs: what a set of plates shows (cell line, stains, channels) and how it is looked at (composites)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kinfast.domain import CELL_PAINTING_CHANNELS
from kinfast.errors import SpecError
from kinfast.plate.shipped import shipped_folder
from kinfast.plate.spec_files import read_mapping, validate
from kinfast.plate.tokens import natural_key, normal_token

DATASET_FILE = "dataset.yaml"
"""A folder of plates may carry its own spec under this name."""
STANDARD_COMPOSITES = {
    "MiCoPh": ("Mito", "ER", "AGP"),
    "MiSyHo": ("Mito", "RNA", "DNA"),
    "SyHoPh": ("RNA", "DNA", "AGP"),
}
"""Source: the thesis, 3.4; the order of the letters is the order of the planes."""
STANDARD_STREAMS = ("MiCoPh", "SyHoPh")
"""Source: the thesis, 3.9 (input two)."""
MAX_EXTENDS = 8


class ChannelSpec(BaseModel):
    """One channel: what it shows, and by which words the names of files may call it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, pattern=r"^[^\s/\\,+]+( [^\s/\\,+]+)*$")
    stain: str = ""
    structure: str = ""
    wavelength: tuple[str, ...] = ()

    @field_validator("wavelength", mode="before")
    @classmethod
    def _as_words(cls, value: Any) -> Any:
        many = value if isinstance(value, list | tuple) else [value]
        return tuple(str(word) for word in many)


class DatasetSpec(BaseModel):
    """What a set of plates is. `metadata` is relative to the file that the spec was read from.

    `provenance` says where the cells come from and `consent` whether the person they come from agreed: for model cards.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    title: str = ""
    cell_line: str = ""
    provenance: str = ""
    consent: str = ""
    treatment_hours: float | None = Field(default=None, ge=0)
    well_volume_ul: float | None = Field(default=None, gt=0)
    pixel_um: float | None = Field(default=None, gt=0)
    convention: str | None = None
    channels: tuple[ChannelSpec, ...] = Field(min_length=1)
    composites: dict[str, tuple[str, str, str]] = {}
    streams: tuple[str, ...] = ()
    nuclei_channel: str | None = None
    metadata: str | None = None
    quality: dict[str, float] = {}
    intensity: dict[str, tuple[float, float]] = {}
    extends: str | None = None

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The channels in the store's order."""
        return tuple(channel.name for channel in self.channels)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = self.channel_names
        if len(set(names)) != len(names):
            raise ValueError(f"channels: a name stands twice in {', '.join(names)}")
        for composite, members in self.composites.items():
            unknown = [member for member in members if member not in names]
            if unknown:
                raise ValueError(f"composites.{composite}: {unknown[0]} is no channel (they are {', '.join(names)})")
        missing = [stream for stream in self.streams if stream not in self.composites]
        if missing:
            raise ValueError(f"streams: {missing[0]} is no composite (they are {', '.join(self.composites)})")
        strange = [channel for channel in self.intensity if channel not in names]
        if strange:
            raise ValueError(f"intensity: {strange[0]} is no channel (they are {', '.join(names)})")
        if self.nuclei_channel is not None and self.nuclei_channel not in names:
            raise ValueError(f"nuclei_channel: {self.nuclei_channel} is no channel (they are {', '.join(names)})")
        return self


def shipped_specs() -> tuple[str, ...]:
    """Name the specs that come with kinfast."""
    return tuple(sorted(path.stem for path in shipped_folder().glob("*.yaml")))


def spec_path(name_or_path: str) -> Path:
    """Find a spec's file: a shipped name, or a path.

    Raises:
        SpecError: there is neither.
    """
    if name_or_path in shipped_specs():
        return shipped_folder() / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.is_file():
        return path
    raise SpecError(f"spec {name_or_path!r}: neither a file nor one of {', '.join(shipped_specs())}")


def load_spec(name_or_path: str) -> DatasetSpec:
    """Read a spec by its shipped name or from a file, with what it extends.

    Raises:
        SpecError: unknown, or malformed: the message names the file and the key.
    """
    path = spec_path(str(name_or_path))
    return validate(DatasetSpec, _extended(path, ()), str(path))


def find_spec(root: Path) -> DatasetSpec | None:
    """Read the spec that a folder of plates carries itself, if it does."""
    path = root / DATASET_FILE
    return load_spec(str(path)) if path.is_file() else None


def _extended(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path in seen or len(seen) >= MAX_EXTENDS:
        raise SpecError(f"{path}: extends: goes round in a circle through {', '.join(p.name for p in seen)}")
    content = read_mapping(path)
    parent = content.get("extends")
    if parent is None:
        return content
    beside = path.parent / str(parent)
    base = _extended(beside if beside.is_file() else spec_path(str(parent)), (*seen, path))
    base.pop("metadata", None)  # a table is one folder's own
    return {**base, **content}


def generic_spec(tokens: Sequence[str], names: Sequence[str] | None = None) -> DatasetSpec:
    """Make a spec of the channels that are there: ch<token>, or the names given, one for each token.

    Where all names of a standard composite are among them, the composite is offered.
    """
    tokens = [normal_token(token) for token in tokens]
    named = list(names) if names is not None else [f"ch{token}" for token in tokens]
    order = sorted(range(len(tokens)), key=lambda i: (_painting_rank(named[i]), natural_key(tokens[i])))
    channels = tuple(ChannelSpec(name=named[i], wavelength=(tokens[i],)) for i in order)
    present = set(named)
    composites = {name: of for name, of in STANDARD_COMPOSITES.items() if present.issuperset(of)}
    streams = STANDARD_STREAMS if all(stream in composites for stream in STANDARD_STREAMS) else ()
    return DatasetSpec(
        name="generic",
        title="Channels as found",
        channels=channels,
        composites=composites,
        streams=streams,
        nuclei_channel="DNA" if "DNA" in present else None,
    )


def _painting_rank(name: str) -> int:
    return CELL_PAINTING_CHANNELS.index(name) if name in CELL_PAINTING_CHANNELS else len(CELL_PAINTING_CHANNELS)
