"""`kinfast preprocess`: from raw plates to a prepared store."""

import importlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinfast.cli.lines import wrap_line
from kinfast.cli.options import Debug, Quiet, Threads
from kinfast.config import ILLUMINATION_GROUP, INTENSITY, SHORTER_SIDE
from kinfast.words import counted, duration

if TYPE_CHECKING:
    from kinfast.config import PreprocessConfig
    from kinfast.plate.plate_set import PlateSet
    from kinfast.preprocess.dry_run import Estimate
    from kinfast.preprocess.run import Outcome
    from kinfast.progress import Reporter

EPILOG = """
[bold]Examples[/bold]

  kinfast preprocess plates/ --threads 32

  kinfast preprocess plates/ --metadata platemap.csv --metadata library.xlsx --size 512

  kinfast preprocess plates/ --channels "1=Brightfield,2=ER,3=AGP,4=Mito,5=DNA,6=RNA" --dry-run

  kinfast preprocess plates/ --plates P009063 --wells B02,B03 --out subset

  kinfast preprocess plates/ --intensity batch --metadata platemap.csv

  kinfast preprocess plates/ --exclude bad_sites.csv

Exit code 1 says that quarantine.csv has rows: files that could not be used. All else is done.
"""
FILES, RESULT, WORK = "Which images", "What is made of them", "How it is done"
EXIT_QUARANTINE = 1
WHOLE = ("report: ", "next: ")
"""Lines that end in a path, or are a command: they are copied."""
SHOWN_PLATES = 4
"""Plates whose windows are shown; dataset.json has all."""


