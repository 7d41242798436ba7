"""`python -m benchmarks.table`: write the accepted results into README.md and docs/performance.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.floors import FLOORS, Floor
from benchmarks.record import HERE, read_baseline

BEGIN, END = "<!-- benchmarks: begin (python -m benchmarks.table) -->", "<!-- benchmarks: end -->"
PAGES = ("README.md", "docs/performance.md")


def markdown(baseline: dict[str, Any]) -> str:
    """Make one table with a column for each kind of machine, and name the machines under it."""
    kinds = list(baseline)
    head = f"| what | against | wanted | {' | '.join(kinds)} |\n|{'---|' * (3 + len(kinds))}\n"
    rows = [
        _row(name, floor, [baseline[kind]["results"].get(name) for kind in kinds]) for name, floor in FLOORS.items()
    ]
    return f"{head}{''.join(rows)}\n{''.join(_machine_line(entry) for entry in baseline.values())}"


def _row(name: str, floor: Floor, measured: Sequence[dict[str, Any] | None]) -> str:
    if not any(measured):
        return ""
    return f"| {name} | {floor.against} | {floor.words} | {' | '.join(_cell(floor, one) for one in measured)} |\n"


def _cell(floor: Floor, measured: dict[str, Any] | None) -> str:
    """Give a ratio, bold where it is under its floor, with the peer that was the fastest."""
    if measured is None:
        return "not measured"
    ratio = f"{measured['ratio']:.3g}"
    peer = f" ({measured['peer']})" if measured["peer"] else ""
    return (ratio if floor.holds(measured["ratio"]) else f"**{ratio}**") + peer


def _machine_line(entry: dict[str, Any]) -> str:
    machine = entry["machine"]
    days = sorted({result["day"] for result in entry["results"].values()})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return (
        f"- {machine['kind']}: {machine['processor']}, measured {when}; kinfast {machine['kinfast']}, tifffile "
        f"{machine['tifffile']}, imagecodecs {machine['imagecodecs']}, OpenCV {machine['opencv']}, NumPy "
        f"{machine['numpy']}\n"
    )


def with_table(text: str, table: str) -> str:
    """Put a table between a page's two markers."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table}{END}{tail}"


def write_tables(root: Path = HERE.parent) -> list[str]:
    """Write the tables into the pages that have the markers, and name them."""
    table = markdown(read_baseline())
    for page in PAGES:
        text = (root / page).read_text(encoding="utf-8")
        (root / page).write_text(with_table(text, table), encoding="utf-8")
    return list(PAGES)


if __name__ == "__main__":
    print(f"tables written into {', '.join(write_tables())}")
