"""Makes run folders as training leaves them, without training: predictions whose quality is known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, COLUMNS = "BCDEFG", range(2, 12)


@dataclass(frozen=True)
class Layout:
    """What a synthetic run is made of.

    Attributes:
        n_classes: classes; with more than two the first is the control.
        n_plates: plates of 60 wells.
        n_sites: sites a well.
        folds: test parts.
        skill: 0 for predictions that know the prior only, larger for better ones.
        split_by: well or compound.
        compounds_per_class: treated compounds of a class.
        sizes: equal or zipf: how many wells each treated class has.
        control_share: share of wells that are controls, with more than two classes.
        untested: classes (by number) that no test part holds.
        brightness: how far the classes stand apart in a quality measure, in standard deviations.
    """

    n_classes: int = 4
    n_plates: int = 2
    n_sites: int = 2
    folds: int = 2
    skill: float = 2.0
    split_by: str = "well"
    compounds_per_class: int = 3
    sizes: str = "equal"
    control_share: float = 0.1
    untested: tuple[int, ...] = ()
    brightness: float = 0.0
    doses: bool = False


def class_names(layout: Layout) -> list[str]:
    if layout.n_classes == 2:
        return ["negcon", "poscon"]
    return ["control", *(f"family {number:03d},Src" for number in range(1, layout.n_classes))]


def make_run(folder: Path, layout: Layout, seed: int = 0) -> Path:
    """Write predictions.parquet, config.json and history.jsonl into a folder."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    names = class_names(layout)
    wells = _wells(layout, rng)
    sites = wells.loc[wells.index.repeat(layout.n_sites)].reset_index(drop=True)
    sites["Metadata_Site"] = np.tile(np.arange(1, layout.n_sites + 1), len(wells))
    sites["Metadata_Timepoint"] = 1
    logits = _logits(sites["code"].to_numpy(), layout, rng)
    table = _rows_of_folds(sites, logits, names, layout)
    if layout.doses:
        table = pd.concat([table, _dose_wells(names, rng)], ignore_index=True)
    table.to_parquet(folder / "predictions.parquet", index=False)
    config = {
        "label": "Metadata_Target", "task": "target", "classes": names, "split_by": layout.split_by,
        "folds": layout.folds, "seed": seed, "composites": ["MiCoPh", "SyHoPh"], "backbone": "mobilenet_v2",
        "head": "modern", "loss": "cross_entropy", "prepared": "prepared", "split_hash": "0123456789abcdef",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in _history(layout.folds)))
    return folder


def _wells(layout: Layout, rng: np.random.Generator) -> pd.DataFrame:
    places = [
        (f"P{plate:03d}", f"{row}{column:02d}")
        for plate in range(1, layout.n_plates + 1)
        for row in ROWS
        for column in COLUMNS
    ]
    codes = well_codes(len(places), layout)
    order = rng.permutation(len(places))
    frame = pd.DataFrame([places[index] for index in order], columns=["Metadata_Plate", "Metadata_Well"])
    frame["code"] = codes
    control = codes == 0
    number = frame.groupby("code").cumcount() % layout.compounds_per_class
    frame["Metadata_Compound"] = [
        "DMSO" if is_control else f"CBK{code:03d}{index}"
        for is_control, code, index in zip(control, codes, number, strict=True)
    ]
    frame["Metadata_Role"] = np.where(control, "negcon", "poscon" if layout.n_classes == 2 else "trt")
    frame["Metadata_Dose_um"] = np.where(control, np.nan, 10.0)
    by_compound = layout.split_by == "compound"
    group = np.where(control | (not by_compound), frame.groupby("code").cumcount(), number)
    frame["fold"] = (group + codes) % layout.folds if layout.folds > 1 else np.where(group % 3 == 0, 0, -1)
    frame.loc[np.isin(codes, layout.untested), "fold"] = -1
    return frame


