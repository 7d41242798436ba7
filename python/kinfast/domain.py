"""The field's values: plates, wells, sites, channels and the image files that make them up."""

import re
from dataclasses import dataclass
from typing import Any, NewType

import numpy as np
from numpy.typing import NDArray

from kinfast.errors import InputError

RawImage = NDArray[np.uint16]
"""(H, W) raw camera counts."""
FloatImage = NDArray[np.float32]
"""(H, W) corrected counts, or a field of unit mean."""
StoreImages = NDArray[np.uint8]
"""(n_sites, H, W, n_channels) quantised intensities, C order."""
AnyArray = NDArray[Any]

WellName = NewType("WellName", str)
"""Row letters and two-digit column: A01, P24, AF48."""

CELL_PAINTING_CHANNELS = ("DNA", "RNA", "ER", "AGP", "Mito")
"""The five channels of Cell Painting, always in this order."""

_WELL = re.compile(r"^\s*(?:[Rr](?P<r>\d{1,2})[Cc](?P<c>\d{1,2})|(?P<rows>[A-Za-z]{1,2})[-_ ]?0*(?P<col>\d{1,2}))\s*$")


def well_name(row: int, column: int) -> WellName:
    """Spell a well from its 1-based row and column: (1, 1) is A01, (32, 48) is AF48.

    Raises:
        InputError: row is not in 1 … 52 or column not in 1 … 99.
    """
    if not (1 <= row <= 52 and 1 <= column <= 99):
        raise InputError(f"row {row}, column {column} is no well: wanted rows 1 to 52 and columns 1 to 99")
    letters = chr(64 + row) if row <= 26 else chr(64 + (row - 1) // 26) + chr(65 + (row - 1) % 26)
    return WellName(f"{letters}{column:02d}")


def parse_well(text: str) -> WellName:
    """Read any usual spelling of a well: B2, b02, B-02, r02c02.

    Raises:
        InputError: the text is none of them.
    """
    match = _WELL.match(text)
    if match is None:
        raise InputError(f"{text!r} is no well: wanted a spelling such as B2, B02 or r02c02")
    if match["r"]:
        return well_name(int(match["r"]), int(match["c"]))
    row = 0
    for letter in match["rows"].upper():
        row = row * 26 + ord(letter) - 64
    return well_name(row, int(match["col"]))


def well_position(well: str) -> tuple[int, int]:
    """Give a well's 1-based row and column: B02 is (2, 2)."""
    name = parse_well(well)
    letters = name.rstrip("0123456789")
    row = 0
    for letter in letters:
        row = row * 26 + ord(letter) - 64
    return row, int(name[len(letters) :])


@dataclass(frozen=True, slots=True, order=True)
class SiteKey:
    """What tells one imaged position from another."""

    plate: str
    well: WellName
    site: int
    timepoint: int = 1

    def __str__(self) -> str:
        time = "" if self.timepoint == 1 else f" t{self.timepoint}"
        return f"{self.plate} {self.well} s{self.site}{time}"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image on disk, as its name describes it.

    Attributes:
        path: relative to the plates' root, with forward slashes.
        key: plate, well, site, timepoint.
        channel: the channel's name in the spec ("DNA"), or "ch<index>" where there is no spec.
        plane: Z step, 1-based; None where the name has none or the file is a projection.
        size_bytes: the file's size.
        mtime_ns: modification time in nanoseconds; never written to a file whose bytes are compared.
        page: page of the TIFF that holds the image.
    """

    path: str
    key: SiteKey
    channel: str
    plane: int | None
    size_bytes: int
    mtime_ns: int
    page: int = 0


@dataclass(frozen=True, slots=True)
class Site:
    """One imaged position: for each channel, in the spec's order, the planes to be projected."""

    key: SiteKey
    channels: tuple[tuple[ImageFile, ...], ...]


@dataclass(frozen=True, slots=True)
class Plate:
    """One plate: what can be processed of it, in the order of the store's rows."""

    name: str
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One cause for which something was set aside. Empty strings and None where not known."""

    path: str
    plate: str
    well: str
    site: int | None
    channel: str
    reason: str
    timepoint: int = 1


@dataclass(frozen=True, slots=True)
class IgnoredFile:
    """A file that is no plate image, and why."""

    path: str
    reason: str