def command(
    plates_root: Annotated[Path, typer.Argument(metavar="PLATES", help="A folder of plates, with any folders in it.")],
    out: Annotated[Path, typer.Option("--out", help="The store.", rich_help_panel=RESULT)] = Path("prepared"),
    spec: Annotated[
        str | None,
        typer.Option("--spec", help="What the channels are: a shipped spec or a YAML file.", rich_help_panel=FILES),
    ] = None,
    metadata: Annotated[
        list[Path] | None,
        typer.Option("--metadata", help="A table of wells, plates or compounds. Repeatable.", rich_help_panel=FILES),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option("--channels", help='Names: "1=DNA,2=ER"; "3=-" leaves 3 out.', rich_help_panel=FILES),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option("--convention", help="How files are named: a convention or template.", rich_help_panel=FILES),
    ] = None,
    plates: Annotated[
        list[str] | None, typer.Option("--plates", help="Only these plates: a,b,c. Repeatable.", rich_help_panel=FILES)
    ] = None,
    wells: Annotated[
        list[str] | None, typer.Option("--wells", help="Only these wells: B02,B03. Repeatable.", rich_help_panel=FILES)
    ] = None,
    plane: Annotated[
        str, typer.Option("--plane", help="max projects Z steps; a number takes that one.", rich_help_panel=FILES)
    ] = "max",
    size: Annotated[
        int, typer.Option("--size", min=8, help="Pixels of the stored shorter side.", rich_help_panel=RESULT)
    ] = SHORTER_SIDE,
    illumination: Annotated[
        str,
        typer.Option(
            "--illumination",
            help="auto, likelihood, basic, mean, median-filter, gaussian or none.",
            rich_help_panel=RESULT,
        ),
    ] = "auto",
    illumination_group: Annotated[
        str,
        typer.Option(
            "--illumination-group",
            help="Wells with one field: a plate, row or batch (stretch).",
            rich_help_panel=RESULT,
        ),
    ] = ILLUMINATION_GROUP,
    intensity: Annotated[
        str,
        typer.Option("--intensity", help="Windows: by plate, by batch, or fixed (--window).", rich_help_panel=RESULT),
    ] = INTENSITY,
    window: Annotated[
        list[str] | None,
        typer.Option(
            "--window", help="Counts that become 0 and 255: DNA=100:4000. Repeatable.", rich_help_panel=RESULT
        ),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option("--exclude", help="CSV of sites to leave out (plate,well,site,reason).", rich_help_panel=RESULT),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Time 20 sites, say what it will take.", rich_help_panel=WORK)
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read unchanged files again, compare contents.", rich_help_panel=WORK)
    ] = False,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Correct, judge, resize and store the images of plates; go on where an earlier run stopped."""
    from kinfast.cli.options import split_words, usable_threads
    from kinfast.cli.progress import make_reporter
    from kinfast.config import PreprocessConfig
    from kinfast.plate.channels import parse_channel_map
    from kinfast.plate.open import open_plates
    from kinfast.preprocess.run import preprocess
    from kinfast.preprocess.windows import parse_windows

    config = PreprocessConfig(
        shorter_side=size,
        illumination=illumination,
        illumination_group=illumination_group,
        plane=plane,
        intensity=intensity,
        windows=tuple((channel, low, high) for channel, (low, high) in parse_windows(window or ()).items()),
    )
    began = time.monotonic()
    with make_reporter(quiet) as reporter, ThreadPoolExecutor(1) as pool:
        found = open_plates(
            plates_root,
            spec=spec,
            convention=convention,
            channels=parse_channel_map(channels) if channels else None,
            plane=plane,
            metadata=metadata or (),
            plates=split_words(plates),
            wells=split_words(wells),
            reporter=reporter,
        )
        for note in (*found.notes, *found.audit):
            reporter.line(note)
        if dry_run:
            lines = _dry_run(found, out, config, usable_threads(threads), reporter)
        else:
            report_module = pool.submit(importlib.import_module, "kinfast.report.plates")  # while images are decoded
            done = preprocess(
                found,
                out,
                config,
                threads=usable_threads(threads),
                exclude=exclude,
                verify=verify,
                reporter=reporter,
            )
            report = report_module.result().write_plates_report(out)
            lines = _summary(done, report, time.monotonic() - began)
    for line in lines:
        typer.echo("\n".join([line] if line.startswith(WHOLE) else wrap_line(line)))
    if not dry_run and done.n_quarantined:
        raise typer.Exit(EXIT_QUARANTINE)


def _dry_run(found: "PlateSet", out: Path, config: "PreprocessConfig", threads: int, reporter: "Reporter") -> list[str]:
    from kinfast.preprocess.batch import with_kept_references
    from kinfast.preprocess.dry_run import estimate_run
    from kinfast.preprocess.tasks import check_parameters, find_work, make_tasks

    tasks = with_kept_references(make_tasks(found, config), out)
    check_parameters(tasks, out)
    todo = find_work(tasks, out, False, threads, reporter)
    return _estimate_lines(estimate_run(tasks, todo, threads, reporter), out, threads)


def _estimate_lines(estimate: "Estimate", out: Path, threads: int) -> list[str]:
    if not estimate.n_sites:
        return [f"nothing to do: {out} is up to date"]
    lines = [
        f"to do: {counted(len(estimate.plates), 'plate')}, {counted(estimate.n_sites, 'site')}",
        f"time: about {duration(estimate.seconds)} with {counted(threads, 'thread')} "
        f"({counted(estimate.n_timed, 'site')} took {1000 * estimate.seconds_per_site:.0f} ms each in both passes)",
        f"disk: {_size(estimate.size_bytes)} in {out}",
    ]
    lines += [f"cannot be used: {path}: {reason}" for path, reason in estimate.failed]
    lines += [estimate.note] if estimate.note else []
    return [*lines, "nothing was written (--dry-run)"]


def _summary(done: "Outcome", report: Path, seconds: float) -> list[str]:
    plates = f"{counted(len(done.plates_done), 'plate')} done, {len(done.plates_kept)} kept"
    lines = [f"{done.out}: {counted(done.n_sites, 'site')}, {plates}"]
    lines += [f"  {plate}: {reason}" for plate, reason in done.plates_done.items()]
    if done.n_processed:
        lines.append(f"time: {duration(seconds)}, {done.n_processed / seconds:,.1f} sites/s")
    flags = [f"{name.removeprefix('Flag_').replace('_', ' ')} {count}" for name, count in done.flags.items() if count]
    lines.append(f"flagged: {', '.join(flags) if flags else 'none'} (Quality_reason in sites.parquet says why)")
    if done.n_quarantined:
        which = f"{done.out / 'quarantine.csv'} says which and why"
        lines.append(f"quarantined: {counted(done.n_quarantined, 'image')} missing or unusable; {which}")
    if done.n_left_out:
        lines.append(
            f"left out: {counted(done.n_left_out, 'TIFF file')}; {done.out / 'ignored.csv'} says which and why"
        )
    for plate in list(done.plates_done)[:SHOWN_PLATES]:
        if done.checks[plate]["n_sites"]:
            lines.append(_window_line(plate, done.windows[plate]))
    lines += _check_lines(done)
    lines += done.notes
    following = f"kinfast train {done.out}" if done.n_sites else "kinfast inspect PLATES (no site could be used)"
    return [*lines, f"report: {report}", f"next: {following}"]


def _window_line(plate: str, windows: dict[str, tuple[float, float]]) -> str:
    spans = (f"{name} {low:,.0f} to {high:,.0f}" for name, (low, high) in windows.items())
    return f"window of {plate}, counts: {', '.join(spans)}"


def _check_lines(done: "Outcome") -> list[str]:
    """Give a line for each of the first plates with a finding; its Z' where it has positive controls."""
    from kinfast.report.plate_words import plate_line

    lines = [line for plate, facts in done.checks.items() if (line := plate_line(plate, facts))]
    more = len(lines) - SHOWN_PLATES
    return lines[:SHOWN_PLATES] + ([f"drift or Z' of {more} more plates: see the report"] if more > 0 else [])


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes > 1e9 else f"{size_bytes / 1e6:.0f} MB"
