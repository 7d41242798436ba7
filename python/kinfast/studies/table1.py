"""Trains the thesis' Table 1, three backbones by two inputs by three modes, and writes its tables and figures anew."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kinfast.errors import UsageError
from kinfast.evaluate.run_folder import Run
from kinfast.progress import Reporter, Silent
from kinfast.report.style import figure_style, save_figure
from kinfast.report.tables import write_table, write_text
from kinfast.report.thesis_figures import draw_binary_figure, draw_curves_figure, draw_roc_pair, find_limits
from kinfast.studies.cells import Cell, Outcome, train_cell, train_cells
from kinfast.studies.measures import open_run
from kinfast.studies.recipes import find_recipe
from kinfast.studies.scale import SCALES, Scale, simulate_small, write_local_weights
from kinfast.studies.table1_page import write_page
from kinfast.studies.table1_tables import Row, extremes_table, honest_table, measure_row, micro_table, pattern_lines
from kinfast.studies.thesis import EXTREMES, FIGURE_RECIPES, FIGURES, INPUTS, MODES, PLACES, Place

COMPOUND = "-compound"
"""Ends the name of a run that is split by compound."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What was made: the page, and what it shows in sentences."""

    page: Path
    lines: tuple[str, ...]


def reproduce_table1(
    prepared: Path | None,
    out: Path,
    *,
    scale: str,
    threads: int,
    processes: int = 1,
    reporter: Reporter | None = None,
    trainer: Callable[..., Outcome] = train_cell,
) -> Reproduction:
    """Train what is not trained yet, then write tables/, figures/ and report.html into `out`.

    Args:
        prepared: the store; None simulates one, at a scale that does.
        out: the folder; `out/runs/<recipe>` are ordinary runs.
        scale: full or small.
        threads: of all runs at once.
        processes: runs at once.
        reporter: told of the progress.
        trainer: trains one cell.

    Raises:
        UsageError: no such scale, no store, or runs that failed.
    """
    reporter = reporter or Silent()
    chosen = find_scale(scale)
    if prepared is None and not chosen.simulated:
        raise UsageError("give the prepared store: kinfast reproduce table1 prepared; --scale small simulates its own")
    store = prepared or simulate_small(out, threads, reporter)
    cells = make_cells(chosen, out)
    outcomes = train_cells(
        store, cells, out / "runs", threads=threads, processes=processes, reporter=reporter, trainer=trainer
    )
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        raise UsageError(f"{len(failed)} of {len(cells)} runs failed, first {failed[0].cell.name}: {failed[0].error}")
    return write_reproduction({outcome.cell.name: outcome.run for outcome in outcomes}, chosen, out)


def find_scale(name: str) -> Scale:
    """Give a scale by its name.

    Raises:
        UsageError: there is none.
    """
    if name not in SCALES:
        raise UsageError(f"no scale {name!r}: wanted {' or '.join(SCALES)}")
    return SCALES[name]


def make_cells(scale: Scale, out: Path) -> list[Cell]:
    """List the runs: Table 1's by well, some of them by compound, and those of Figures 5 to 7."""
    places = {place.recipe: place for place in PLACES}
    others = [name for recipes in FIGURE_RECIPES.values() for name in recipes.values()]
    recipes = {name: find_recipe(name).config for name in (*places, *others)}
    backbones = {config.backbone for config in recipes.values() if config.weights == "imagenet"}
    weights: Mapping[str, Path] = {}
    if scale.local_weights:
        weights = {
            name: write_local_weights(name, out / "weights" / f"{name}.safetensors") for name in sorted(backbones)
        }
    cells = []
    for name, recipe in recipes.items():
        second = name in places and places[name].input == "two"
        cells.append(Cell(name, scale.config(recipe, weights, second_input=second)))
        if name in places and places[name] in scale.by_compound:
            cells.append(Cell(name + COMPOUND, replace(cells[-1].config, split_by="compound")))
    return cells


def write_reproduction(runs: Mapping[str, Path], scale: Scale, out: Path) -> Reproduction:
    """Write everything that is made of the finished runs."""
    opened = {name: open_run(path) for name, path in runs.items()}
    rows = {place: measure_row(opened[place.recipe], place, scale.draws) for place in PLACES}
    compound = {
        place: measure_row(opened[place.recipe + COMPOUND], place, scale.draws)
        for place in PLACES
        if place.recipe + COMPOUND in opened
    }
    tables = [micro_table(rows), honest_table([*rows.values(), *compound.values()])]
    for table, backbone in EXTREMES.items():
        mine = {mode: opened[Place(backbone, "two", mode).recipe] for mode in MODES}
        tables.append(extremes_table(table, backbone, mine))
    for made in tables:
        write_table(made, out / "tables")
    figures = _draw(opened, out / "figures")
    lines = pattern_lines(rows, compound)
    write_text("\n".join(lines) + "\n", out / "pattern.txt")
    page = write_page(tables, figures, lines, scale, out / "report.html")
    return Reproduction(page, tuple(lines))


def _draw(runs: Mapping[str, Run], folder: Path) -> dict[str, Path]:
    """Draw Figures 5 to 11, those of one kind on common axes."""
    limits = find_limits([runs[place.recipe].history for place in PLACES])
    with figure_style():
        drawn = {
            name: draw_binary_figure({title: runs[recipe].history for title, recipe in recipes.items()})
            for name, recipes in FIGURE_RECIPES.items()
        }
        for backbone, number in FIGURES.items():
            grid = {
                words: {
                    place.heading: runs[place.recipe].history
                    for place in (Place(backbone, stream, mode) for mode in MODES)
                }
                for stream, words in INPUTS.items()
            }
            drawn[f"figure{number}"] = draw_curves_figure(grid, limits)
        pair = {
            place.heading: runs[place.recipe] for place in (Place("mobilenet_v2", "two", m) for m in ("adam", "sgd"))
        }
        drawn["figure11"] = draw_roc_pair(pair)
        for name, figure in drawn.items():
            save_figure(figure, folder, name)
    order = sorted(drawn, key=lambda name: int(name.removeprefix("figure")))
    return {name: folder / f"{name}.svg" for name in order}


__all__ = ["Reproduction", "Row", "find_scale", "make_cells", "reproduce_table1", "write_reproduction"]
