"""`python -m benchmarks.table`: write the accepted results into README.md and docs/performance.md."""

from pathlib import Path
from typing import Any

from benchmarks.floors import FLOORS
from benchmarks.record import HERE, read_baseline

BEGIN, END = "<!-- benchmarks: begin (python -m benchmarks.table) -->", "<!-- benchmarks: end -->"
PAGES = ("README.md", "docs/performance.md")


def markdown(baseline: dict[str, Any]) -> str:
    """Make one table for each kind of machine, with the machine named above it."""
    parts = []
    for entry in baseline.values():
        machine = entry["machine"]
        parts.append(
            f"{machine['processor']}, {machine['kind']}; kinfast {machine['kinfast']}, tifffile {machine['tifffile']}, "
            f"imagecodecs {machine['imagecodecs']}, OpenCV {machine['opencv']}, NumPy {machine['numpy']}:\n\n"
            "| what | against | wanted | measured |\n|---|---|---|---|\n" + "".join(_rows(entry["results"]))
        )
    return "\n".join(parts)


def _rows(results: dict[str, Any]) -> list[str]:
    rows = []
    for name, floor in FLOORS.items():
        if name in results:
            measured = results[name]
            peer = f" (here {measured['peer']})" if measured["peer"] else ""
            verdict = f"{measured['ratio']:.3g}" if floor.holds(measured["ratio"]) else f"**{measured['ratio']:.3g}**"
            rows.append(f"| {name} | {floor.against}{peer} | {floor.words} | {verdict} |\n")
    return rows


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
