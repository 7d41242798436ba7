"""Parts of a plate whose light may differ: rows, and stretches of the acquisition.

Names of files do not tell when an image was taken. Microscopes go through a plate row by row, so the order of wells,
each row from left to right, stands for time; a stage that turns at each row's end changes little of that.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from kinfast.domain import well_position

PLATE, ROW, BATCH = "plate", "row", "batch"
KINDS = (PLATE, ROW, BATCH)
MIN_IMAGES = 8
"""Of a part. A row with fewer joins the next one: so few images tell of cells more than of light."""
MIN_STRETCH = 24
"""Images of a stretch of its own."""
MAX_STRETCHES = 6
"""Light that changes steadily over a plate is then off by a twelfth of the change at most, and by 5 % of it RMS."""


def row_parts(wells: Iterable[str], imaged: Sequence[str], least: int = MIN_IMAGES) -> dict[str, str]:
    """Give each well its part: its row, or the rows that it was joined with ("C", "D-E").

    Args:
        wells: all that need a part.
        imaged: the well of each image that light is found on.
        least: images of a part.
    """
    images = Counter(_row(well) for well in imaged)
    parts: list[list[str]] = [[]]
    for row in _sorted_rows({_row(well) for well in wells}):
        if sum(images[one] for one in parts[-1]) >= least:
            parts.append([])
        parts[-1].append(row)
    if len(parts) > 1 and sum(images[row] for row in parts[-1]) < least:
        parts[-2:] = [parts[-2] + parts[-1]]
    names = {row: _span(part) for part in parts for row in part}
    return {well: names[_row(well)] for well in wells}


def stretches(wells: Iterable[str], n: int) -> dict[str, str]:
    """Part wells in n stretches of the acquisition, as equal as can be, named "1" to n."""
    order = sorted(set(wells), key=well_position)
    return {well: str(1 + i * n // len(order)) for i, well in enumerate(order)}


def group_wells(kind: str, wells: Sequence[str], imaged: Sequence[str]) -> dict[str, str]:
    """Give each well of a plate the group whose field it is corrected by; empty: all by the plate's.

    Args:
        kind: one of `KINDS`.
        wells: of the plate's sites.
        imaged: the well of each image that light is found on.
    """
    if kind == ROW:
        return row_parts(dict.fromkeys(wells), imaged)
    if kind == BATCH:
        return stretches(wells, max(1, min(MAX_STRETCHES, len(imaged) // MIN_STRETCH)))
    return {}


def _row(well: str) -> str:
    return well.rstrip("0123456789")


def _sorted_rows(rows: Iterable[str]) -> list[str]:
    return sorted(rows, key=lambda row: (len(row), row))


def _span(rows: Sequence[str]) -> str:
    return rows[0] if len(rows) == 1 else f"{rows[0]}-{rows[-1]}"
