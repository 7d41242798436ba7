"""Do the counts agree (K-07)? What a person states against what the tables hold, and stated counts among themselves."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import pandas as pd

from kinfast import schema
from kinfast.errors import UsageError
from kinfast.plate import table_columns as columns
from kinfast.plate.annotation.dictionary import odd_cells
from kinfast.plate.audit import audit_labels
from kinfast.plate.roles import is_vehicle
from kinfast.plate.tables import read_table

COLUMNS = ["check", "stated", "found", "agrees", "text"]
STATED = ("plates", "wells", "sites", "images", "compounds", "doses", "doses_per_compound", "rows", "columns")
"""Counts that a person may state: wells of a plate, sites of a well, images over all, doses that occur at all."""
SITE_WORDS = ("site", "field", "fieldid", "fov", "sitenumber")
LISTED = 5
YES, NO, UNDECIDED = "yes", "no", ""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the audit. `agrees` is yes, no, or empty where there is nothing to compare with."""

    check: str
    stated: str
    found: str
    agrees: str
    text: str


def parse_stated(words: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Read `plates=21`; a count that is stated twice, with different numbers, keeps both.

    Raises:
        UsageError: another word, or no number.
    """
    stated: dict[str, list[float]] = defaultdict(list)
    for word in words:
        name, _, number = word.partition("=")
        if name not in STATED or not number.replace(",", "").strip().isdigit():
            raise UsageError(f"--stated {word!r}: wanted NAME=NUMBER with NAME one of {', '.join(STATED)}")
        value = float(number.replace(",", ""))
        if value not in stated[name]:
            stated[name].append(value)
    return {name: tuple(values) for name, values in stated.items()}


def audit_stated(stated: Mapping[str, Sequence[float]]) -> list[Check]:
    """Compare stated counts with each other. A plate's wells times its sites are its images."""
    checks = [
        Check(
            f"{name} stated twice",
            " / ".join(map(_number, values)),
            "",
            NO,
            f"{name}: {' or '.join(map(_number, values))}?",
        )
        for name, values in stated.items()
        if len(values) > 1
    ]
    first = {name: values[0] for name, values in stated.items()}
    factors = ("plates", "wells", "sites")
    if {"images", *factors} <= first.keys():
        expected = prod(first[name] for name in factors)
        checks.append(_compare("images = plates × wells × sites", first["images"], expected, _product(first, factors)))
    if {"images", "wells", "sites"} <= first.keys():
        plates = first["images"] / (first["wells"] * first["sites"])
        text = (
            f"{first['images']:g} images / ({first['wells']:g} wells × {first['sites']:g} sites) = {plates:.1f} plates"
        )
        whole = plates == first.get("plates", round(plates))
        checks.append(
            Check(
                "plates that the images fill", _number(first.get("plates")), f"{plates:.1f}", YES if whole else NO, text
            )
        )
    if {"doses", "doses_per_compound"} <= first.keys():
        same = first["doses"] == first["doses_per_compound"]
        text = f"{first['doses']:g} doses occur, each compound is said to have {first['doses_per_compound']:g}"
        checks.append(
            Check(
                "doses of a compound",
                _number(first["doses_per_compound"]),
                _number(first["doses"]),
                YES if same else NO,
                text,
            )
        )
    if {"compounds", "doses_per_compound", "plates", "wells"} <= first.keys():
        wanted, there = first["compounds"] * first["doses_per_compound"], first["plates"] * first["wells"]
        text = f"{first['compounds']:g} compounds × {first['doses_per_compound']:g} doses = {wanted:g} of {there:g} "
        text += "wells; "
        text += f"{there - wanted:g} are left for controls"
        checks.append(
            Check(
                "compounds × doses fit the wells", _number(wanted), _number(there), YES if wanted <= there else NO, text
            )
        )
    return checks


def audit_wells(wells: pd.DataFrame, stated: Mapping[str, Sequence[float]]) -> list[Check]:
    """Compare the annotated wells with what is stated, and with each other."""
    by_plate = wells.groupby(wells[schema.PLATE].fillna("")).size()
    treated = wells[[c == c and c is not None and not is_vehicle(str(c)) for c in wells[schema.COMPOUND]]]
    doses = treated[treated[schema.DOSE_UM].notna()]
    per_compound = doses.groupby(schema.COMPOUND)[schema.DOSE_UM].nunique()
    found = {
        "plates": len(by_plate) if by_plate.index[0] else None,
        "wells": _usual(by_plate.tolist()),
        "compounds": treated[schema.COMPOUND].nunique(),
        "doses": doses[schema.DOSE_UM].nunique() or None,
        "doses_per_compound": _usual(per_compound.tolist()),
    }
    checks = [_against(name, stated.get(name, ()), number) for name, number in found.items() if number is not None]
    odd = [f"{plate} has {n}" for plate, n in by_plate.items() if n != found["wells"]]
    if odd:
        checks.append(Check("wells of each plate", "", "", NO, f"{found['wells']} on most, but {_listed(odd)}"))
    return checks + [Check("labels", "", "", NO, line) for line in audit_labels(wells)]


def audit_images(path: Path, stated: Mapping[str, Sequence[float]]) -> list[Check]:
    """Count the rows of a table that has a row an image (K-02): rows, sites of a well, doubles and gaps, odd cells."""
    frame = read_table(path)
    headers = [str(name) for name in frame.columns]
    checks = [Check(f"{path.name}: cells that are no number", "", "", NO, f"{name}: {_counted(odd)} among numbers")
              for name in headers if (odd := odd_cells([str(c) for c in frame[name] if c is not None]))]  # fmt: skip
    site = columns.find_column(headers, SITE_WORDS)
    well = columns.find_column(headers, columns.WELL_WORDS)
    plate = columns.find_column(headers, columns.PLATE_WORDS)
    checks += [
        _against(name, stated[name], n)
        for name, n in (("rows", len(frame)), ("columns", len(headers)))
        if name in stated
    ]
    if site is None or well is None:
        return checks
    keys = [
        tuple(str(cell) for cell in row) for row in frame[[n for n in (plate, well, site) if n]].itertuples(index=False)
    ]
    checks.append(_against("images", stated.get("images", ()), len(keys)))
    per_well = Counter(key[:-1] for key in set(keys))
    usual = _usual(list(per_well.values()))
    checks.append(_against("sites", stated.get("sites", ()), usual))
    double = [" ".join(key) for key, n in Counter(keys).items() if n > 1]
    if double:
        checks.append(
            Check(
                f"{path.name}: rows for one site", "", str(len(double)), NO, f"more than one row for {_listed(double)}"
            )
        )
    short = [f"{' '.join(key)} has {n}" for key, n in per_well.items() if n != usual]
    if short:
        checks.append(
            Check(
                f"{path.name}: sites of a well", "", str(len(short)), NO, f"{usual} in most wells, but {_listed(short)}"
            )
        )
    return checks


def _against(name: str, stated: Sequence[float], found: float | None) -> Check:
    if not stated or found is None:
        return Check(name, "", _number(found), UNDECIDED, f"{_number(found)} {name} found")
    agrees = found in stated and len(stated) == 1
    said = " / ".join(map(_number, stated))
    return Check(name, said, _number(found), YES if agrees else NO, f"{said} {name} stated, {_number(found)} found")


def _compare(name: str, stated: float, found: float, text: str) -> Check:
    difference = (
        "" if stated == found else f"; {abs(stated - found):g} {'more' if stated > found else 'fewer'} are stated"
    )
    return Check(name, _number(stated), _number(found), YES if stated == found else NO, text + difference)


def _product(values: Mapping[str, float], names: Sequence[str]) -> str:
    return f"{' × '.join(f'{values[name]:g} {name}' for name in names)} = {prod(values[name] for name in names):g}"


def _usual(counts: Sequence[int]) -> int | None:
    return max(Counter(counts).items(), key=lambda item: (item[1], item[0]))[0] if counts else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items[:LISTED]) + (f" and {len(items) - LISTED} more" if len(items) > LISTED else "")


def _counted(odd: Sequence[tuple[str, int]]) -> str:
    return _listed([f"{word!r} ({count})" for word, count in odd])
