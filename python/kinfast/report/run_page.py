"""The page of an evaluated run: verdicts first, then what they rest on."""

import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kinfast import __version__
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.verdicts import Kind
from kinfast.report.confidence_contents import MARGINAL
from kinfast.report.contact_sheet import contact_sheets, plates_quality, read_store_facts
from kinfast.report.contents import HEADINGS
from kinfast.report.explain_page import explain_html, read_explain
from kinfast.report.label_maps import label_maps
from kinfast.report.leakage_page import leakage_html, read_leakage
from kinfast.report.model_card import model_card
from kinfast.report.page import Section, definitions, folded, inline_image, make_page, paragraph, tiles
from kinfast.report.prediction_maps import prediction_maps
from kinfast.report.retrieval_page import read_retrieval, retrieval_html
from kinfast.report.tables import Table, shown, to_html, write_text
from kinfast.report.trust import judge_trust, trust_html

CAPTIONS = {
    "standing": "The model and its baselines. Lines are intervals; dotted, what chance gives.",
    "history": "Train (solid) and validation (dashed) over the epochs; folds share their axes.",
    "roc": "ROC curves of the held-out rows; with many classes one against all others, the best and worst named.",
    "class_areas": "Each class's ROC area with its interval, and how much stands behind it.",
    "confusion": "Rows are true classes, columns what they were taken for; a row sums to one.",
    "activity": "Distance 1 (dotted) is that of as many wells dealt anew among a compound's and the controls'.",
    "explain_stains": "What the true class's probability loses when a stain is that of sites of other classes.",
    "leakage": "The same model and recipe under each split; lines are intervals, dotted is chance.",
    "reliability": "Held-out units in bins of equal size; bars are intervals, the dotted diagonal is perfect.",
    "dose_response": "Wells that no part of the split holds: points are wells, the line is the mean of each dose.",
}
MEANINGS = (
    ("ROC AUC, macro", "the mean over classes of the chance that a member ranks above a non-member; 0.5 knows nothing"),
    ("ROC AUC, micro", "all classes' decisions in one pool; rises with unequal class sizes alone"),
    ("AP, macro", "the mean over classes of the area under precision and recall; at chance, the class's share"),
    ("top-1, top-5", "how often the true class has the highest score, or one of the five highest"),
    ("balanced", "the mean over classes of the share that is recognised; at chance, one over the number of classes"),
    ("F1, macro", "the mean over classes of the balance of precision and sensitivity"),
    (
        "binary accuracy",
        "the share of single outputs beyond or below one half as they should be; near 1 with many classes",
    ),
)
FEW_CLASSES = 10
"""Up to so many classes the page shows them all at once; of more, the best and the worst first."""
MOST_ROWS = 24
"""Rows of a table that stands open."""
SETTINGS = (
    "task", "label", "split_by", "folds", "split_hash", "seed", "backbone", "composites", "head", "loss", "weights",
    "optimizer", "learning_rate", "epochs", "batch_size", "input_size", "prepared", "software_version",
)  # fmt: skip


def write_page(
    run: Run, metrics: dict[str, Any], tables: dict[str, Table], figures: dict[str, Path], path: Path
) -> None:
    """Write report.html, with the figures within.

    Args:
        run: the run.
        metrics: of metrics.json.
        tables: by name.
        figures: SVG files by name.
        path: where to.
    """
    about = metrics["about"]
    held_out = f"{about['sites']:,} sites of {about['wells']:,} wells and {about['compounds']:,} compounds held out"
    split = f"split by {about['split_by']}, {about['n_folds']} fold{'s' * (about['n_folds'] > 1)}"
    classes = "labels, several a site" if about.get("several_labels") else "classes"
    subtitle = f"{len(about['classes'])} {classes} · {split} · {held_out}"
    sections = list(_sections(run, metrics, tables, _figures(figures)))
    footer = f"kinfast {__version__}. Made from the run's folder alone; kinfast evaluate makes it again."
    write_text(make_page(f"Run {run.name}", subtitle, _lead(run, metrics), sections, footer), path)


def _lead(run: Run, metrics: dict[str, Any]) -> str:
    about, scores = metrics["about"], metrics["test"][metrics["about"]["level"]]
    prior = metrics["baselines"]["prior"][about["level"]]
    names = ("roc_auc_macro", "balanced_accuracy", "top1_accuracy", "top5_accuracy")
    if about.get("several_labels"):
        names = ("roc_auc_macro", "average_precision_macro", "balanced_accuracy", "f1_macro")
    figures = [
        (
            shown(scores[name]["value"]),
            f"{HEADINGS[name]}, {about['level']}s (class sizes alone: {shown(prior[name]['value'])})",
        )
        for name in names
        if scores[name]["value"] is not None
    ]
    verdicts = "".join(_verdict(verdict) for verdict in metrics["verdicts"] if verdict["kind"] != Kind.CLEAR)
    trust = trust_html(judge_trust(metrics, read_leakage(run.path)))
    return f'{trust}{tiles(figures)}<ul class="verdicts">\n{verdicts}</ul>\n'


def _verdict(verdict: Mapping[str, Any]) -> str:
    """Name the kind in words, too: colour alone does not reach everybody."""
    kind = html.escape(verdict["kind"])
    return f'<li class="{kind}"><b>{kind}</b>{html.escape(verdict["text"])}</li>\n'


def _figures(files: dict[str, Path]) -> dict[str, str]:
    return {name: inline_image(path, CAPTIONS[name], CAPTIONS[name]) for name, path in files.items()}


