"""What the columns of a table mean: the many words for plate, well, compound, target, dose and role."""

import re
from collections.abc import Iterable, Sequence

from kinfast.errors import InputError, MetadataError

PLATE_WORDS = (
    "plate", "platename", "plateid", "barcode", "platebarcode", "assayplatebarcode", "assayplate", "assayplateid",
    "platenumber", "plateno", "platedapi", "platedna", "destinationplate", "destinationplatebarcode",
)  # fmt: skip
PLATEMAP_WORDS = ("platemapname", "platemap", "platemapfile", "platelayout", "layout")
WELL_WORDS = (
    "well", "wellposition", "wellname", "wellid", "wellpos", "welldapi", "welldna", "wellcoordinate", "destinationwell",
    "assaywell", "platewell", "welllabel",
)  # fmt: skip
ROW_WORDS = ("row", "wellrow", "platerow", "rowname", "rowletter", "rowid")
COLUMN_WORDS = ("column", "col", "wellcolumn", "wellcol", "platecolumn", "columnname", "colname", "columnid")
COMPOUND_WORDS = (
    "compound", "compoundname", "pertiname", "drug", "drugname", "inhibitor", "treatment", "substance", "perturbation",
    "pertname", "compoundid", "cpdid", "cpd", "cbkid", "cbkno", "broadsample", "pertid", "jcp2022", "gene",
)  # fmt: skip
"""In the order in which they become Metadata_Compound: a name before an id, since the same compound has many ids."""
COMPOUND_ID_WORDS = ("broadsample", "jcp2022", "compoundid", "cpdid", "cbkid", "cbkno", "pertid", *COMPOUND_WORDS)
"""In the order in which two tables are joined by them."""
TARGET_WORDS = (
    "target", "targets", "targetlist", "therapeuticclass", "therapeutictarget", "targetfamily", "targetname",
    "kinasefamily", "genetarget", "gene",
)  # fmt: skip
ROLE_WORDS = (
    "role", "wellrole", "welltype", "controltype", "perttype", "sampletype", "compoundtype", "controls", "control",
    "sbscontrols",
)  # fmt: skip
SOLVENT_WORDS = ("solvent", "vehicle")
UNIT_WORDS = ("doseunit", "doseunits", "concentrationunit", "concentrationunits", "concunit", "pertdoseunit", "unit")
BATCH_WORDS = ("batch",)
"""What windows may be set by: called Metadata_Batch, however a table spells it."""
NO_METADATA_WORDS = ("index", "imagenumber", "tablenumber", "site", "field", "fieldid", "fov", "timepoint", "series")
"""Columns of an image or of the table itself, not of a well."""

_PREFIX = re.compile(r"^(?:image_)?metadata_|^image_(?=filename|pathname)", re.IGNORECASE)
_FILE_COLUMN = re.compile(
    r"^(?:image_)?(?:filename|pathname|url|objects?filename|md5digest|height|width)_", re.IGNORECASE
)
_DOSE = re.compile(
    r"^(?:final|compound|test|nominal|assay|well|pert|treatment|cmpd|cpd)?[\s_-]*(?:dose|dosage|conc\.?|concentration)"
    r"[\s_-]*(?:in)?[\s_(\[-]*(?P<unit>[pnµμum]?m|(?:pico|nano|micro|milli)?molar|[pnµμum]?mol/l)?[)\]]*$"
)
_UNIT_FACTORS = {"p": 1e-6, "n": 1e-3, "u": 1.0, "m": 1e3, "": 1e6}
"""Micromolar in one of the unit, by the unit's prefix; the empty prefix is molar."""
_DOSE_CELL = re.compile(r"^(?P<number>[-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*(?P<unit>[pnµμum]?M|[pnµμum]?mol/[lL])?$")
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
"""A number whose commas may stand between thousands."""


def plain_name(header: str) -> str:
    """Take off what tools put in front of a column's name: Image_Metadata_Compound is Compound."""
    return _PREFIX.sub("", header.strip())


def word(header: str) -> str:
    """Bring a header to one spelling for comparison: `Well Name`, `well_name` and `Metadata_WellName` are equal."""
    return re.sub(r"[^a-z0-9]", "", plain_name(header).lower())


