"""`kinfast demo`: the whole journey on two simulated plates, and what it found against what was planted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinfast.cli.lines import wrap_command
from kinfast.cli.options import Debug, Quiet, Threads, let_waiting_threads_sleep, usable_threads
from kinfast.config import PreprocessConfig, TrainConfig

if TYPE_CHECKING:
    from kinfast.cli.progress import PlainReporter, TerminalReporter
    from kinfast.evaluate.run import Evaluation
    from kinfast.plate.plate_set import PlateSet
    from kinfast.simulate.settings import SimulationSettings


PREPROCESS = PreprocessConfig(shorter_side=128)
TRAIN = TrainConfig(
    backbone="mobilenet_v2",
    weights="none",
    task="target",
    split_by="compound",
    test_fraction=0.3,
    learning_rate=2e-3,
    dropout=0.2,
    input_size=80,
    epochs=7,
    steps_per_epoch=75,
    batch_size=16,
    loader="torch",
    device="cpu",
)
"""Small enough for two cores: a two-stream MobileNetV2 from random weights, 525 steps on crops of 80 pixels."""
PLANTED = 2
"""Sites of each plate with each condition."""
DRAWS = 500
"""Bootstrap draws: enough for a demonstration's intervals."""


def simulation(seed: int) -> "SimulationSettings":
    """Give the demonstration's plates: 600 sites with 48 compounds of 4 targets, and everything that can go wrong."""
    from kinfast.simulate.settings import SimulationSettings

    return SimulationSettings(
        plates=2,
        sites=5,
        height=256,
        width=256,
        pixel_um=0.8,
        cells=14,
        targets=4,
        doses_um=(10.0, 5.0),
        effect=1.6,
        own_share=0.15,
        inactive=0.05,
        toxic=0.05,
        dark=PLANTED,
        blank=PLANTED,
        empty=PLANTED,
        blurred=PLANTED,
        saturated=PLANTED,
        debris=PLANTED,
        broken=7,
        seed=seed,
    )


@dataclass(slots=True)
class Journey:
    """Where the demonstration is: its folder, who is told, and when it began."""

    out: Path
    threads: int
    reporter: "TerminalReporter | PlainReporter"
    began: float

    @contextmanager
    def step(self, title: str, command: str) -> Iterator[None]:
        """Announce a step with the command that does the same, and say how long it took."""
        self.reporter.line("\n".join(("", f"== {title}", *wrap_command(command, "   "))))
        started = time.monotonic()
        yield
        self.say(f"done in {time.monotonic() - started:.0f} s")

    def say(self, *lines: str) -> None:
        """Say lines below a step's title."""
        for line in lines:
            self.reporter.line(f"   {line}")


