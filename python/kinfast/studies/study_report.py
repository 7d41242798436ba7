"""A study's tables, figure and page: scores in train and test, the gap between them, and what differs between arms."""

import html
import math
from pathlib import Path

import pandas as pd

from kinfast import __version__
from kinfast.metrics.learning_curves import FEWEST_EPOCHS
from kinfast.report.gap_figure import draw_gaps
from kinfast.report.page import Section, inline_image, make_page
from kinfast.report.style import figure_style, save_figure
from kinfast.report.tables import Table, shown, to_html, write_table, write_text
from kinfast.studies.claim import RUNS
from kinfast.studies.gap import FEWEST_SEEDS, Mean, mean_over_seeds, paired_difference
from kinfast.studies.study import Study


def write_study(study: Study, title: str, out: Path) -> tuple[list[Table], list[str]]:
    """Write tables, figure and report.html. Returns the tables and the verdicts."""
    tables = [arms_table(study), differences_table(study), *rates_tables(study), seeds_table(study)]
    lines = study_lines(study)
    for table in tables:
        write_table(table, out / "tables")
    with figure_style():
        gaps = {arm: [one.gap for one in scores] for arm, scores in study.scores.items()}
        tests = {arm: [one.test for one in scores] for arm, scores in study.scores.items()}
        save_figure(draw_gaps(gaps, tests, study.plan.metric), out, "gaps")
    lead = '<ul class="verdicts">' + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>\n"
    picture = inline_image(out / "gaps.svg", "gap and test score of each arm", "Lines join runs of one seed.")
    sections = [
        Section("scores", "Scores", "".join(map(to_html, tables))),
        Section("figure", "Gap and test score", picture),
    ]
    footer = f"kinfast {__version__}. Every run is an ordinary run folder in {RUNS}/."
    write_text(
        make_page(title, f"{study.plan.metric}, {study.plan.seeds} seeds", lead, sections, footer), out / "report.html"
    )
    return tables, lines


def arms_table(study: Study) -> Table:
    """Tabulate each arm: rate, train, test, gap, with intervals over seeds."""
    raw, rows = [], []
    for arm, scores in study.scores.items():
        columns = {
            "train": mean_over_seeds([one.train for one in scores]),
            "test": mean_over_seeds([one.test for one in scores]),
            "gap": mean_over_seeds([one.gap for one in scores]),
            "loss_gap": mean_over_seeds([one.loss_gap for one in scores]),
        }
        flat, judged = study.converged[arm]
        rate = study.best.get(arm)
        raw.append(
            {"arm": arm, "learning_rate": rate, "flat": flat, "judged": judged}
            | {
                f"{name}_{part}": getattr(mean, part)
                for name, mean in columns.items()
                for part in ("value", "low", "high")
            }
        )
        spelled = "–" if rate is None else f"{rate:g}"
        rows.append((arm, spelled, *map(_interval, columns.values()), _flat_words(flat, judged, len(scores))))
    return Table(
        "arms",
        f"{study.plan.metric} in train and test, and the gap, over {study.plan.seeds} seeds",
        pd.DataFrame(raw),
        ("arm", "rate", "train", "test", "gap", "log-loss gap", "loss flat"),
        tuple(rows),
        "Means with 95 % intervals (Student's t over seeds). Train and test images both without augmentation. A seed is"
        " a split, an initialisation and an order. Rates: chosen on seed 0, which is not compared.",
        1,
    )


def differences_table(study: Study) -> Table:
    """Tabulate paired differences between every two arms."""
    raw, rows = [], []
    arms = list(study.scores)
    for place, one in enumerate(arms):
        for other in arms[place + 1 :]:
            gap, test = difference(study, one, other, "gap"), difference(study, one, other, "test")
            raw.append({"arm": one, "against": other, **_flat("gap", gap), **_flat("test", test)})
            rows.append((f"{one} − {other}", _interval(gap), _interval(test)))
    return Table(
        "differences",
        "Paired differences over the same seeds",
        pd.DataFrame(raw),
        ("arms", "gap", "test"),
        tuple(rows),
        "An interval that holds 0 shows no difference.",
    )


