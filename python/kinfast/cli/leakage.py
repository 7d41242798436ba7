"""`kinfast leakage`: one model, one recipe, under splits by image, well, plate and compound; or a split's audit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinfast.cli.options import Debug, Quiet, Threads, let_waiting_threads_sleep, usable_threads
from kinfast.config import BOOTSTRAP_DRAWS, TrainConfig

if TYPE_CHECKING:
    from kinfast.data.store import PreparedStore
    from kinfast.progress import Reporter

WIDTH = 80
USAGE = "[PREPARED...] [OPTIONS] [OPTIONS OF TRAIN]"
CONTEXT = {"ignore_unknown_options": True, "allow_extra_args": True}
"""Everything that decides a training run is `kinfast train`'s to read."""
EPILOG = """
[bold]Examples[/bold]

  kinfast leakage prepared

  kinfast leakage prepared --backbone resnet18 --weights none --epochs 10 --folds 3

  kinfast leakage prepared --levels image,compound --task role

  kinfast leakage prepared --audit runs/2026-11-23-vgg16-1

  kinfast leakage prepared --audit their_split.csv
"""


def command(
    context: typer.Context,
    levels: Annotated[
        str, typer.Option("--levels", help="Splits to train under, as one CSV row.")
    ] = "image,well,plate,compound",
    out: Annotated[Path, typer.Option("--out", help="Folder of the runs, leakage.json, table and figure.")] = Path(
        "leakage"
    ),
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit",
            metavar="SPLIT",
            help="Train nothing: audit a run's split, a split.parquet or a CSV (plate, well, site, part).",
            show_default=False,
        ),
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=0, help="Bootstrap draws.")] = BOOTSTRAP_DRAWS,
    parallel_folds: Annotated[int, typer.Option("--parallel-folds", min=1, help="Folds trained at once.")] = 1,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure how much of a score is leakage: the same model and recipe under splits that leak less and less.

    Takes all options of `kinfast train` that decide a run, except the split's. What is trained is kept: the same
    command goes on where it was interrupted. With --audit it trains nothing and looks at a split's two sides, down to
    identical and near-identical images.
    """
    let_waiting_threads_sleep()
    from kinfast.cli.progress import make_reporter
    from kinfast.cli.train_words import read_words
    from kinfast.data.merged import open_stores

    stores, config = read_words(context.args)
    with make_reporter(quiet) as reporter:
        if audit is not None:
            lines = _audit(open_stores(stores), audit, out, usable_threads(threads), reporter)
        else:
            _check_recipe(config)
            how = {"threads": usable_threads(threads), "parallel_folds": parallel_folds}
            lines = _climb(open_stores(stores), config, _parse_levels(levels), out, draws, reporter, how)
    for line in lines:
        typer.echo(line)


def _audit(store: "PreparedStore", split: Path, out: Path, threads: int, reporter: "Reporter") -> list[str]:
    from kinfast.data.given_split import read_split
    from kinfast.data.split_audit import audit_lines, audit_split

    found = audit_split(read_split(split, store.sites), store, threads=threads, reporter=reporter)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "audit.json"
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(found.entry(), indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return [*audit_lines(found), str(path)]


def _check_recipe(config: TrainConfig) -> None:
    from kinfast.errors import UsageError

    if config.split_by is not None or config.test_on is not None:
        raise UsageError("leakage chooses the splits itself: leave --split-by and --test-on out, or see --levels")


def _parse_levels(text: str) -> tuple[str, ...]:
    from kinfast.errors import UsageError
    from kinfast.evaluate.leakage import LADDER

    asked = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in asked if word not in LADDER]
    if unknown or not asked:
        raise UsageError(f"--levels {text}: wanted some of {', '.join(LADDER)}")
    return tuple(level for level in LADDER if level in asked)


def _climb(
    store: "PreparedStore",
    config: TrainConfig,
    levels: tuple[str, ...],
    out: Path,
    draws: int,
    reporter: "Reporter",
    how: dict[str, Any],
) -> list[str]:
    """Train and evaluate under each split that the labels allow, and put the ladder together."""
    import textwrap

    from kinfast.errors import LeakError, SplitError
    from kinfast.evaluate.leakage import measure_leakage, write_leakage
    from kinfast.evaluate.run_folder import REPORT
    from kinfast.report.leakage import write_leakage_report
    from kinfast.report.run import write_report
    from kinfast.report.tables import to_text

    runs: dict[str, Path] = {}
    skipped: dict[str, str] = {}
    for level in levels:
        reporter.line(f"== split by {level}")
        try:
            _train_level(
                store, replace(config, split_by=level, allow_leak=level == "image"), out / level, reporter, how
            )
        except SplitError as error:
            if isinstance(error, LeakError):
                raise
            skipped[level] = str(error)
            reporter.line(f"skipped: {error}")
            continue
        _evaluate_level(out / level, draws, reporter)
        runs[level] = out / level
    if not runs:
        raise SplitError(f"no split can be made: {'; '.join(skipped.values())}")
    found, path = measure_leakage(runs, skipped, draws), out / "leakage.json"
    before = path.read_bytes() if path.is_file() else b""
    write_leakage(found, path)
    changed = path.read_bytes() != before
    for run in runs.values():  # last, since their pages show the whole ladder
        if changed or not (run / REPORT).is_file():
            write_report(run, reporter=reporter)
    lines = [to_text(table) for table in write_leakage_report(found, out)]
    for verdict in found["verdicts"]:
        lines += [*textwrap.wrap(verdict["text"], WIDTH), ""]
    return [*lines, str(path)]


def _train_level(
    store: "PreparedStore", config: TrainConfig, run: Path, reporter: "Reporter", how: dict[str, Any]
) -> None:
    """Train under one split, go on with what was begun, or take what is finished."""
    from kinfast.errors import RunError
    from kinfast.train import folder
    from kinfast.train.run import resume, train

    if not (run / folder.CONFIG).is_file():
        train(store, config, run, reporter=reporter, **how)
        return
    if folder.asked_config(folder.read_config(run), run) != config:
        raise RunError(f"{run} was trained with other options: give another --out, or remove it")
    if not (run / folder.PREDICTIONS).is_file():
        resume(store, run, reporter=reporter, **how)


def _evaluate_level(run: Path, draws: int, reporter: "Reporter") -> None:
    from kinfast.evaluate.run import evaluate_run
    from kinfast.evaluate.run_folder import METRICS, PREDICTIONS
    from kinfast.report.run import read_metrics

    done = run / METRICS
    fresh = done.is_file() and done.stat().st_mtime_ns > (run / PREDICTIONS).stat().st_mtime_ns
    if fresh and read_metrics(run)["about"]["draws"] == draws:
        return
    evaluate_run(run, draws=draws, reporter=reporter)