def find_column(headers: Iterable[str], words: Sequence[str]) -> str | None:
    """Find the header that is the earliest of the words."""
    by_word: dict[str, str] = {}
    for header in headers:
        by_word.setdefault(word(header), header)
    return next((by_word[candidate] for candidate in words if candidate in by_word), None)


def find_columns(headers: Iterable[str], words: Sequence[str]) -> list[str]:
    """Find all headers that are among the words, in the words' order."""
    headers = list(headers)
    return [header for candidate in words for header in headers if word(header) == candidate]


def names_wells(headers: Sequence[str]) -> bool:
    """Tell whether one of the columns, or two together, name a well."""
    found = [find_column(headers, words) for words in (ROW_WORDS, COLUMN_WORDS)]
    return find_column(headers, WELL_WORDS) is not None or None not in found


def is_file_column(header: str, about_wells: bool = True) -> bool:
    """Tell whether a column names files, as LoadData's do, or counts rows or, in a table of wells, images."""
    counts = about_wells and word(header) in NO_METADATA_WORDS
    return _FILE_COLUMN.match(header) is not None or word(header) == "index" or counts or header.startswith("column ")


def dose_factor(header: str) -> float | None:
    """Give the micromolar in one of a dose column's unit: 1 where it names none. None where it is no dose."""
    plain = plain_name(header).lower()
    if word(header) in ("mmolesperliter", "mmolperl", "mmolesperlitre"):
        return _UNIT_FACTORS["m"]
    found = _DOSE.match(plain)
    return None if found is None else unit_factor(found["unit"] or "um")


def names_unit(header: str) -> bool:
    """Tell whether a dose column's name says its unit."""
    found = _DOSE.match(plain_name(header).lower())
    return found is None or found["unit"] is not None


def unit_factor(unit: str) -> float:
    """Give the micromolar in one of a unit: nM, µM, mM, M, in any spelling.

    Raises:
        MetadataError: it is no unit of concentration.
    """
    short = unit.strip().lower().replace("µ", "u").replace("μ", "u")
    for long, prefix in (("pico", "p"), ("nano", "n"), ("micro", "u"), ("milli", "m")):
        short = short.replace(f"{long}molar", f"{prefix}m")
    short = short.replace("molar", "m").replace("mol/l", "m")
    prefix = short[:-1]
    if not short.endswith("m") or prefix not in _UNIT_FACTORS:
        raise MetadataError(f"{unit!r} is no unit of dose: wanted nM, µM, mM or M")
    return _UNIT_FACTORS[prefix]


def commas_are_decimal(cells: Iterable[str]) -> bool | None:
    """Tell from all of a column's doses whether a comma is a decimal one (`0,5`); None where they do not tell."""
    numbers = [found["number"] for cell in cells if (found := _DOSE_CELL.match(cell.strip())) is not None]
    if any("," in number and _GROUPED.fullmatch(number) is None for number in numbers):
        return True
    return False if any("." in number or number.count(",") > 1 for number in numbers) else None


def parse_dose(cell: str, factor: float, decimal_comma: bool | None = None) -> float:
    """Read a dose in micromolar: a number in the column's unit, or one that brings its own (`500 nM`).

    Args:
        cell: the dose.
        factor: micromolar in one of the column's unit.
        decimal_comma: of the column (`commas_are_decimal`).

    Raises:
        InputError: it is no number, or `1,000` where the column does not tell whether that is a thousand or one.
    """
    found = _DOSE_CELL.match(cell.strip())
    number = "" if found is None else found["number"]
    if _GROUPED.fullmatch(number) and not decimal_comma:
        if decimal_comma is None:
            raise InputError(f"{cell!r} may be a thousand or one: write {number.replace(',', '')}, or a decimal point")
        number = number.replace(",", "")
    try:
        value = float(number.replace(",", "."))
    except ValueError:
        raise InputError(f"{cell!r} is no dose: wanted a number, with or without a unit") from None
    value *= unit_factor(found["unit"]) if found is not None and found["unit"] else factor
    return float(f"{value:.9g}")  # 0.003 mM is 3 µM, not 3.0000000000000004
