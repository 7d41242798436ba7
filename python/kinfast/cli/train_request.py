"""What a command line of `kinfast train` asks for: a run's settings, its device, a run begun or gone on with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kinfast import config as defaults
from kinfast import launch
from kinfast.errors import EXIT_INTERRUPTED, RankError, SaidInterrupt

if TYPE_CHECKING:
    from kinfast.progress import Reporter
    from kinfast.train.processes.ranks import Ranks

READ_ON_RESUMING = ("prepared", "resume", "threads", "parallel_folds", "test_on", "quiet", "debug", "help")
"""Options that `--resume` reads too: all others are as the run was begun."""


def begin_or_resume(asked: dict[str, Any], run: Path, threads: int, reporter: "Reporter", ranks: "Ranks") -> None:
    """Begin a run, or go on with one; its store may have been moved to where PREPARED says."""
    from kinfast.data.merged import open_stores
    from kinfast.train.run import resume, run_stores, train

    how: dict[str, Any] = {"threads": threads, "parallel_folds": asked["parallel_folds"]}
    how |= {"reporter": reporter, "ranks": ranks}
    stores, test_on = asked["prepared"] or [Path("prepared")], asked["test_on"]
    if asked["resume"] is None:
        how |= {"tensorboard": asked["tensorboard"], "trace": asked["trace"]}
        train(ranks.together(lambda: open_stores(stores, test_on)), requested_config(asked), run, **how)
        return
    if unread := options_not_read(asked, run):
        reporter.line(f"not read, the run goes on as it was begun: {', '.join(unread)}")
    where, where_tested = run_stores(run)
    if not all(path.is_dir() for path in where):
        where, where_tested = stores, test_on or where_tested
    resume(ranks.together(lambda: open_stores(where, where_tested)), run, **how)


def options_not_read(asked: dict[str, Any], run: Path) -> list[str]:
    """Name the options that were given beside `--resume` and that the run was not begun with."""
    from kinfast.train.folder import asked_config, read_config

    begun, wanted = asdict(asked_config(read_config(run), run)), asdict(requested_config(asked))
    beside = _given_options(asked["context"])
    return [option for name, option in beside.items() if name not in begun or begun[name] != wanted[name]]


def _given_options(context: typer.Context) -> dict[str, str]:
    """Name the options of the command line that decide a run: by their parameter, as a person writes them."""
    sources = {parameter: context.get_parameter_source(str(parameter.name)) for parameter in context.command.params}
    return {
        str(parameter.name): parameter.opts[0]
        for parameter, source in sources.items()
        if source is not None and source.name == "COMMANDLINE" and parameter.name not in READ_ON_RESUMING
    }


@contextmanager
def said_how_to_go_on(run: Callable[[], Path]) -> Iterator[None]:
    """Say the command that goes on with a run that was interrupted, or that lost one of its processes."""
    try:
        yield
    except KeyboardInterrupt:
        if launch.rank() > 0 or not _begun(run()):
            raise
        typer.echo(f"interrupted; this goes on where it stopped: {_resume_words(run())}", err=True)
        raise SaidInterrupt(EXIT_INTERRUPTED) from None
    except RankError as error:
        if _begun(run()):
            error.add_note(f"this goes on from the last checkpoint: {_resume_words(run())}")
        raise


def _begun(run: Path) -> bool:
    from kinfast.train.folder import CONFIG

    return (run / CONFIG).is_file()


def _resume_words(run: Path) -> str:
    return f"{'torchrun … -m kinfast' if launch.one_of_several() else 'kinfast'} train --resume {run}"


def as_begun(asked: dict[str, Any]) -> dict[str, Any]:
    """Where torchrun has started its processes anew (`--max-restarts`), ask to go on with the run that they began.

    It is the one in --out, if it was asked for by this very command: another one there is refused as ever.
    """
    from kinfast.train.folder import asked_config, read_config

    out = asked["out"]
    if launch.life() == 0 or asked["resume"] is not None or out is None or not _begun(out):
        return asked
    same = asked_config(read_config(out), out) == requested_config(asked)
    return asked | {"resume": out} if same else asked


def asked_device(asked: dict[str, Any]) -> str:
    """Give the device that processes started by torchrun join on: that of the run that they go on with, if they do."""
    from kinfast.errors import UsageError
    from kinfast.train.folder import asked_config, read_config

    if launch.one_of_several() and asked["parallel_folds"] > 1:
        raise UsageError(
            "--parallel-folds is for one process, which starts others: with torchrun every fold has all processes"
        )
    run = asked["resume"]
    return str(asked["device"]) if run is None else asked_config(read_config(run), run).device


def requested_config(asked: dict[str, Any]) -> defaults.TrainConfig:
    """Take the options that are fields of TrainConfig; lists are CSV rows, and no augmentation leaves crops alone."""
    from kinfast.data.labels import parse_classes

    names = {field.name for field in fields(defaults.TrainConfig)}
    values = {name: value for name, value in asked.items() if name in names}
    for name in ("composites", "classes", "plates"):
        values[name] = parse_classes(values[name]) if values[name] else None
    values["selectivity"] = None if values["selectivity"] is None else str(values["selectivity"].resolve())
    values["drop_inactive"] = str(values["drop_inactive"].resolve()) if values["drop_inactive"] else None
    values["test_on"] = str(asked["test_on"]) if asked["test_on"] else None
    for name in ("policy", "optimizer_parameters"):
        values[name] = tuple(values[name] or ())
    if not asked["augment"]:
        values |= _without_augmentation(values)
    return defaults.TrainConfig(**values)


def _without_augmentation(values: dict[str, Any]) -> dict[str, Any]:
    """Give what leaves random crops alone.

    Raises:
        UsageError: something beyond the defaults was asked for, too.
    """
    from kinfast.data.augment import NO_AUGMENTATION
    from kinfast.errors import UsageError

    nothing = {field.name: getattr(NO_AUGMENTATION, field.name) for field in fields(NO_AUGMENTATION)}
    nothing |= {"mixup": 0.0, "cutmix": 0.0}
    usual = defaults.TrainConfig()
    for name, none in nothing.items():
        if values[name] not in (none, getattr(usual, name)):
            raise UsageError(f"--no-augment and --{name.partition('_')[0]} contradict each other: give one of them")
    return nothing
