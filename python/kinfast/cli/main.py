"""The `kinfast` command: finds the command's module, runs it, and turns every error into one line."""

import contextlib
import gc
import importlib
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from kinfast import launch
from kinfast.errors import EXIT_INTERRUPTED, KinfastError, RankError, SaidInterrupt, UsageError

COMMANDS: tuple[str, ...] = (
    "demo",
    "simulate",
    "annotate",
    "inspect",
    "preprocess",
    "composites",
    "train",
    "evaluate",
    "predict",
    "embed",
    "export",
    "activity",
    "leakage",
    "compare",
    "lr-test",
    "sweep",
    "study",
    "reproduce",
    "explain",
    "doctor",
)
"""Commands in the order of the journey; `kinfast inspect` is the function `command` in cli/inspect.py."""

COLLECT_EVERY = 50_000
"""New objects from one look for cycles to the next: at Python's 700, importing pandas spends a tenth of its time so."""

SEVERAL = "train"
"""The command that several processes may do together."""
FIRST_SPEAKS_SECONDS = 1.0
"""That another process waits before it fails, too: torchrun ends all as soon as one has."""
EXIT_INPUT = 2
EXIT_INTERNAL = 70


def build_app(commands: Sequence[str] = COMMANDS) -> typer.Typer:
    """Put commands together; one that is to be run needs no other, and starts the sooner."""
    app = typer.Typer(
        name="kinfast",
        help="From raw Cell Painting plates to an honestly evaluated model of kinase-inhibitor mechanism.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_version)
    for name in commands:
        module = importlib.import_module(f"kinfast.cli.{name.replace('-', '_')}")
        register = app.command(
            name=name,
            epilog=getattr(module, "EPILOG", None),
            context_settings=getattr(module, "CONTEXT", None),
            options_metavar=getattr(module, "USAGE", "[OPTIONS]"),
        )
        register(module.command)
    return app


def _version(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        from kinfast import __version__

        typer.echo(__version__)
        raise typer.Exit


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 rows in quarantine, 2 usage or input, 70 internal, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(COLLECT_EVERY)
    code = _exit_code(words)
    if code and launch.rank() > 0:
        time.sleep(FIRST_SPEAKS_SECONDS)
    _leave_garbage()
    sys.exit(code)


def _leave_garbage() -> None:
    """Keep Python from looking, at its end, through all that pandas made: a tenth of a second, for what ends anyway.

    Not where PyTorch is loaded: its compiler's bindings count what is left, and call it leaked in forty lines.
    """
    if "torch" not in sys.modules:
        gc.freeze()


def _exit_code(words: list[str]) -> int:
    debug = "--debug" in words
    try:
        with _only_first_speaks():
            _check_launch(words)
            build_app(words[:1] if words[:1] and words[0] in COMMANDS else COMMANDS)(args=words, standalone_mode=True)
    except SystemExit as stop:  # typer ends with this, after Ctrl-C too
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        return _interrupted() if code == EXIT_INTERRUPTED and not isinstance(stop, SaidInterrupt) else code
    except KeyboardInterrupt:
        return _interrupted()
    except (KinfastError, OSError, MemoryError) as error:
        _say(error, debug, "kinfast")
        return getattr(error, "exit_code", EXIT_INPUT)
    except Exception as error:  # the last resort: a bug of ours must still be one line
        _say(error, debug, "kinfast: internal error (a bug; --debug shows where)")
        return EXIT_INTERNAL
    return 0


@contextlib.contextmanager
def _only_first_speaks() -> Iterator[None]:
    """Let the first of torchrun's processes print, and no other."""
    if launch.rank() == 0:
        yield
        return
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def _check_launch(words: Sequence[str]) -> None:
    if launch.one_of_several() and words[:1] and words[0] in COMMANDS and words[0] != SEVERAL:
        raise UsageError(f"{words[0]} is for one process: torchrun is for kinfast {SEVERAL}")


def _interrupted() -> int:
    if launch.rank() > 0:
        return EXIT_INTERRUPTED
    typer.echo("interrupted: what is finished is kept, the same command goes on from there", err=True)
    return EXIT_INTERRUPTED


def _say(error: BaseException, debug: bool, prefix: str) -> None:
    if launch.rank() > 0 and isinstance(error, KinfastError) and not isinstance(error, RankError):
        return  # the first process meets it, too
    if debug:
        traceback.print_exception(error)
        return
    notes = "; ".join(getattr(error, "__notes__", ()))
    text = " ".join(str(error).split()) or type(error).__name__
    typer.echo(f"{prefix}: {text}{f' ({notes})' if notes else ''}", err=True)