def command(
    out: Annotated[Path, typer.Option("--out", help="Folder of the demonstration.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Of the plates.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace plates of another seed.")] = False,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate two small plates and go the whole way: inspect, preprocess, train, evaluate, report.

    Takes five to ten minutes on two cores, without a GPU and without the internet, and ends with what was found against
    what had been planted.

    Examples:

      kinfast demo

      kinfast demo --out /tmp/demo --seed 3
    """
    let_waiting_threads_sleep()
    from kinfast.cli.progress import make_reporter

    with make_reporter(quiet) as reporter:
        lines = run_demo(Journey(out, usable_threads(threads), reporter, time.monotonic()), seed, overwrite)
    for line in lines:
        typer.echo(line)


def run_demo(journey: Journey, seed: int, overwrite: bool = False) -> list[str]:
    """Go the whole way and return the closing lines."""
    from kinfast.cli.demo_findings import closing_lines

    plates, prepared = journey.out / "plates", journey.out / "prepared"
    _simulate(journey, seed, plates, overwrite)
    _preprocess(journey, _inspect(journey, plates), prepared)
    _draw_panel(journey, prepared)
    run = _train(journey, prepared)
    evaluation, report = _evaluate(journey, run)
    return closing_lines(plates, prepared, evaluation, report, time.monotonic() - journey.began)


def _simulate(journey: Journey, seed: int, plates: Path, overwrite: bool) -> None:
    from kinfast.simulate.run import simulate_plates

    settings = simulation(seed)
    words = " ".join(simulate_options(settings))
    with journey.step("Simulate two plates whose truth is known", f"kinfast simulate {plates} {words}"):
        simulate_plates(plates, settings, journey.threads, journey.reporter, overwrite=overwrite)


def simulate_options(settings: "SimulationSettings") -> list[str]:
    """Give the words behind `kinfast simulate` that ask for these settings, where they differ from the defaults."""
    usual, asked = type(settings)().as_dict(), settings.as_dict()
    asked["size"], usual["size"] = f"{asked.pop('height')}x{asked.pop('width')}", ""
    words = []
    for name, value in asked.items():
        if value != usual[name]:
            shown = ",".join(f"{part:g}" for part in value) if isinstance(value, list) else str(value)
            words += [f"--{name.replace('_', '-')}", shown]
    return words


def _inspect(journey: Journey, plates: Path) -> "PlateSet":
    from kinfast.plate.open import open_plates

    with journey.step("Inspect them", f"kinfast inspect {plates}"):
        found = open_plates(plates, reporter=journey.reporter)
        sites = sum(len(plate.sites) for plate in found.plates)
        journey.say(
            f"{found.convention} names; {len(found.plates)} plates, {sites} whole sites of "
            f"{', '.join(found.spec.channel_names)}; {len(found.labels)} wells with labels",
            *found.notes,
            *found.audit,
        )
    return found


def _preprocess(journey: Journey, found: "PlateSet", prepared: Path) -> None:
    from kinfast.preprocess.run import preprocess
    from kinfast.report.plates import write_plates_report

    with journey.step(
        "Preprocess: decode, correct the illumination, flag, resize, store",
        f"kinfast preprocess {journey.out / 'plates'} --out {prepared} --size {PREPROCESS.shorter_side}",
    ):
        done = preprocess(found, prepared, PREPROCESS, threads=journey.threads, reporter=journey.reporter)
        flags = ", ".join(f"{name.removeprefix('Flag_')} {count}" for name, count in done.flags.items() if count)
        journey.say(
            f"{done.n_sites} sites stored, {done.n_quarantined} files in quarantine; flags: {flags}",
            f"what became of the plates: {write_plates_report(prepared)}",
        )


def _draw_panel(journey: Journey, prepared: Path) -> None:
    from kinfast.cli.demo_findings import write_panel
    from kinfast.data.store import PreparedStore

    panel = journey.out / "panel.png"
    with journey.step(
        "Look at the composites",
        f"kinfast composites {prepared} --out {journey.out / 'composites'} --panel   (writes them all)",
    ):
        write_panel(PreparedStore.open(prepared), panel)
        journey.say(f"a site of each target, in each composite: {panel}")


def _train(journey: Journey, prepared: Path) -> Path:
    from kinfast.data.store import PreparedStore
    from kinfast.train.folder import new_run_path
    from kinfast.train.run import train

    run = new_run_path(journey.out / "runs", TRAIN.backbone)
    with journey.step(
        "Train a two-stream MobileNetV2 from random weights to tell targets apart",
        f"kinfast train {prepared} --weights none --task {TRAIN.task} --split-by {TRAIN.split_by} "
        f"--test-fraction {TRAIN.test_fraction:g} --learning-rate {TRAIN.learning_rate:g} --dropout {TRAIN.dropout:g} "
        f"--input-size {TRAIN.input_size} --epochs {TRAIN.epochs} --steps-per-epoch {TRAIN.steps_per_epoch} "
        f"--batch-size {TRAIN.batch_size} "
        f"--loader {TRAIN.loader} --device {TRAIN.device} --out {run}",
    ):
        train(PreparedStore.open(prepared), TRAIN, run, threads=journey.threads, reporter=journey.reporter)
    return run


def _evaluate(journey: Journey, run: Path) -> tuple["Evaluation", Path]:
    from kinfast.evaluate.run import evaluate_run
    from kinfast.report.run import write_report

    with journey.step("Evaluate and report", f"kinfast evaluate {run} --draws {DRAWS}"):
        evaluation = evaluate_run(run, draws=DRAWS, reporter=journey.reporter)
        return evaluation, write_report(run, reporter=journey.reporter)
