"""`kinfast simulate`: raw plates whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast.cli.options import Debug, Quiet, Threads

Planted = Annotated[
    int | None, typer.Option(min=0, help="Such sites of each plate. Default: one in 120.", show_default=False, metavar="SITES")
]


def command(
    out: Annotated[Path, typer.Argument(help="New or empty folder for the plates.")],
    plates: Annotated[int, typer.Option(help="Plates.")] = 2,
    wells: Annotated[
        int | None, typer.Option(help="Wells used of each plate. Default: all inner ones.", show_default=False)
    ] = None,
    sites: Annotated[int, typer.Option(help="Sites a well.")] = 9,
    size: Annotated[str, typer.Option(help="Pixels of an image: 512, or 520x696 for height x width.")] = "512",
    cells: Annotated[float, typer.Option(help="Cells in a field of an untreated well.")] = 60.0,
    pixel_um: Annotated[float, typer.Option("--pixel-um", help="Micrometres a pixel.")] = 0.656,
    compounds: Annotated[
        int | None, typer.Option(help="Compounds. Default: as many as the wells hold.", show_default=False)
    ] = None,
    targets: Annotated[int, typer.Option(help="Targets that the compounds share.")] = 8,
    doses: Annotated[str, typer.Option(help="Doses of each compound in uM.")] = "10,6,5,4",
    control_share: Annotated[float, typer.Option("--control-share", help="Share of the wells with DMSO.")] = 0.2,
    own_share: Annotated[
        float, typer.Option("--own-share", help="How much of an effect is the compound's own, not its target's.")
    ] = 0.3,
    effect: Annotated[float, typer.Option(help="Factor on all effects; 0 plants no biology at all.")] = 1.0,
    inactive: Annotated[float, typer.Option(help="Share of compounds that do nothing.")] = 0.1,
    toxic: Annotated[float, typer.Option(help="Share of compounds that kill most cells.")] = 0.1,
    layout: Annotated[int, typer.Option(help="Wells of a plate: 96 or 384, the outer ones left free.")] = 96,
    vignetting: Annotated[float, typer.Option(help="Light lost in the darkest corner, 0 to 0.9.")] = 0.4,
    dark_counts: Annotated[str, typer.Option("--dark-counts", help="Range of the dark offsets, counts.")] = "50,250",
    dark: Planted = None,
    blank: Planted = None,
    empty: Planted = None,
    blurred: Planted = None,
    saturated: Planted = None,
    debris: Planted = None,
    broken: Annotated[int, typer.Option(help="Broken files over all plates, of all kinds in turn.")] = 0,
    convention: Annotated[str, typer.Option(help="Whose file names: imagexpress, phenix, cellvoyager, …")] = (
        "imagexpress"
    ),
    compression: Annotated[str, typer.Option(help="none, lzw, deflate, zstd or packbits.")] = "none",
    predictor: Annotated[bool, typer.Option("--predictor", help="Horizontal differences before compressing.")] = False,
    seed: Annotated[int, typer.Option(help="Of everything: the same seed gives the same bytes.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a simulation that is there.")] = False,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate raw five-channel plates, and write down in truth/ all that was planted in them.

    Examples:

      kinfast simulate plates/ --plates 2

      kinfast simulate plates/ --plates 1 --sites 5 --size 540 --cells 120 --broken 10 --compression lzw --predictor

      kinfast simulate phenix/ --convention phenix --wells 12 --sites 2

    A simulation that was stopped goes on when the same command is given again.
    """
    from kinfast.cli.options import usable_threads
    from kinfast.cli.progress import make_reporter
    from kinfast.simulate.run import simulate_plates
    from kinfast.simulate.settings import SimulationSettings

    height, width = _read_size(size)
    settings = SimulationSettings(
        plates=plates,
        layout=layout,
        wells=wells,
        sites=sites,
        height=height,
        width=width,
        pixel_um=pixel_um,
        cells=cells,
        compounds=compounds,
        targets=targets,
        doses_um=_read_numbers("--doses", doses),
        control_share=control_share,
        own_share=own_share,
        effect=effect,
        inactive=inactive,
        toxic=toxic,
        vignetting=vignetting,
        dark_counts=_read_pair("--dark-counts", dark_counts),
        dark=dark,
        blank=blank,
        empty=empty,
        blurred=blurred,
        saturated=saturated,
        debris=debris,
        broken=broken,
        convention=convention,
        compression=compression,
        predictor=predictor,
        seed=seed,
    )
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
