"""Which imaged plate a table of metadata means by a barcode."""

from collections.abc import Mapping, Sequence

LISTED = 8
"""Plates that a note lists."""


def match_plates(
    listed: Sequence[str],
    plates: Sequence[str],
    aliases: Mapping[str, Sequence[str]],
    name: str,
    quiet: bool = False,
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Match a table's plates to those imaged: by name, by an alias, or as a whole word of the name.

    Args:
        listed: the table's plates.
        plates: those imaged.
        aliases: other words for them.
        name: of the table, for the notes.
        quiet: True where plates that were not imaged are nothing to speak of (a barcode table lists a whole screen).
    """
    matched: dict[str, list[str]] = {}
    notes: list[str] = []
    for code in listed:
        found = [plate for plate in plates if _same(code, plate)]
        found = found or [plate for plate in plates if any(_same(code, other) for other in aliases.get(plate, ()))]
        if not found:
            found = [plate for plate in plates if _has_word(plate, code)]
            if found:
                notes.append(f"{name}: plate {code} taken as {', '.join(found)}")
        if found:
            matched[code] = found
    if not matched and len(listed) == len(plates) == 1:
        matched[listed[0]] = list(plates)
        notes.append(f"{name}: its only plate {listed[0]} taken as the only plate here, {plates[0]}")
    unknown = [code for code in listed if code not in matched]
    if unknown and not quiet:
        notes.append(f"{name}: plates without images: {len(unknown)}: {', '.join(unknown[:LISTED])}")
    return matched, tuple(notes)


def _same(code: str, plate: str) -> bool:
    return code.casefold() == plate.casefold()


def _has_word(plate: str, code: str) -> bool:
    """Tell whether a code of some length stands in a plate's name, with no letter or digit touching it."""
    at = plate.casefold().find(code.casefold())
    if len(code) < 4 or at < 0:
        return False
    around = plate[at - 1 : at] + plate[at + len(code) : at + len(code) + 1]
    return not any(letter.isalnum() for letter in around)
