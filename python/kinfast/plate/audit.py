"""Does it add up? Counts of plates, wells, sites, planes and labels that contradict each other, a line for each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

import pandas as pd

from kinfast import schema
from kinfast.domain import Plate, QuarantineRow, Site, SiteKey, WellName, well_position
from kinfast.plate.plate_set import PlateSet
from kinfast.plate.roles import is_vehicle
from kinfast.words import counted

PLATE_FORMATS = {96: (8, 12), 384: (16, 24), 1536: (32, 48)}
"""Rows and columns by the number of wells. Source: ANSI SLAS 4-2004."""
OTHER_FORMATS = {6: (2, 3), 12: (3, 4), 24: (4, 6), 48: (6, 8)}
LISTED = 6
HIGHEST_DOSE_UM = 1000.0
"""Cells are not treated with more; a column of stock concentrations is."""
_IN_ORDER = attrgetter("plate", "well", "site", "timepoint")
"""A key's own order, by tuples: a tenth of the time that the keys' comparison takes."""
OUTLIERS = 0.02
"""Share of wells up to which those beyond the format of all others are a mistake, not a larger plate."""


def audit_plates(found: PlateSet) -> tuple[str, ...]:
    """Compare the counts with each other; lines in plain words, none where all agrees."""
    every = {site.key for plate in found.plates for site in plate.sites} | set(_set_aside(found.quarantine))
    keys = sorted(every, key=_IN_ORDER)
    lines = [
        *_whole_channels(keys, found.quarantine),
        *_same_wells(keys),
        *_same_sites(keys),
        *_same_times(keys),
        *_same_planes(found.plates),
        *_inside_the_plate(keys),
        *_empty_files(found.plates),
        *audit_labels(found.labels),
    ]
    return tuple(lines)


def plate_format(wells: Iterable[str]) -> int:
    """Give the smallest of the usual plates (96, 384, 1536 wells) that has all these wells; 0 where none has."""
    positions = [well_position(well) for well in wells]
    row, column = max((p[0] for p in positions), default=1), max((p[1] for p in positions), default=1)
    return next((size for size, (rows, columns) in PLATE_FORMATS.items() if row <= rows and column <= columns), 0)


def _set_aside(rows: Sequence[QuarantineRow]) -> list[SiteKey]:
    return [SiteKey(r.plate, WellName(r.well), r.site, r.timepoint) for r in rows if r.site is not None and r.well]


def _whole_channels(keys: Sequence[SiteKey], rows: Sequence[QuarantineRow]) -> list[str]:
    """Find channels that a plate lacks at every site: another acquisition than the other plates'."""
    n_sites = Counter(key.plate for key in keys)
    lacking = Counter((row.plate, row.channel) for row in rows if not row.path)
    whole: dict[str, list[str]] = defaultdict(list)
    for (plate, channel), count in lacking.items():
        if count == n_sites[plate]:
            whole[plate].append(channel)
    return [
        f"plate {plate} has no {', '.join(channels)} at any site, as other plates have: prepare it by itself with "
        f"--plates {plate}"
        for plate, channels in whole.items()
    ]


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items[:LISTED]) + (f" and {len(items) - LISTED} more" if len(items) > LISTED else "")


def _odd_ones(counts: Mapping[str, int]) -> tuple[int, list[str]]:
    """Give the usual count (the most frequent, the larger of two) and the names of those that differ from it."""
    usual = max(Counter(counts.values()).items(), key=lambda item: (item[1], item[0]))[0]
    return usual, [name for name, count in counts.items() if count != usual]


def _same_wells(keys: Sequence[SiteKey]) -> list[str]:
    wells: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        wells[key.plate].add(key.well)
    usual, odd = _odd_ones({plate: len(names) for plate, names in wells.items()}) if len(wells) > 1 else (0, [])
    if not odd:
        return []
    return [f"plates differ in wells: {usual} on most, but {_listed([f'{p} has {len(wells[p])}' for p in odd])}"]


def _same_sites(keys: Sequence[SiteKey]) -> list[str]:
    sites: dict[str, set[int]] = defaultdict(set)
    for key in keys:
        sites[f"{key.plate} {key.well}"].add(key.site)
    if not sites:
        return []
    lines = []
    usual, odd = _odd_ones({well: len(numbers) for well, numbers in sites.items()})
    if odd:
        lines.append(
            f"wells differ in sites: {usual} in {len(sites) - len(odd)} wells, but "
            + _listed([f"{well} has {len(sites[well])}" for well in odd])
        )
    if 0 < len(odd) < len(sites) / 2:
        there = sum(len(numbers) for numbers in sites.values())
        lines.append(f"{there:,} sites are there; {len(sites)} wells of {usual} would be {len(sites) * usual:,}")
    return lines + _site_numbers(set().union(*sites.values()))


def _site_numbers(numbers: set[int]) -> list[str]:
    gaps = [str(number) for number in range(1, max(numbers) + 1) if number not in numbers]
    if min(numbers) < 1:
        return [f"sites are numbered from {min(numbers)}; the first should be 1: the convention's offset is wrong"]
    return [f"sites are numbered up to {max(numbers)}, but no well has site {_listed(gaps)}"] if gaps else []


