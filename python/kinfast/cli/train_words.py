"""`kinfast train`'s options in the command lines of other commands that train."""

from pathlib import Path

import typer

from kinfast.cli import train
from kinfast.cli.train_request import requested_config
from kinfast.config import TrainConfig


def read_words(words: list[str]) -> tuple[list[Path], TrainConfig]:
    """Read train's arguments from words of a command line, for other commands that train.

    Returns:
        The stores, and what decides a run.

    Raises:
        UsageError: no such option, or a value that is none.
    """
    import click

    from kinfast.errors import UsageError

    app = typer.Typer(add_completion=False)
    app.command("train")(train.command)
    parser = typer.main.get_command(app)
    try:
        asked = parser.make_context("train", list(words)).params
    except click.ClickException as error:
        raise UsageError(error.format_message()) from error
    return [Path(path) for path in asked["prepared"] or ["prepared"]], requested_config(asked)