def well_codes(n_wells: int, layout: Layout) -> np.ndarray:
    """Deal classes to wells: the control its share, the others equal or falling as 1 / rank."""
    if layout.n_classes == 2:
        return (np.arange(n_wells) % 2).astype(np.int64)
    controls = round(layout.control_share * n_wells)
    weights = np.ones(layout.n_classes - 1) if layout.sizes == "equal" else 1 / np.arange(1, layout.n_classes)
    ideal = weights / weights.sum() * (n_wells - controls)
    counts = np.maximum(1, np.floor(ideal)).astype(int)
    for index in np.argsort(counts - ideal)[: n_wells - controls - counts.sum()]:
        counts[index] += 1
    codes = np.concatenate([np.zeros(controls, int), np.repeat(np.arange(1, layout.n_classes), counts)])
    return np.resize(codes, n_wells).astype(np.int64)


def _logits(codes: np.ndarray, layout: Layout, rng: np.random.Generator) -> np.ndarray:
    logits = rng.normal(size=(len(codes), layout.n_classes)) * min(1.0, layout.skill)
    logits[np.arange(len(codes)), codes] += layout.skill
    return logits + np.log(np.bincount(codes, minlength=layout.n_classes) / len(codes))


def _rows_of_folds(sites: pd.DataFrame, logits: np.ndarray, names: Sequence[str], layout: Layout) -> pd.DataFrame:
    rng = np.random.default_rng(99)
    sites = sites.copy()
    sites["Quality_mean_DNA"] = rng.normal(size=len(sites)) + layout.brightness * sites["code"]
    sites["Quality_focus_DNA"] = rng.normal(size=len(sites))
    sites["Quality_cells"] = rng.integers(10, 90, len(sites))
    sites["Quality_reason"] = ""
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    columns = {f"logit_{name}": logits[:, code] for code, name in enumerate(names)}
    columns |= {f"probability_{name}": probabilities[:, code] for code, name in enumerate(names)}
    sites = pd.concat([sites, pd.DataFrame(columns).astype("float32")], axis=1)
    sites["truth"] = [names[code] for code in sites["code"]]
    tables = []
    for fold in range(layout.folds):
        rows = sites.copy()
        rest = np.where(np.arange(len(sites)) // layout.n_sites % 5 == 0, "validation", "train")
        rows["part"] = np.where(sites["fold"] == fold, "test", rest)
        rows["fold"] = fold
        tables.append(rows.drop(columns="code"))
    return pd.concat(tables, ignore_index=True)


def _dose_wells(names: Sequence[str], rng: np.random.Generator) -> pd.DataFrame:
    """Two compounds at nine doses, four wells each: one whose probability rises, one that does nothing."""
    rows = []
    for order, compound in enumerate(("wortmannin", "inert")):
        for dose in range(1, 10):
            for replicate in range(4):
                chance = dose / 10 if order == 0 else 0.3
                positive = float(np.clip(chance + rng.normal() * 0.05, 0.01, 0.99))
                rows.append(
                    {
                        "Metadata_Plate": "P001", "Metadata_Well": f"{'HIJK'[replicate]}{order * 9 + dose:02d}",
                        "Metadata_Site": 1, "Metadata_Timepoint": 1, "Metadata_Compound": compound,
                        "Metadata_Role": "trt", "Metadata_Dose_um": float(dose), "fold": -1, "part": "unlabelled",
                        "truth": None, f"probability_{names[0]}": 1 - positive, f"probability_{names[1]}": positive,
                        "Quality_reason": "",
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def _history(folds: int) -> list[dict[str, float]]:
    return [
        {
            "fold": fold, "epoch": epoch, "train_loss": 2 / epoch, "validation_loss": 2 / epoch + 0.1 + 0.02 * epoch,
            "train_accuracy": 1 - 0.8 / epoch, "validation_accuracy": 0.9 - 0.8 / epoch, "learning_rate": 1e-3,
            "seconds": 1.0, "sites_per_second": 100.0,
        }
        for fold in range(folds)
        for epoch in range(1, 9)
    ]  # fmt: skip
