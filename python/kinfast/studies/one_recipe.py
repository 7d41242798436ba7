"""Runs one recipe, as the thesis did or with changes, and keeps the recipe's words beside the run."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from kinfast.errors import KinfastError, RunError
from kinfast.progress import Reporter, Silent
from kinfast.report.tables import write_text
from kinfast.studies.cells import Cell, train_cell
from kinfast.studies.recipes import find_recipe
from kinfast.studies.settings import read_settings

RECIPE = "recipe.json"
RUNS = Path("runs")


def run_recipe(
    name: str,
    prepared: Path,
    out: Path | None = None,
    changes: list[str] | None = None,
    threads: int = 1,
    reporter: Reporter | None = None,
) -> Path:
    """Train a recipe's run, or go on with it.

    Args:
        name: of a shipped recipe, or a file.
        prepared: the store.
        out: the run's folder; by default runs/<recipe>, with the changes in its name.
        changes: NAME=VALUE.
        threads: of torch and the loaders.
        reporter: told of the progress.

    Returns:
        The run's folder.

    Raises:
        KinfastError: the recipe cannot be read or trained.
    """
    recipe, teller = find_recipe(name), reporter or Silent()
    config = replace(recipe.config, **read_settings(changes or []))
    run = out or RUNS / "-".join([recipe.name, *sorted(word.replace("/", "_") for word in changes or [])])
    _check_same(run, config)
    for line in (f"{recipe.name} ({recipe.section}): {recipe.thesis}", f"ours: {recipe.ours}"):
        teller.line(" ".join(line.split()))
    outcome = train_cell(prepared, Cell(recipe.name, config), run, threads, teller)
    if outcome.error:
        raise KinfastError(outcome.error)
    write_text(json.dumps(recipe.model_dump() | {"changes": changes or []}, indent=2) + "\n", run / RECIPE)
    return run


def _check_same(run: Path, config: object) -> None:
    """Refuse to go on with a run that was begun otherwise."""
    from kinfast.config import TrainConfig
    from kinfast.train.folder import CONFIG, asked_config, read_config

    if not (run / CONFIG).is_file():
        return
    begun = asked_config(read_config(run), run)
    assert isinstance(config, TrainConfig)
    other = [key for key, value in asdict(config).items() if value != asdict(begun)[key]]
    if other:
        raise RunError(f"{run} was begun with another {', '.join(other)}: give another --out")
