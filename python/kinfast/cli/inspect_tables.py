"""The tables that `kinfast inspect` draws. They fit 80 columns."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kinfast import schema
from kinfast.cli.lines import wrap_line
from kinfast.plate.audit import plate_format
from kinfast.plate.headers import Header
from kinfast.plate.plate_set import ConventionScore, PlateSet

LISTED = 8
"""Rows of a list that are shown before the rest is counted."""
MAX_WIDTH = 100


def draw(found: PlateSet, headers: Sequence[Header], console: Console | None = None) -> None:
    """Draw everything about a set of plates on stdout."""
    console = console or Console(highlight=False)
    if console.width > MAX_WIDTH:
        console.width = MAX_WIDTH
    for part in (_names, _plates, _channels, _labels, _set_aside, _ignored, _notes):
        part(console, found, headers)


def _table(title: str, *columns: str) -> Table:
    """Make a table whose columns after the first are right-aligned where their name ends in a space."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for index, column in enumerate(columns):
        numeric = column.endswith(" ")
        table.add_column(
            column.strip(), justify="right" if numeric else "left", no_wrap=numeric, overflow="fold",
            ratio=None if numeric or index else 1,
        )  # fmt: skip
    return table


def _show(console: Console, table: Table) -> None:
    console.print()
    console.print(table)


def _names(console: Console, found: PlateSet, headers: Sequence[Header]) -> None:
    console.print(Text(str(found.root), style="bold"), soft_wrap=True)
    scores = [score for score in found.scores if score.share > 0]
    own = next((score for score in scores if score.name == found.convention), None)
    others = [score for score in scores if score.name != found.convention]
    facts = [
        found.spec.cell_line,
        f"{found.spec.treatment_hours:g} h of treatment" if found.spec.treatment_hours is not None else "",
        f"{found.spec.well_volume_ul:g} µL a well" if found.spec.well_volume_ul is not None else "",
    ]
    title = f": {found.spec.title}" if found.spec.title else ""
    lines = Table.grid(padding=(0, 2))
    lines.add_row("File names", found.convention + (f", which reads {own.share:.0%} of the names" if own else ""))
    lines.add_row("Runner-up", _score(others[0]) if others else "no other reads any name")
    lines.add_row("Spec", f"{found.spec.name}{title}")
    if any(facts):
        lines.add_row("", ", ".join(fact for fact in facts if fact))
    console.print(lines)


def _score(score: ConventionScore) -> str:
    why = ", only taken where no microscope's names fit" if score.fallback else ""
    return f"{score.name}, {score.share:.0%}{why}"


def _plates(console: Console, found: PlateSet, headers: Sequence[Header]) -> None:
    counts = Counter(row.plate for row in found.quarantine)
    rows = []
    for plate in found.plates:
        keys = [site.key for site in plate.sites]
        wells = {key.well for key in keys}
        images = [len(files) for site in plate.sites for files in site.channels]
        per_well = Counter((key.well, key.timepoint) for key in keys)
        rows.append(
            {
                "plate": plate.name,
                "wells ": f"{len(wells)} of {plate_format(wells) or '?'}" if wells else "0",
                "sites ": f"{len(keys):,}",
                "per well ": _span(per_well.values()),
                "times ": str(len({key.timepoint for key in keys})),
                "planes ": _span(images),
                "images ": f"{sum(images):,}",
                "set aside ": f"{counts[plate.name]:,}" if counts[plate.name] else "-",
                "µm/px ": f"{found.pixel_um[plate.name]:g}" if plate.name in found.pixel_um else "-",
            }
        )
    dull = [name for name in ("times ", "planes ", "µm/px ") if all(row[name] in ("0", "1", "-") for row in rows)]
    names = [name for name in rows[0] if name not in dull] if rows else ["plate"]
    table = _table("Plates", *names)
    for row in rows:
        table.add_row(*(row[name] for name in names))
    _show(console, table)


