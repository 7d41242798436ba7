"""How one of `kinfast train`'s options is made, and the panels that `--help` puts them into."""

from typing import Any

import typer

MODEL, DATA, TRAINING, AUGMENTATION, MACHINE = "Model", "What is learned", "Training", "Augmentation", "Machine"


def option(*names: str, panel: str, text: str, **more: Any) -> Any:
    """Make an option of a panel; its default is shown unless `show_default` says otherwise."""
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=more.pop("show_default", True), **more)