def _sections(
    run: Run, metrics: dict[str, Any], tables: dict[str, Table], figures: dict[str, str]
) -> Iterator[Section]:
    about = metrics["about"]
    baselines = definitions([(name, text) for name, text in about["baselines"].items()])
    explained = folded("What the scores and baselines mean", definitions(MEANINGS) + baselines)
    folds = to_html(tables["folds"]) if about["n_folds"] > 1 else ""
    yield Section("scores", "Scores", figures["standing"] + _summary(tables["summary"]) + folds + explained)
    if "soft" in tables:
        yield Section("soft", "Selectivity", to_html(tables["soft"]))
    if "dose_response" in figures:
        doses = figures["dose_response"] + to_html(tables["dose_compounds"])
        yield Section("doses", "Dose and response", doses + folded("Every dose", to_html(tables["dose_response"])))
    few = len(about["classes"]) <= FEW_CLASSES
    extremes = "" if few else to_html(tables["top5"]) + to_html(tables["bottom5"])
    if (leakage := read_leakage(run.path)) is not None:
        yield Section("leakage", "Leakage", figures.get("leakage", "") + leakage_html(leakage))
    everyone = to_html(tables[f"classes_{about['level']}"])
    classes = figures.get("roc", "") + extremes + figures.get("class_areas", "")
    judged = folded("Which classes can be judged", to_html(tables["per_class"]))
    yield Section("classes", "Classes", classes + (everyone if few else folded("Every class", everyone)) + judged)
    yield Section("closer", "Thresholds, plates, doses, compounds", _closer(tables))
    if "confusion" in figures:
        yield Section("confusion", "Confusions", figures["confusion"] + to_html(tables["confusions"]))
    if "reliability" in figures:
        yield Section("confidence", "Confidence", _confidence(tables, figures))
    if "activity" in figures:
        activity = figures["activity"] + folded("Every compound", to_html(tables["activity"]))
        yield Section("activity", "Activity", activity + folded("Every dose", to_html(tables["activity_doses"])))
    if retrieved := read_retrieval(run.path):
        yield Section("retrieval", "Replicates and targets", retrieval_html(retrieved))
    yield Section("plates", "Predictions on the plates", label_maps(run) if run.several else prediction_maps(run))
    if sheets := contact_sheets(run):
        yield Section("sites", "Sites as the model sees them", sheets)
    if (explained_run := read_explain(run.path)) is not None:
        body = explain_html(run.path, explained_run, figures.get("explain_stains", ""))
        yield Section("explain", "What the model looked at", body)
    if quality := plates_quality(run, read_store_facts(run.path)):
        yield Section("quality", "Quality and light of the plates", quality)
    if "history" in figures:
        yield Section("history", "Training", figures["history"])
    yield Section("split", "Split and exclusions", _split(run, tables))
    yield Section("card", "Model card", model_card(run, metrics, read_store_facts(run.path)))
    yield Section("settings", "Settings", _settings(run))


def _summary(table: Table) -> str:
    """Set the model's rows apart from its baselines'."""
    written = to_html(table)
    for level in ("site", "well", "compound"):
        row = f"<tr><td>{level}</td><td>model</td>"
        written = written.replace(row, row.replace("<tr>", '<tr class="model">'))
    return written


def _closer(tables: dict[str, Table]) -> str:
    """Fold the tables that look closer; those that this run has."""
    words = {
        "operating_points": "Sensitivity and specificity at stated thresholds",
        "by_plate": "By plate",
        "by_dose": "By dose",
        "repeats": "Every repetition",
        "class_spread": "Classes over the folds",
        "per_compound": "Every compound",
    }
    return "".join(folded(title, to_html(tables[name])) for name, title in words.items() if name in tables)


def _confidence(tables: dict[str, Table], figures: dict[str, str]) -> str:
    following = to_html(tables["next_compounds"]) if "next_compounds" in tables else ""
    reliability = figures["reliability"] + folded("Every bin", to_html(tables["reliability"]))
    missing = tables.get("conformal_absence")
    absence = folded("Labels that may be missing", to_html(missing)) if missing else ""
    return _coverage(tables["conformal_coverage"]) + absence + reliability + following


def _coverage(table: Table) -> str:
    """Show the coverage of all classes together, and of each behind a click where they are many."""
    if len(table.rows) <= MOST_ROWS:
        return to_html(table)
    together = tuple(row for row in table.rows if row[1] == MARGINAL)
    return to_html(replace(table, rows=together)) + folded("Coverage of every class", to_html(table))


def _split(run: Run, tables: dict[str, Table]) -> str:
    hash_ = run.config.get("split_hash")
    words = f"Groups of the split: {run.split_by}. " + (f"Its hash is {hash_}." if hash_ else "It has no stored hash.")
    notes = run.config.get("notes") or []
    said = "".join(paragraph(str(note)) for note in notes) if isinstance(notes, list) else ""
    excluded = to_html(tables["excluded"]) if "excluded" in tables else paragraph("No flagged site was left out.")
    return paragraph(words) + said + to_html(tables["parts"]) + excluded


def _settings(run: Run) -> str:
    chosen = [(name.replace("_", " "), _plain(run.config[name])) for name in SETTINGS if name in run.config]
    everything = folded("config.json", _json(run.config)) if run.config else ""
    machine = folded("environment.json", _json(run.environment)) if run.environment else ""
    return (definitions(chosen) if chosen else paragraph("The run has no config.json.")) + everything + machine


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "none" if value is None else str(value)


def _json(content: Mapping[str, Any]) -> str:
    return f"<pre>{html.escape(json.dumps(dict(content), indent=1, ensure_ascii=False))}</pre>\n"