def _span(counts: Iterable[int]) -> str:
    numbers = sorted(set(counts))
    if not numbers:
        return "-"
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def _channels(console: Console, found: PlateSet, headers: Sequence[Header]) -> None:
    n_images: Counter[str] = Counter()
    for plate in found.plates:
        for site in plate.sites:
            for files in site.channels:
                n_images[files[0].channel] += len(files)
    table = _table("Channels", "channel", "stain", "in names", "images ", "pixels", "compression")
    for channel in found.spec.channels:
        forms = Counter(header.form for header in headers if header.channel == channel.name and not header.problem)
        table.add_row(
            channel.name,
            channel.stain or "-",
            "/".join(channel.wavelength[:2]) or "-",
            f"{n_images[channel.name]:,}",
            "\n".join(f"{'×'.join(map(str, shape))} {kind}" for shape, kind, _ in _by_pixels(forms)) or "-",
            ", ".join(sorted({compression for _, _, compression in forms})) or "-",
        )
    _show(console, table)
    for header in [header for header in headers if header.problem][:LISTED]:
        for part in wrap_line(f"cannot be read: {header.path}: {header.problem}", console.width):
            console.print(Text(part, style="red"), soft_wrap=True)
    many = [header.path for header in headers if header.pages > 1]
    if many:
        console.print(f"{len(many)} of {len(headers)} files have several pages; the first is used: {many[0]}")
    sizes = sorted({f"{header.pixel_um:g}" for header in headers if header.pixel_um})
    if sizes and not found.pixel_um:
        console.print(f"pixel size by the files' own tags, which often name the camera's: {', '.join(sizes)} µm")
    if found.spec.composites:
        streams = f"; streams {', '.join(found.spec.streams)}" if found.spec.streams else ""
        console.print(f"[dim]composites[/dim] {', '.join(found.spec.composites)}{streams}")


def _by_pixels(forms: Counter[tuple[tuple[int, ...], str, str]]) -> list[tuple[tuple[int, ...], str, str]]:
    distinct = {(shape, kind): (shape, kind, compression) for (shape, kind, compression), _ in forms.most_common()}
    return list(distinct.values())


def _labels(console: Console, found: PlateSet, headers: Sequence[Header]) -> None:
    labels = found.labels
    table = _table("Labels", "column", "wells with it ", "values")
    names = [name for name in labels.columns if name not in (schema.PLATE, schema.WELL)]
    for name in names:
        filled = labels[name].dropna()
        if filled.empty:
            continue
        counts = Counter(f"{value:g}" if isinstance(value, float) else str(value) for value in filled)
        shown = [f"{value} {count}" for value, count in counts.most_common(4)]
        more = f" and {len(counts) - 4:,} more" if len(counts) > 4 else ""
        table.add_row(name, f"{len(filled):,} of {len(labels):,}", _short(", ".join(shown), 60) + more)
    if table.row_count:
        _show(console, table)
    else:
        console.print("\n[bold]Labels[/bold] none: give a table of the wells with --metadata TABLE.csv")


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _set_aside(console: Console, found: PlateSet, headers: Sequence[Header]) -> None:
    if not found.quarantine:
        console.print("\n[bold]Set aside[/bold] nothing: every site has all its channels")
        return
    table = _table(f"Set aside ({len(found.quarantine):,})", "where", "channel", "why")
    for row in found.quarantine[:LISTED]:
        where = f"{row.plate} {row.well} s{row.site}" + (f" t{row.timepoint}" if row.timepoint != 1 else "")
        table.add_row(where, row.channel, f"{row.path}: {row.reason}" if row.path else row.reason)
    _show(console, table)
    if len(found.quarantine) > LISTED:
        console.print(f"and {len(found.quarantine) - LISTED:,} more")


def _ignored(console: Console, found: PlateSet, headers: Sequence[Header]) -> None:
    if not found.ignored:
        return
    by_reason: dict[str, list[str]] = defaultdict(list)
    for file in found.ignored:
        by_reason[file.reason].append(file.path)
    table = _table(f"Not plate images ({len(found.ignored):,})", "files ", "why", "for example")
    for reason, paths in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        table.add_row(f"{len(paths):,}", reason, paths[0].rpartition("/")[2])
    _show(console, table)


def _notes(console: Console, found: PlateSet, headers: Sequence[Header]) -> None:
    if not found.audit:
        console.print("\n[bold]Adds up[/bold] the counts of wells, sites, channels and planes agree with each other")
    for title, lines, style in (("Does not add up", found.audit, "yellow"), ("To know", found.notes, "")):
        if not lines:
            continue
        console.print(f"\n[bold]{title}[/bold]")
        listed = Table.grid(padding=(0, 1))
        listed.add_column(no_wrap=True)
        listed.add_column(overflow="fold")
        for line in lines:
            listed.add_row("-", Text(line, style=style))
        console.print(listed)
