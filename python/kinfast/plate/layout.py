"""Images into plates and sites: planes are projected, duplicates and missing channels are set aside with a reason."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kinfast.domain import IgnoredFile, ImageFile, Plate, QuarantineRow, Site, SiteKey
from kinfast.errors import UsageError
from kinfast.plate.reading import NamedImage

MAX_PROJECTION = "max"


@dataclass(frozen=True, slots=True)
class Layout:
    """Plates with their complete sites, and what was set aside."""

    plates: tuple[Plate, ...]
    quarantine: tuple[QuarantineRow, ...]
    ignored: tuple[IgnoredFile, ...]


def parse_plane(text: str) -> int | None:
    """Read --plane: None for the maximum projection, else the plane's number.

    Raises:
        UsageError: it is neither `max` nor a number from 1.
    """
    if text == MAX_PROJECTION:
        return None
    if text.isdigit() and int(text) >= 1:
        return int(text)
    raise UsageError(f"--plane {text!r}: wanted max, or the number of a plane from 1")


def lay_out(images: Sequence[NamedImage], channels: Sequence[str], names: Mapping[str, str], plane: str) -> Layout:
    """Group images into sites.

    Args:
        images: all of them.
        channels: the spec's, in the store's order.
        names: token -> channel; images of other tokens are ignored.
        plane: `max` or the number of a plane.

    Raises:
        UsageError: the plane is neither.
    """
    number = parse_plane(plane)
    sites: dict[tuple[str, str, int, int], tuple[SiteKey, dict[str, list[ImageFile]]]] = {}
    ignored: list[IgnoredFile] = []
    for image in images:
        channel = names.get(image.token)
        if channel is None:
            ignored.append(IgnoredFile(image.path, f"channel {image.token} is not in the spec"))
            continue
        place = image[1:5]  # plate, well, site, time: a plain tuple is hashed faster than a SiteKey
        site = sites.get(place)
        if site is None:
            site = sites[place] = SiteKey(*place), {}
        key, by_channel = site
        by_channel.setdefault(channel, []).append(
            ImageFile(image.path, key, channel, image.plane, image.size_bytes, image.mtime_ns)
        )
    return _judge_sites([sites[place] for place in sorted(sites)], channels, number, ignored)


def _judge_sites(
    sites: Sequence[tuple[SiteKey, Mapping[str, list[ImageFile]]]],
    channels: Sequence[str],
    number: int | None,
    ignored: list[IgnoredFile],
) -> Layout:
    complete: dict[str, list[Site]] = defaultdict(list)
    quarantine: list[QuarantineRow] = []
    for key, by_channel in sites:
        complete.setdefault(key.plate, [])
        planes: list[tuple[ImageFile, ...]] = []
        sound = True
        for channel in channels:
            chosen, rows, unused = choose_planes(key, channel, by_channel.get(channel, []), number)
            planes.append(chosen)
            quarantine += rows
            ignored += unused
            sound = sound and not rows
        if sound:
            complete[key.plate].append(Site(key, tuple(planes)))
    plates = tuple(Plate(name, tuple(complete[name])) for name in sorted(complete))
    return Layout(plates, tuple(quarantine), tuple(ignored))


def choose_planes(
    key: SiteKey, channel: str, files: Sequence[ImageFile], number: int | None
) -> tuple[tuple[ImageFile, ...], list[QuarantineRow], list[IgnoredFile]]:
    """Choose the files that make one channel of one site.

    A projection on disk beats its Z steps; one plane is its own projection; where a number is asked for, that step is
    taken, or the only image of a channel that has no steps.

    Returns:
        The planes to be projected; rows for the quarantine; files that are not needed.
    """
    if len(files) == 1 and (number is None or files[0].plane in (None, number)):
        return (files[0],), [], []
    if not files:
        return (), [_row(key, channel, "", "no image of this channel")], []
    by_plane: dict[int | None, list[ImageFile]] = defaultdict(list)
    for file in files:
        by_plane[file.plane].append(file)
    wanted = _wanted_planes(by_plane, number)
    if not wanted:
        there = ", ".join(str(step) for step in sorted(step for step in by_plane if step is not None))
        return (), [_row(key, channel, "", f"no plane {number}; there are {there}")], []
    rows = _duplicates(key, channel, [by_plane[step] for step in wanted])
    unused = [IgnoredFile(file.path, _why_unused(file, number)) for file in files if file.plane not in wanted]
    return tuple(by_plane[step][0] for step in wanted), rows, unused


def _wanted_planes(by_plane: Mapping[int | None, list[ImageFile]], number: int | None) -> list[int | None]:
    steps = sorted(step for step in by_plane if step is not None)
    if number is None:
        return [None] if None in by_plane else list(steps)
    if number in by_plane:
        return [number]
    return [] if steps else [None]


def _why_unused(file: ImageFile, number: int | None) -> str:
    if number is not None:
        return f"another plane than {number}, which is asked for"
    return "a Z step of a site whose projection is on disk"


def _duplicates(key: SiteKey, channel: str, groups: Iterable[list[ImageFile]]) -> list[QuarantineRow]:
    rows = []
    for group in groups:
        if len(group) > 1:
            for file in group:
                others = ", ".join(other.path for other in group if other is not file)
                rows.append(_row(key, channel, file.path, f"two files for one image: also {others}"))
    return rows


def _row(key: SiteKey, channel: str, path: str, reason: str) -> QuarantineRow:
    return QuarantineRow(path, key.plate, key.well, key.site, channel, reason, key.timepoint)
