"""Tables 1 to 3 in the thesis' layout beside the thesis' own numbers, and the honest table beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.evaluate.convergence import Convergence, judge_convergence
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import Entry
from kinfast.metrics.ranking import class_areas, rank_scores
from kinfast.report.tables import Table, shown
from kinfast.studies.measures import TestScores, test_scores
from kinfast.studies.thesis import BACKBONES, INPUTS, MODES, Place, printed_tables

LEVEL = "site"
"""The thesis scores images."""
MICRO, MACRO, BINARY = "roc_auc_micro", "roc_auc_macro", "binary_accuracy"
SHOWN = {
    BINARY: "binary acc.",
    MICRO: "micro",
    MACRO: "macro",
    "top1_accuracy": "top-1",
    "balanced_accuracy": "balanced",
}
EXTREMES = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One run, measured.

    Attributes:
        place: in Table 1.
        split_by: of the run.
        scores: of its test images.
        convergence: of its training loss.
        training_loss: of the last epoch.
        training_accuracy: binary accuracy of the last epoch.
    """

    place: Place
    split_by: str
    scores: TestScores
    convergence: Convergence
    training_loss: float

    def value(self, metric: str) -> float | None:
        """Give a score of the model."""
        return self.scores.model[metric]["value"]

    def prior(self, metric: str) -> float | None:
        """Give the class frequencies' score."""
        return self.scores.prior[metric]["value"]


def measure_row(run: Run, place: Place, draws: int) -> Row:
    """Measure a finished run."""
    loss = float(run.history[-1]["train_loss"]) if run.history else float("nan")
    return Row(place, run.split_by, test_scores(run, LEVEL, draws), judge_convergence(run), loss)


def micro_table(rows: Mapping[Place, Row]) -> Table:
    """Make Table 1: a row a backbone, six columns, the thesis' value in brackets behind each."""
    printed = printed_tables()["table1"]
    cells, raw = [], []
    for backbone, title in BACKBONES.items():
        line = [title]
        for place in _row(backbone):
            found, theirs = rows[place].scores.model[MICRO], printed[backbone][place.column]
            line.append(f"{shown(found['value'])} ({theirs:.3f})")
            raw.append(_raw(rows[place]) | {"metric": MICRO, **found, "thesis": theirs})
        cells.append(tuple(line))
    heads = tuple(f"{INPUTS[place.input]}: {place.heading}" for place in _row("vgg16"))
    return Table(
        "table1",
        "Table 1. Micro-average ROC area of the test images, the thesis' value in brackets",
        pd.DataFrame(raw),
        ("", *heads),
        tuple(cells),
        "The micro average rewards knowing the classes' sizes: read it beside the macro average in table1_honest.",
    )


def honest_table(rows: Sequence[Row]) -> Table:
    """Put beside each run what the thesis left out: the prior, macro and top-1 scores, whether it converged."""
    cells, raw = [], []
    for row in rows:
        name = f"{BACKBONES[row.place.backbone]}, input {row.place.input}, {row.place.heading}"
        scores = [_with_interval(row.scores.model[metric], metric) for metric in SHOWN]
        prior = [_digits(row.prior(metric), metric) for metric in (BINARY, MICRO)]
        cells.append((name, row.split_by, *scores, *prior, shown(row.training_loss), row.convergence.word))
        for metric in SHOWN:
            raw.append(_raw(row) | {"metric": metric, **row.scores.model[metric], "prior": row.prior(metric)})
            raw[-1] |= {
                "late_fall": row.convergence.late_fall,
                "training_loss": row.training_loss,
                "prior_loss": row.convergence.prior_loss,
                "converged": row.convergence.flat,
            }
    heads = (*SHOWN.values(), "prior: binary", "prior: micro", "loss", "loss curve")
    return Table(
        "table1_honest",
        "The same runs with the scores that the thesis does not give, and under a split by compound",
        pd.DataFrame(raw),
        ("run", "split", *heads),
        tuple(cells),
        "Test images. In brackets 95 % intervals over wells (split by compound: over compounds). Prior: what knowing"
        " the class frequencies alone gives. Macro and balanced accuracy are free of class sizes.",
        2,
    )


