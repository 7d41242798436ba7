"""`kinfast simulate`: raw plates whose truth is known."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from kinfast.cli.options import Debug, Quiet, Threads
from kinfast.simulate.settings import SimulationSettings

BASE = SimulationSettings()

EPILOG = """
[bold]Examples[/bold]

  kinfast simulate plates/ --plates 2

  kinfast simulate plates/ --plates 1 --sites 5 --size 540 --cells 120 --broken 10 --compression lzw --predictor

  kinfast simulate phenix/ --convention phenix --wells 12 --sites 2

A simulation that was stopped goes on when the same command is given again.
"""
PLATES, COMPOUNDS, LIGHT, TROUBLE, FILES = "Plates", "Compounds", "Microscope", "What goes wrong", "Files"


def _option(panel: str, text: str, **more: Any) -> Any:
    return typer.Option(help=text, rich_help_panel=panel, **more)


def _planted(text: str) -> Any:
    return _option(TROUBLE, f"Sites of each plate {text}.", show_default=False, metavar="SITES")


def command(
    out: Annotated[Path, typer.Argument(help="New or empty folder for the plates.")],
    plates: Annotated[int, _option(PLATES, "Plates.")] = BASE.plates,
    layout: Annotated[int, _option(PLATES, "Wells of a plate: 96 or 384; the outer ones stay free.")] = BASE.layout,
    wells: Annotated[
        int | None, _option(PLATES, "Wells used of each plate. Default: all inner ones.", show_default=False)
    ] = None,
    sites: Annotated[int, _option(PLATES, "Sites a well.")] = BASE.sites,
    cells: Annotated[float, _option(PLATES, "Cells in a field of an untreated well.")] = BASE.cells,
    plate_effect: Annotated[
        float, _option(PLATES, "How much plates differ in brightness and cells (SD of the logarithm).")
    ] = BASE.plate_effect,
    well_effect: Annotated[float, _option(PLATES, "How much wells differ.")] = BASE.well_effect,
    compounds: Annotated[
        int | None, _option(COMPOUNDS, "Compounds. Default: as many as the wells hold.", show_default=False)
    ] = None,
    targets: Annotated[int, _option(COMPOUNDS, "Targets that the compounds share.")] = BASE.targets,
    doses_um: Annotated[str, _option(COMPOUNDS, "Doses of each compound in µM.")] = "10,6,5,4",
    control_share: Annotated[float, _option(COMPOUNDS, "Share of the wells with DMSO.")] = BASE.control_share,
    own_share: Annotated[
        float, _option(COMPOUNDS, "How much of an effect is the compound's own, not its target's.")
    ] = BASE.own_share,
    effect: Annotated[float, _option(COMPOUNDS, "Factor on all effects; 0 plants no biology at all.")] = BASE.effect,
    inactive: Annotated[float, _option(COMPOUNDS, "Share of compounds that do nothing.")] = BASE.inactive,
    toxic: Annotated[float, _option(COMPOUNDS, "Share of compounds that kill most cells.")] = BASE.toxic,
    toxicity: Annotated[str, _option(COMPOUNDS, "Range of the share of cells these take.")] = "0.5,0.85",
    signatures: Annotated[
        str, _option(COMPOUNDS, "What targets do: known (after real kinases) or shape (round cells to spindles).")
    ] = BASE.signatures,
    only_stain: Annotated[
        str | None,
        _option(COMPOUNDS, "Change this channel alone: DNA, RNA, ER, AGP or Mito. Default: all.", show_default=False),
    ] = None,
    size: Annotated[str, _option(LIGHT, "Pixels of an image: 512, or 520x696 for height x width.")] = "512",
    pixel_um: Annotated[float, _option(LIGHT, "Micrometres a pixel.")] = BASE.pixel_um,
    vignetting: Annotated[float, _option(LIGHT, "Light lost in the darkest corner, 0 to 0.9.")] = BASE.vignetting,
    dark_counts: Annotated[str, _option(LIGHT, "Range of the dark offsets, counts.")] = "50,250",
    exposure: Annotated[float, _option(LIGHT, "Factor on all light.")] = BASE.exposure,
    dark: Annotated[int | None, _planted("without light. Default, here and below: one site in 120")] = None,
    blank: Annotated[int | None, _planted("with one value everywhere")] = None,
    empty: Annotated[int | None, _planted("without cells")] = None,
    blurred: Annotated[int | None, _planted("out of focus")] = None,
    saturated: Annotated[int | None, _planted("with too much light")] = None,
    debris: Annotated[int | None, _planted("with dust and a fibre")] = None,
    broken: Annotated[int, _option(TROUBLE, "Broken files over all plates, of all kinds in turn.")] = BASE.broken,
    convention: Annotated[str, _option(FILES, "Whose file names: imagexpress, phenix, cellvoyager, …")] = (
        BASE.convention
    ),
    compression: Annotated[str, _option(FILES, "none, lzw, deflate, zstd or packbits.")] = BASE.compression,
    predictor: Annotated[
        bool, typer.Option("--predictor", help="Horizontal differences before compressing.", rich_help_panel=FILES)
    ] = False,
    seed: Annotated[int, typer.Option(help="Of everything: the same seed gives the same bytes.")] = BASE.seed,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a simulation that is there.")] = False,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate raw five-channel plates, and write down in truth/ all that was planted in them."""
    asked = dict(locals())
    from kinfast.cli.options import usable_threads
    from kinfast.cli.progress import make_reporter
    from kinfast.simulate.run import simulate_plates

    names = {field.name for field in fields(SimulationSettings)}
    values = {name: value for name, value in asked.items() if name in names}
    values["height"], values["width"] = _read_size(size)
    values["doses_um"] = _read_numbers("--doses-um", doses_um)
    values["toxicity"] = _read_pair("--toxicity", toxicity)
    values["dark_counts"] = _read_pair("--dark-counts", dark_counts)
    settings = SimulationSettings(**values)
    with make_reporter(quiet) as reporter:
        plan = simulate_plates(out, settings, usable_threads(threads), reporter, overwrite=overwrite)
        planted = sum(site.planted for site in plan.sites)
        reporter.line(
            f"{len(plan.sites):,} sites of {len(plan.compounds)} compounds in {out}; {planted} sites and {broken} "
            f"files are spoilt on purpose: {out / 'truth'} says which"
        )


def _read_numbers(option: str, text: str) -> tuple[float, ...]:
    from kinfast.errors import UsageError

    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(f"{option} is {text!r}: wanted numbers with commas between, such as 10,6,5,4") from None


def _read_pair(option: str, text: str) -> tuple[float, float]:
    from kinfast.errors import UsageError

    numbers = _read_numbers(option, text)
    if len(numbers) != 2:
        raise UsageError(f"{option} is {text!r}: wanted two numbers, such as 50,250")
    return numbers[0], numbers[1]


def _read_size(text: str) -> tuple[int, int]:
    from kinfast.errors import UsageError

    words = text.lower().split("x")
    if len(words) > 2 or not all(word.strip().isdecimal() for word in words):
        raise UsageError(f"--size is {text!r}: wanted pixels such as 512, or height x width such as 520x696")
    return int(words[0]), int(words[-1])
