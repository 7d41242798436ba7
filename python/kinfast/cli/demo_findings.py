"""What the demonstration found against what the simulator had planted, as lines of a terminal."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pandas as pd

from kinfast import schema

if TYPE_CHECKING:
    from kinfast.data.store import PreparedStore
    from kinfast.evaluate.run import Evaluation

WIDTH = 80
COLUMN = 26
BASELINES = {
    "prior": "only the classes' shares",
    "permuted": "the model's answers, labels shuffled",
    "intensity": "boosting on the quality measures",
    "position": "boosting on the place on the plate",
}


def closing_lines(plates: Path, prepared: Path, evaluation: "Evaluation", report: Path, seconds: float) -> list[str]:
    """Compare found with planted.

    plates: the simulation with its truth; prepared: the store made of it; seconds: how long all of it took.
    """
    lines = ["", "What was planted, and what was found", "-" * WIDTH]
    for part in (_conditions(plates, prepared), _broken(plates, prepared), _fields(plates, prepared)):
        lines += [f"{what:<{COLUMN}}{said}" for what, said in part]
    lines += [f"{what:<{COLUMN}}{said}" for what, said in _scores(evaluation)]
    for verdict in evaluation.verdicts[:2]:
        lines += ["", *textwrap.wrap(verdict, WIDTH)]
    minutes, rest = divmod(round(seconds), 60)
    return [*lines, "", f"{minutes} min {rest:02d} s in all. The report:", str(report)]


def write_panel(store: "PreparedStore", path: Path) -> None:
    """Draw one unflagged site of each target at its highest dose, in all composites of the data set, as PNG."""
    from kinfast.data.composites import buildable, parse_composites
    from kinfast.report.composites import build_composite, draw_panel

    composites = parse_composites(list(buildable(store)), store)
    sound = store.sites[~store.sites[schema.FLAG_ANY]].sort_values(schema.DOSE_UM, ascending=False, kind="stable")
    chosen = sound.groupby(sound[schema.TARGET].fillna("").astype(str), sort=True).head(1)
    rows = []
    for position, site in chosen.iterrows():
        planes = store.gather(np.array([position]), np.arange(len(store.channels)))[0]
        pictures = [build_composite(planes, composite, store.channels) for composite in composites]
        target = site[schema.TARGET] if isinstance(site[schema.TARGET], str) else ""
        rows.append(draw_panel(pictures, composites, f"{site[schema.COMPOUND]} {target}".strip()))
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


def _conditions(plates: Path, prepared: Path) -> Iterator[tuple[str, str]]:
    sites = merge_truth(plates, prepared)
    for condition, rows in sites[sites["planted"]].groupby("condition"):
        own = int(rows[f"Flag_{condition}"].sum())
        flagged = int(rows[schema.FLAG_ANY].sum())
        others = f" ({own} as {condition})" if own < flagged else ""
        yield f"{len(rows)} {condition} sites", f"{flagged} flagged{others}"
    sound = sites[~sites["planted"]]
    wrong = int(sound[schema.EXCLUDED_FLAGS].any(axis=1).sum())
    yield f"{len(sound)} sound sites", f"{wrong} flagged wrongly ({wrong / len(sound):.1%})"


def merge_truth(plates: Path, prepared: Path) -> pd.DataFrame:
    """Join the store's sites with truth/sites.csv; a row a site that is in both."""
    truth = pd.read_csv(plates / "truth" / "sites.csv")
    return pd.read_parquet(prepared / "sites.parquet").merge(
        truth, left_on=schema.KEY[:3], right_on=["plate", "well", "site"], validate="one_to_one"
    )


def _broken(plates: Path, prepared: Path) -> Iterator[tuple[str, str]]:
    planted = pd.read_csv(plates / "truth" / "broken.csv")
    found = pd.read_csv(prepared / "quarantine.csv")
    address = ["plate", "well", "site", "channel"]
    both = planted.merge(found[address], on=address)
    extra = len(found) - len(both)
    yield (
        f"{len(planted)} broken files",
        f"{len(both)} in quarantine, each with its reason{f'; and {extra} more rows' if extra else ''}",
    )


def _fields(plates: Path, prepared: Path) -> Iterator[tuple[str, str]]:
    errors, before = [], []
    with np.load(plates / "truth" / "fields.npz") as truth:
        for path in sorted((prepared / "illumination").glob("*/*.npz")):
            planted = truth[f"{path.parent.name}/{path.stem}/flatfield"]
            with np.load(path) as archive:
                errors.append(field_error(archive["flatfield"], planted))
            before.append(float(np.sqrt(np.mean((1 / planted - 1) ** 2))))
    yield (
        f"{len(errors)} uneven lights",
        f"recovered within {np.median(errors):.1%} RMS (median; worst {max(errors):.1%}),",
    )
    yield "", f"uncorrected {np.median(before):.0%}"


def field_error(found: np.ndarray, planted: np.ndarray) -> float:
    """RMS of found over planted, both brought to mean 1 and to the planted field's pixels."""
    height, width = planted.shape
    full = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    ratio = full / full.mean() / (planted / planted.mean())
    return float(np.sqrt(np.mean((ratio - 1) ** 2)))


def _scores(evaluation: "Evaluation") -> Iterator[tuple[str, str]]:
    about, metrics = evaluation.metrics["about"], evaluation.metrics
    level = about["level"]
    name = "roc_auc_macro"
    yield (
        f"{len(about['classes'])} targets",
        f"told apart in {_held_out(about)}:",
    )
    yield "", f"macro ROC AUC {_entry(metrics['test'][level][name])}; without learning:"
    for baseline, words in BASELINES.items():
        value = metrics["baselines"].get(baseline, {}).get(level, {}).get(name)
        if value is not None:
            yield "", f"  {_entry(value, interval=False)} {baseline}: {words}"


def _held_out(about: dict[str, Any]) -> str:
    return (
        f"{about['compounds']} held-out compounds (DMSO by well)"
        if about["level"] == "compound"
        else f"{about['wells']} held-out wells"
    )


def _entry(scored: dict[str, Any], interval: bool = True) -> str:
    value, low, high = (scored.get(key) for key in ("value", "low", "high"))
    if value is None:
        return "undefined"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if interval and low is not None else f"{value:.2f}"