def extremes_table(name: str, backbone: str, runs: Mapping[str, Run]) -> Table:
    """Make Table 2 or 3: the five lowest and five highest class areas of each mode, the thesis' own beside them."""
    printed = printed_tables()[name]
    columns = {mode: _ranked(run) for mode, run in runs.items()}
    cells, raw = [], []
    for part in ("lowest", "highest"):
        for place in range(EXTREMES):
            line = [f"{part} {place + 1}" if part == "lowest" else f"highest {EXTREMES - place}"]
            for mode, ranked in columns.items():
                chosen = ranked[:EXTREMES] if part == "lowest" else ranked[-EXTREMES:]
                target, area, n = chosen[place] if place < len(chosen) else ("", float("nan"), 0)
                theirs, their_area = list(printed[mode][part].items())[place]
                line += [target, shown(area), str(n), theirs, shown(their_area)]
                raw.append(
                    {"mode": mode, "part": part, "target": target, "roc_auc": area, "test_compounds": n}
                    | {"thesis_target": theirs, "thesis_roc_auc": their_area}
                )
            cells.append(tuple(line))
    heads = [f"{MODES[mode]}: {what}" for mode in runs for what in ("target", "area", "n", "thesis", "thesis' area")]
    number = name.removeprefix("table")
    return Table(
        name,
        f"Table {number}. Lowest and highest ROC areas of {BACKBONES[backbone]}, input two, beside the thesis' own",
        pd.DataFrame(raw),
        ("", *heads),
        tuple(cells),
        "n: compounds in test; an area of one or two says little of its target. The classes of simulated plates are not"
        " the thesis'.",
    )


def pattern_lines(rows: Mapping[Place, Row], compound: Mapping[Place, Row]) -> list[str]:
    """Say in sentences what of the thesis' pattern shows."""
    every = list(rows.values())
    slow = [row for place, row in rows.items() if place.mode == "sgd" and place.input == "one"]
    others = [row for row in every if row not in slow]
    binary = [row.value(BINARY) or 0.0 for row in others]
    above = sum((row.value(MICRO) or 0) > (row.value(MACRO) or 0) for row in others)
    unfinished = [row for row in slow if row.convergence.flat is False]
    ends = [row.convergence.loss for row in slow]
    lines = [
        f"Binary accuracy of the {len(others)} runs without SGD 1e-4: {min(binary):.4f} to {max(binary):.4f}, whatever"
        f" the model; class frequencies alone give {others[0].prior(BINARY) or 0:.4f}.",
        f"SGD 1e-4 has not converged in {len(unfinished)} of {len(slow)} runs: its loss ends at"
        f" {min(ends):.3f} to {max(ends):.3f}, where class frequencies alone give {slow[0].convergence.prior_loss:.3f}."
        f" Its binary accuracy is {_range(slow, BINARY)}, its micro average {_range(slow, MICRO)}"
        " (thesis: 0.512 to 0.552).",
        f"Micro is above macro in {above} of the {len(others)} other runs: micro {_range(others, MICRO)}, macro"
        f" {_range(others, MACRO)}; class frequencies alone: {_range(others, MICRO, prior=True)} and 0.500.",
    ]
    if compound:
        pairs = [
            f"{BACKBONES[p.backbone]} {MODES[p.mode]} input {p.input} {shown(rows[p].value(MACRO))} by well,"
            f" {shown(row.value(MACRO))} by compound"
            for p, row in list(compound.items())[:6]
        ]
        lines.append(f"Macro ROC area under both splits: {'; '.join(pairs)}.")
    return lines


def _row(backbone: str) -> list[Place]:
    return [Place(backbone, stream, mode) for stream in INPUTS for mode in MODES]


def _raw(row: Row) -> dict[str, object]:
    place = row.place
    return {"backbone": place.backbone, "input": place.input, "mode": place.mode, "split": row.split_by}


def _range(rows: Sequence[Row], metric: str, prior: bool = False) -> str:
    values = [value for row in rows if (value := row.prior(metric) if prior else row.value(metric)) is not None]
    low, high = min(values, default=float("nan")), max(values, default=float("nan"))
    return shown(low) if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}"


def _digits(value: float | None, metric: str) -> str:
    return shown(value, 4 if metric == BINARY else 3)


def _with_interval(entry: Entry, metric: str) -> str:
    value = _digits(entry["value"], metric)
    if entry["low"] is None:
        return value
    return f"{value} [{_digits(entry['low'], metric)}, {_digits(entry['high'], metric)}]"


def _ranked(run: Run) -> list[tuple[str, float, int]]:
    """Give (target, area, compounds in test), ascending; classes without an area are left out."""
    rows = run.part(schema.PART_TEST)
    codes = run.codes(rows)
    areas = class_areas(rank_scores(run.probabilities(rows)), codes)
    compounds = rows[schema.COMPOUND] if schema.COMPOUND in rows else pd.Series([""] * len(rows))
    counts = [int(compounds[codes == code].nunique()) for code in range(len(run.classes))]
    known = [(run.classes[c], float(areas[c]), counts[c]) for c in range(len(run.classes)) if np.isfinite(areas[c])]
    return sorted(known, key=lambda item: (item[1], item[0]))
