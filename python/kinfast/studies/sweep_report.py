"""A sweep's table, figure and page: which option moved the validation score, and which run is the best by it."""

import html
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from kinfast import __version__
from kinfast.report.page import Section, inline_image, make_page
from kinfast.report.style import figure_style, save_figure
from kinfast.report.sweep_figure import draw_sweep
from kinfast.report.tables import Table, shown, to_html, write_table, write_text
from kinfast.studies.claim import RUNS
from kinfast.studies.settings import spell_value
from kinfast.studies.sweep import SweepPlan, Trial, best_trial

NAME = "sweep"


def sweep_table(trials: Sequence[Trial], plan: SweepPlan) -> Table:
    """Tabulate the trials, the best by the validation part first."""
    names = [part.name for part in plan.space]
    ordered = sorted(trials, key=lambda t: (bool(t.error), -t.score if plan.maximise else t.score, t.number))
    raw = pd.DataFrame(
        [
            {"rank": rank, "number": t.number, "run": t.name}
            | {name: spell_value(t.changes[name]) for name in names}
            | {f"validation_{plan.metric}": t.score, "loss_curve": t.loss_curve, "error": t.error}
            for rank, t in enumerate(ordered, 1)
        ]
    )
    rows = [
        (
            str(rank),
            *(spell_value(t.changes[name]) for name in names),
            shown(t.score, 4),
            (t.error and "failed") or t.loss_curve,
            t.name,
        )
        for rank, t in enumerate(ordered, 1)
    ]
    return Table(
        NAME,
        f"{len(trials)} runs, ordered by {plan.metric} of the validation part",
        raw,
        ("", *names, plan.metric, "loss curve", "run"),
        tuple(rows),
        "The test part was not looked at. The best of many validation scores flatters: evaluate the chosen run once.",
        1,
    )


def write_sweep(trials: Sequence[Trial], plan: SweepPlan, out: Path) -> tuple[Table, list[str]]:
    """Write the sweep's tables, figure and report.html. Returns the table, and what follows from it in lines."""
    table, lines = sweep_table(trials, plan), sweep_lines(trials, plan, out)
    write_table(table, out)
    scored = [(trial.changes, trial.score) for trial in trials if not trial.error]
    with figure_style():
        save_figure(draw_sweep(scored, [part.name for part in plan.space], plan.metric), out, NAME)
    lead = '<ul class="verdicts">' + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>\n"
    picture = inline_image(out / f"{NAME}.svg", "validation score against each option", "A point a run.")
    sections = [Section("runs", "Runs", to_html(table)), Section("options", "Options", picture)]
    footer = f"kinfast {__version__}. Every run is an ordinary run folder in {RUNS}/."
    write_text(make_page("Sweep", f"{plan.base.backbone}, {plan.metric}", lead, sections, footer), out / "report.html")
    return table, lines


def sweep_lines(trials: Sequence[Trial], plan: SweepPlan, out: Path) -> list[str]:
    """Say which run is the best, whether it had converged, and how to see its test part."""
    best = best_trial(trials, maximise=plan.maximise)
    if best is None:
        return ["No run has a validation score: give a --validation-fraction, or another --metric."]
    lines = [f"Best by validation {plan.metric}, {best.score:.4f}: {best.name}."]
    if best.loss_curve.startswith("not converged"):
        lines.append("It has not converged: more epochs, or a higher rate, may change the order.")
    for part in plan.space:
        values = [t.changes[part.name] for t in trials if isinstance(t.changes[part.name], int | float)]
        if len(set(values)) > 2 and best.changes[part.name] in (min(values), max(values)):
            lines.append(f"{part.name} {spell_value(best.changes[part.name])} lies at the end of its range: widen it.")
    failed = [trial for trial in trials if trial.error]
    if failed:
        lines.append(f"{len(failed)} of {len(trials)} runs failed, first {failed[0].name}: {failed[0].error}.")
    lines.append(f"Its test part, once: kinfast evaluate {out / RUNS / best.name}")
    return lines
