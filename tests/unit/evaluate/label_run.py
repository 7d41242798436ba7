"""A run of several labels a site as training leaves it, without training: compounds with known sets of targets."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

LABELS = ("AKT1", "EGFR", "mTOR,PI3K", "SRC")
SHARES = (0.3, 0.4, 0.25, 0.35)


def label_run(
    folder: Path,
    skill: float = 2.0,
    *,
    n_compounds: int = 80,
    folds: int = 3,
    unknown: float = 0.1,
    soft: bool = False,
    seed: int = 0,
) -> Path:
    """Write a run of compounds on two plates, two wells of two sites each, and as many control wells as there are rows.

    Args:
        folder: of the run.
        skill: 0 for predictions that know the labels' frequencies alone.
        n_compounds: treated ones; each has any of four labels.
        folds: test parts.
        unknown: share of a compound's labels that are not known.
        soft: whether the truths lie between 0 and 1.
        seed: of all.
    """
    rng = np.random.default_rng(seed)
    places = [(plate, f"{row}{column:02d}") for plate in ("P1", "P2") for row in "BCDEFGHIJ" for column in range(2, 14)]
    hot = (rng.random((n_compounds, len(LABELS))) < SHARES).astype(np.float64)
    truths = np.abs(hot - rng.uniform(0.0, 0.4, hot.shape)) if soft else hot
    truths = np.where(rng.random(truths.shape) < unknown, np.nan, truths)
    wells = []
    for number, (plate, well) in enumerate(places):
        compound = number % (len(places) // 2)
        treated = compound < n_compounds
        sites = [
            {
                "Metadata_Plate": plate, "Metadata_Well": well, "Metadata_Site": site, "Metadata_Timepoint": 1,
                "Metadata_Compound": f"CBK{compound:03d}" if treated else "DMSO",
                "Metadata_Role": "trt" if treated else "negcon", "Metadata_Dose_um": 10.0 if treated else np.nan,
                "compound": compound if treated else -1, "group": compound if treated else 1000 + number,
            }
            for site in (1, 2)
        ]  # fmt: skip
        wells += sites
    frame = pd.DataFrame(wells)
    which = frame.pop("compound").to_numpy()
    known = np.where(which[:, None] >= 0, truths[which], 0.0)
    own = np.where(which[:, None] >= 0, hot[which], 0.0)
    # a compound has a strength of its own, so that its sites are not independent
    compounds = rng.normal(size=(n_compounds + 1, len(LABELS)))[which]
    logits = np.log(np.array(SHARES) / (1 - np.array(SHARES))) + 0.3 * rng.normal(size=own.shape)
    logits += min(1.0, skill) * compounds + skill * (own - SHARES)
    chances = 1 / (1 + np.exp(-logits))
    group = frame.pop("group").to_numpy()
    frame["Quality_mean_DNA"], frame["Quality_cells"] = rng.normal(size=len(frame)), rng.integers(10, 90, len(frame))
    frame["Quality_reason"] = ""
    said = ["|".join(np.array(LABELS)[row >= 0.5]) for row in np.nan_to_num(known)]
    frame["truth"] = pd.array(said, dtype="string")
    for code, name in enumerate(LABELS):
        frame[f"truth_{name}"] = known[:, code].astype(np.float32)
        frame[f"logit_{name}"] = logits[:, code].astype(np.float32)
        frame[f"probability_{name}"] = chances[:, code].astype(np.float32)
    dealt = np.unique(group, return_inverse=True)[1]
    order = rng.permutation(dealt.max() + 1)[dealt]
    tables = []
    for fold in range(folds):
        turn = (order + 2 * fold) % (2 * folds)
        part = np.where(turn < 2, "test", np.where(turn < 3, "validation", "train")) if folds > 1 else ""
        part = np.array(["test", "validation", "train", "train"])[order % 4] if folds == 1 else part
        tables.append(frame.assign(fold=fold, part=part))
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(tables, ignore_index=True).to_parquet(folder / "predictions.parquet", index=False)
    config = {
        "label": "Metadata_Target", "task": "target-profile" if soft else "targets", "classes": list(LABELS),
        "several_labels": True, "soft_targets": soft, "split_by": "compound", "folds": folds, "seed": seed,
        "backbone": "mobilenet_v2", "head": "modern", "loss": "binary_cross_entropy", "prepared": "prepared",
        "split_hash": "0123456789abcdef", "composites": ["MiCoPh", "SyHoPh"],
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    rows = [
        {"fold": fold, "epoch": epoch, "train_loss": 0.2 + 0.5 / epoch**2, "validation_loss": 0.3 + 0.5 / epoch}
        for fold in range(folds)
        for epoch in range(1, 13)
    ]
    (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder
