"""A model card: what the model is, whose cells it learnt from, how its data lean, what it is for and what it is not.

Source of the form: Mitchell et al. 2019, Model Cards for Model Reporting, arXiv:1810.03993.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.evaluate.levels import find_units
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.labels import HALF
from kinfast.report.page import definitions, folded
from kinfast.report.tables import Table, to_html

UNSTATED = "Not stated: the data-set spec has room for it ({name}: …); until then assume that nobody was asked."
IMAGENET = (
    "ImageNet weights: photographs collected from the web and labelled by hand, without the consent of those who took "
    "them or are on them; they show no cells."
)
INTENDED = (
    "Research: to rank compounds of the same assay, cells, stains and microscope by likely mechanism, as a hint of "
    "what to test next at the bench."
)
NOT_FOR = (
    "Any decision about a patient or a medicine; other cells, stains, doses or microscopes without a new validation; "
    "compounds of no class that it was trained on, to which it gives a class all the same (see the odd sites and the "
    "prediction sets)."
)
MOST_CLASSES = 24
"""Of a table that stands open."""
FEW = 3
"""Compounds below which a class is called small. Source: three are the fewest that train, validation and test share."""


def model_card(run: Run, metrics: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Give the card as HTML."""
    spec = facts.get("spec", {})
    about = metrics["about"]
    balance = balance_table(run)
    pairs = [
        ("Model", _model(run)),
        ("Data", _data(run, spec)),
        ("Cells", str(spec.get("cell_line") or "not stated")),
        ("Provenance of the cells", str(spec.get("provenance") or UNSTATED.format(name="provenance"))),
        ("Consent", str(spec.get("consent") or UNSTATED.format(name="consent"))),
        ("Labels", _labels(run)),
        ("How the split leans", _split(run, about)),
        ("How the classes lean", _classes(run, balance.raw)),
        ("How the plates lean", _plates(run, balance.raw)),
        ("Limits", _limits(metrics)),
        ("Intended use", INTENDED),
        ("Not for", NOT_FOR),
    ]
    table = to_html(balance)
    many = len(run.classes) > MOST_CLASSES
    return definitions(pairs) + (folded("What stands behind each class", table) if many else table)


def balance_table(run: Run) -> Table:
    """Count what each class has over all labelled wells: plates, wells, compounds, doses; a solvent is no compound."""
    rows = _labelled(run)
    truths, compounds, raw = run.truths(rows), find_units(rows).compounds, []
    for code, name in enumerate(run.classes):
        member = truths[:, code] >= HALF
        mine, treated = rows[member], member & (compounds != "")
        raw.append(
            {
                "class": name,
                "plates": mine[schema.PLATE].nunique(),
                "wells": mine.drop_duplicates([schema.PLATE, schema.WELL]).shape[0],
                "compounds": np.unique(compounds[treated]).size,
                "doses": rows.loc[treated, schema.DOSE_UM].nunique() if schema.DOSE_UM in rows else 0,
                "largest_plate": float(mine[schema.PLATE].value_counts(normalize=True).max()) if len(mine) else 0.0,
            }
        )
    frame = pd.DataFrame(raw)
    shown = tuple(
        (
            str(row["class"]),
            *(str(row[name]) for name in ("plates", "wells", "compounds", "doses")),
            f"{row['largest_plate']:.0%}",
        )
        for row in raw
    )
    header = ("class", "plates", "wells", "compounds", "doses", "on one plate")
    note = (
        "On one plate: the largest share of a class's sites that one plate holds; near 100 % class and plate are one."
    )
    return Table("balance", "What stands behind each class", frame, header, shown, note)


def _labelled(run: Run) -> pd.DataFrame:
    return run.table[run.table[schema.TRUTH].notna()].drop_duplicates(list(schema.KEY))


def _model(run: Run) -> str:
    config = run.config
    if not config:
        return "unknown: the run has no config.json"
    streams = config.get("streams") or []
    named = "; ".join(f"{stream['name']} = {', '.join(stream['channels'])}" for stream in streams)
    weights = str(config.get("weights"))
    begun = IMAGENET if weights == "imagenet" else f"Weights at the start: {weights}."
    return f"{config.get('backbone')}, one for each stream ({named}), head {config.get('head')}. {begun}"


def _data(run: Run, spec: Mapping[str, Any]) -> str:
    sites = run.table.drop_duplicates(list(schema.KEY))
    wells = sites.drop_duplicates([schema.PLATE, schema.WELL]).shape[0]
    treated = sites[sites[schema.ROLE].astype(object) != schema.ROLE_NEGATIVE] if schema.ROLE in sites else sites
    compounds = f", {treated[schema.COMPOUND].nunique():,} compounds" if schema.COMPOUND in sites else ""
    n_plates = sites[schema.PLATE].nunique()
    title = spec.get("title") or spec.get("name") or "a data set without a spec"
    return f"{title}: {n_plates} plate{'s' * (n_plates > 1)}, {wells:,} wells, {len(sites):,} sites{compounds}."


def _labels(run: Run) -> str:
    label = run.config.get("label", "the label")
    if run.several:
        unknown = np.isnan(run.truths(_labelled(run))).mean()
        return (
            f"{len(run.classes)} labels of {label}, any number of them a site, as the tables state them; {unknown:.0%}"
            " of the values are not known, and were left out of training and scores. A label that a table does not name"
            " is taken as absent where the table is closed: it may only never have been tested."
        )
    return (
        f"{len(run.classes)} classes of {label}, as the plate's table states them. A target is what a compound is sold "
        "for: most kinase inhibitors hit others as well, and at some doses none."
    )


def _split(run: Run, about: Mapping[str, Any]) -> str:
    absent = about["classes_without_test_members"]
    words = f"By {about['split_by']}, {about['n_folds']} fold{'s' * (about['n_folds'] > 1)}, one seed"
    words += f"; {len(absent)} classes have no test member" if absent else "; every class has test members"
    other = run.config.get("test_on")
    words += f"; tested on another store, {other}" if other else ""
    shared = about["compounds_also_trained_on"]
    return f"{words}; {shared} of {about['compounds']} test compounds were trained on in other wells."


def _classes(run: Run, balance: pd.DataFrame) -> str:
    wells, treated = balance["wells"], balance[balance["compounds"] > 0]
    words = f"The largest class has {wells.max()} wells, the smallest {wells.min()}"
    if run.config.get("label") == schema.COMPOUND:
        return f"{words}; a class is one compound."
    if treated.empty:
        return f"{words}; no class is of compounds."
    small = treated[treated["compounds"] < FEW]
    return f"{words}; {len(small)} of {len(treated)} classes of compounds have fewer than {FEW} of them."


def _plates(run: Run, balance: pd.DataFrame) -> str:
    n_plates = _labelled(run)[schema.PLATE].nunique()
    if n_plates < 2:
        return "One plate: nothing here says how the model does on another."
    lone = balance[(balance["plates"] == 1) & (balance["wells"] > 0)]
    if lone.empty:
        return f"Every class stands on two or more of {n_plates} plates."
    share = f"{len(lone)} of {len(balance)} classes stand on one plate alone"
    return f"{share}: what is odd of that plate passes for the class."


def _limits(metrics: Mapping[str, Any]) -> str:
    texts = [verdict["text"] for verdict in metrics["verdicts"] if verdict.get("kind") == "caution"]
    return " ".join(texts) or "None was found beyond those of the data above."
