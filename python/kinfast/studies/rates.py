"""Range tests of several backbones: curves, suggestions, and what they rest on, in a folder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.progress import Reporter, Silent
from kinfast.report.range_figure import draw_range_tests
from kinfast.report.style import figure_style, save_figure
from kinfast.report.tables import Table, write_table
from kinfast.train.range_test import RangeTest, check_range, run_range_test

CURVE, SUGGESTIONS, FIGURE = "lr_test.csv", "lr_suggestions", "lr_test"


@dataclass(frozen=True, slots=True)
class RateRange:
    """Rates that a test goes through."""

    lowest: float = 1e-7
    highest: float = 1.0
    steps: int = 100


def find_rates(
    store: PreparedStore,
    config: TrainConfig,
    backbones: Sequence[str],
    out: Path,
    *,
    rates: RateRange,
    threads: int = 1,
    reporter: Reporter | None = None,
) -> dict[str, RangeTest]:
    """Test each backbone's learning rates on the train part and write lr_test.csv, lr_test.png and the suggestions."""
    reporter = reporter or Silent()
    check_range(rates.lowest, rates.highest, rates.steps)
    found = {}
    for backbone in backbones:
        reporter.stage(f"rates of {backbone}", rates.steps, "steps")
        found[backbone] = try_backbone(store, replace(config, backbone=backbone), rates, threads, reporter)
        reporter.line(sentence(backbone, found[backbone]))
    write_rates(found, out)
    return found


def try_backbone(
    store: PreparedStore, config: TrainConfig, rates: RateRange, threads: int, reporter: Reporter
) -> RangeTest:
    """Run the test for one backbone, with a model of its own."""
    from kinfast.models import load_weights
    from kinfast.train.assemble import assemble_fold
    from kinfast.train.limits import torch_threads
    from kinfast.train.planning.plan import make_plan

    # the schedule is not used; a rate must stand in the plan all the same
    plan = replace(make_plan(store, replace(config, switch_to=None, switch_epoch=None)), learning_rate=rates.lowest)
    weights = load_weights(config.backbone, config.weights)
    with torch_threads(threads):
        fold = assemble_fold(store, plan, 0, weights, threads)
        return run_range_test(fold, lowest=rates.lowest, highest=rates.highest, steps=rates.steps, reporter=reporter)


def write_rates(found: dict[str, RangeTest], out: Path) -> None:
    """Write the curves, the suggestions and the figure."""
    out.mkdir(parents=True, exist_ok=True)
    columns = [
        pd.DataFrame(
            {"backbone": name, "learning_rate": test.rates, "loss": test.losses, "smoothed_loss": test.smoothed}
        )
        for name, test in found.items()
    ]
    unfinished = out / f".{CURVE}.part"
    pd.concat(columns).to_csv(unfinished, index=False, lineterminator="\n")
    unfinished.replace(out / CURVE)
    write_table(suggestion_table(found), out)
    with figure_style():
        curves = {name: (test.rates, test.losses, test.smoothed) for name, test in found.items()}
        suggested = {name: test.suggestion for name, test in found.items()}
        save_figure(draw_range_tests(curves, suggested), out, FIGURE)


def suggestion_table(found: dict[str, RangeTest]) -> Table:
    """Tabulate what is suggested for each backbone."""
    raw = pd.DataFrame(
        [
            {
                "backbone": name,
                "suggestion": test.suggestion,
                "steepest": test.steepest,
                "lowest": test.lowest,
                "diverged": test.diverged,
                "covers": test.covers,
            }
            for name, test in found.items()
        ]
    )
    rows = [
        (name, *(_rate(value) for value in (test.suggestion, test.steepest, test.lowest)), _reach(test))
        for name, test in found.items()
    ]
    return Table(
        SUGGESTIONS,
        "Learning rates by the range test",
        raw,
        ("backbone", "suggested", "steepest fall", "lowest loss", "the range"),
        tuple(rows),
        "Suggested: the smaller of the steepest fall and a tenth of the lowest loss. One short test on the train part:"
        " a starting point for a sweep, not its end.",
    )


def sentence(name: str, test: RangeTest) -> str:
    """Say what a test found."""
    if not math.isfinite(test.suggestion):
        return f"{name}: the loss never falls from {test.rates[0]:.1e} to {test.rates[-1]:.1e}: give more --steps"
    return (
        f"{name}: --learning-rate {test.suggestion:.1e} (steepest fall at {test.steepest:.1e}, lowest loss at "
        f"{test.lowest:.1e}; {_reach(test)})"
    )


def _reach(test: RangeTest) -> str:
    if test.diverged:
        return f"the loss blows up at {test.rates[-1]:.1e}"
    return "the loss turns within the range" if test.covers else "the loss still falls at the end: raise --end"


def _rate(value: float) -> str:
    return f"{value:.1e}" if math.isfinite(value) else "–"