def _same_times(keys: Sequence[SiteKey]) -> list[str]:
    times: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for key in keys:
        times[key.plate][f"{key.plate} {key.well} s{key.site}"].add(key.timepoint)
    lines = []
    for plate, sites in times.items():
        usual, odd = _odd_ones({site: len(numbers) for site, numbers in sites.items()})
        if odd:
            lines.append(f"{plate}: sites differ in time points: {usual} for most, but not {_listed(odd)}")
    return lines


def _same_planes(plates: Sequence[Plate]) -> list[str]:
    lines = []
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    first: dict[tuple[str, int], str] = {}
    shapes: dict[tuple[int, ...], list[Site]] = defaultdict(list)
    for plate in plates:
        for site in plate.sites:
            shapes[tuple(map(len, site.channels))].append(site)
    for shape, sites in shapes.items():
        for files, n_planes in zip(sites[0].channels, shape, strict=True):
            counts[files[0].channel][n_planes] += len(sites)
            first.setdefault((files[0].channel, n_planes), str(sites[0].key))
    for channel, found in counts.items():
        if len(found) > 1:
            usual = found.most_common(1)[0][0]
            others = [f"{n} at {first[(channel, n)]}" for n in sorted(found) if n != usual]
            lines.append(f"{channel} has {usual} planes at most sites, but {_listed(others)}")
    return lines


def _inside_the_plate(keys: Sequence[SiteKey]) -> list[str]:
    wells = sorted({(key.plate, key.well) for key in keys})
    for size, (rows, columns) in PLATE_FORMATS.items():
        outside = [f"{p} {w}" for p, w in wells if not _fits(w, rows, columns)]
        if not outside:
            return []
        if len(outside) <= OUTLIERS * len(wells):
            return [f"wells outside a {size}-well plate, which holds all others: {_listed(outside)}"]
    outside = [f"{p} {w}" for p, w in wells if not _fits(w, *PLATE_FORMATS[1536])]
    return [f"wells that no plate has, not even one of 1536: {_listed(outside)}"]


def _fits(well: str, rows: int, columns: int) -> bool:
    row, column = well_position(well)
    return row <= rows and column <= columns


def _empty_files(plates: Sequence[Plate]) -> list[str]:
    empty = [
        file.path for plate in plates for site in plate.sites for files in site.channels for file in files
        if file.size_bytes == 0 and file.mtime_ns  # without a time: a link to nowhere, or nobody may look at it
    ]  # fmt: skip
    return [f"empty (0 bytes): {counted(len(empty), 'file')}: {_listed(empty)}"] if empty else []


def audit_labels(labels: pd.DataFrame) -> list[str]:
    """Look for contradictions in the labels: one compound with two targets or roles, spellings, doses that vary."""
    if schema.COMPOUND not in labels or labels[schema.COMPOUND].isna().all():
        return []
    known = labels[labels[schema.COMPOUND].notna()]
    lines = [*_spellings(sorted(set(known[schema.COMPOUND])))]
    lines += _contradictions(known, schema.TARGET, "targets")
    lines += _contradictions(known, schema.ROLE, "roles")
    lines += _dose_counts(known)
    return lines


def _spellings(names: Sequence[str]) -> list[str]:
    spelled: dict[str, list[str]] = defaultdict(list)
    for name in names:
        spelled["".join(letter for letter in name.casefold() if letter.isalnum())].append(name)
    twice = [" / ".join(same) for same in spelled.values() if len(same) > 1]
    return [f"compounds that differ only in spelling: {_listed(twice)}"] if twice else []


def _contradictions(labels: pd.DataFrame, column: str, word: str) -> list[str]:
    values = labels[labels[column].notna()].groupby(schema.COMPOUND)[column].unique()
    several = [f"{name}: {', '.join(sorted(found))}" for name, found in values.items() if len(found) > 1]
    return [f"compounds with several {word}: {_listed(several)}"] if several else []


def _dose_counts(labels: pd.DataFrame) -> list[str]:
    doses: dict[str, set[float]] = defaultdict(set)
    for compound, dose in zip(labels[schema.COMPOUND], labels[schema.DOSE_UM], strict=True):
        if dose == dose and not is_vehicle(compound):
            doses[compound].add(float(dose))
    if not doses:
        return []
    counts = {name: len(found) for name, found in doses.items()}
    usual, odd = _odd_ones(counts)
    lines = []
    if odd:
        shown = _listed([f"{name} has {counts[name]}" for name in odd])
        lines.append(f"compounds differ in the number of doses: {usual} for most, but {shown}")
    every = sorted(set().union(*doses.values()))
    if every[-1] > HIGHEST_DOSE_UM:
        lines.append(f"doses go up to {every[-1]:g} µM: are they the stock's concentrations, or in another unit?")
    if len(every) > usual > 1 and not odd:  # of one dose each, as in a first screen, they may well differ
        listed = _listed([f"{dose:g}" for dose in every])
        lines.append(f"each compound has {usual} doses, but {len(every)} occur over all: {listed} µM")
    return lines