def rates_tables(study: Study) -> list[Table]:
    """Tabulate the search for the rates, where there was one."""
    if not study.rates:
        return []
    raw = pd.DataFrame(
        [
            {"arm": arm, "learning_rate": rate, "validation_score": score, "chosen": study.best[arm] == rate}
            for (arm, rate), score in study.rates.items()
        ]
    )
    rows = [
        (arm, f"{rate:g}", shown(score), "chosen" if study.best[arm] == rate else "")
        for (arm, rate), score in study.rates.items()
    ]
    title = f"Learning rates, by validation {study.plan.metric} of seed 0"
    return [Table("rates", title, raw, ("arm", "rate", "score", ""), tuple(rows))]


def seeds_table(study: Study) -> Table:
    """Tabulate every run."""
    raw = pd.DataFrame(
        [
            {"arm": arm, "seed": seed, "train": one.train, "test": one.test, "gap": one.gap}
            | {"train_log_loss": one.train_loss, "test_log_loss": one.test_loss}
            for arm, scores in study.scores.items()
            for seed, one in enumerate(scores, 1)
        ]
    )
    rows = [
        (row["arm"], str(row["seed"]), *(shown(row[name]) for name in raw.columns[2:]))
        for row in raw.to_dict("records")
    ]
    heads = ("arm", "seed", "train", "test", "gap", "train log loss", "test log loss")
    return Table("seeds", "Every run", raw, heads, tuple(rows))


def study_lines(study: Study) -> list[str]:
    """Say what the study shows, and what it cannot."""
    lines = []
    arms = list(study.scores)
    for other in arms[1:]:
        gap = difference(study, arms[0], other, "gap")
        pair = f"{arms[0]} against {other}: gap {gap.value:+.3f}"
        if math.isnan(gap.low):
            lines.append(
                f"{pair}; {study.plan.seeds} seeds are too few for an interval (wanted {FEWEST_SEEDS} or more)."
            )
            continue
        pair += f" ({gap.low:+.3f} to {gap.high:+.3f})"
        test = difference(study, arms[0], other, "test")
        spread = f"test {test.value:+.3f} ({test.low:+.3f} to {test.high:+.3f})"
        if gap.low > 0:
            found = f"{arms[0]} generalises worse"
        elif gap.high < 0:
            found = f"{arms[0]} generalises better"
        else:
            found = "no difference in generalisation is shown"
        lines.append(f"{pair}: {found}; {spread}.")
    for arm, (flat, judged) in study.converged.items():
        if not judged:
            lines.append(f"{arm}: {FEWEST_EPOCHS} epochs are the fewest that can say whether a run has converged.")
        elif flat < judged:
            lines.append(f"{arm}: {judged - flat} of {judged} runs have not converged.")
    for searched in study.plan.arms:
        rate, tried = study.best.get(searched.name), searched.rates
        if len(tried) > 1 and rate in (min(tried), max(tried)):
            lines.append(f"{searched.name}: the best rate, {rate:g}, lies at the end of the rates tried.")
    return lines


def difference(study: Study, one: str, other: str, what: str) -> Mean:
    """Give the paired difference of two arms in `gap` or `test`."""
    return paired_difference(
        [getattr(score, what) for score in study.scores[one]], [getattr(score, what) for score in study.scores[other]]
    )


def _interval(mean: Mean) -> str:
    if math.isnan(mean.low):
        return shown(mean.value)
    return f"{shown(mean.value)} [{shown(mean.low)}, {shown(mean.high)}]"


def _flat_words(flat: int, judged: int, runs: int) -> str:
    """Count runs whose loss is flat at the end, of those of which that can be said."""
    if not judged:
        return "too few epochs"
    return f"{flat} of {judged}" + (f", {runs - judged} too short to say" if judged < runs else "")


def _flat(name: str, mean: Mean) -> dict[str, float]:
    return {f"{name}_{part}": getattr(mean, part) for part in ("value", "low", "high")}
