"""Runs whose logits have the structure of compounds: sites of a well and wells of a compound are alike."""

from pathlib import Path

import numpy as np
import pandas as pd

from kinfast.evaluate.run_folder import Run

CLASSES = ("EGFR", "Src,Abl", "mTOR")


def compound_run(
    seed: int,
    compounds: tuple[int, ...] = (60, 40, 20),
    folds: int = 1,
    memorised: float = 3.0,
    controls: int = 0,
    unlabelled: int = 0,
) -> Run:
    """Deal compounds to train, validation and test, and give each site logits of its class, compound, well and own.

    Compounds of the train part are remembered: their logits are better by `memorised`. With `controls`, that many
    DMSO wells are of the first class. `unlabelled` compounds have no class and lie between two of them.
    """
    rng = np.random.default_rng([seed, 99])
    units = [(code, f"C{code}-{i:03d}", False) for code, n in enumerate(compounds) for i in range(n)]
    units += [(0, "DMSO", True) for _ in range(controls)]
    fold_of = _deal(units, folds if folds > 1 else 5, rng)
    tables = []
    for fold in range(folds):
        part = np.where(fold_of == fold, "test", "train").astype(object)
        rest = np.flatnonzero(part == "train")
        part[rng.permutation(rest)[: round(0.3 * len(rest))]] = "validation"
        tables.append(_rows(units, part, fold, memorised, rng))
    spare = [(-1, f"new-{i:02d}", False) for i in range(unlabelled)]
    if spare:
        rows = _rows(spare, np.full(len(spare), "unlabelled", object), -1, 0.0, rng)
        tables.append(rows)
    table = pd.concat(tables, ignore_index=True)
    return Run(Path("synthetic"), {}, {}, CLASSES[: len(compounds)], "compound", table, ())


def _deal(units: list[tuple[int, str, bool]], parts: int, rng: np.random.Generator) -> np.ndarray:
    """Deal class by class, as the splits do."""
    codes = np.array([code for code, _, _ in units])
    dealt = np.zeros(len(units), int)
    for code in np.unique(codes):
        mine = rng.permutation(np.flatnonzero(codes == code))
        dealt[mine] = np.arange(len(mine)) % parts
    return dealt


def _rows(
    units: list[tuple[int, str, bool]], parts: np.ndarray, fold: int, memorised: float, rng: np.random.Generator
) -> pd.DataFrame:
    k = len(CLASSES)
    rows = []
    for number, ((code, name, control), part) in enumerate(zip(units, parts, strict=True)):
        centre = rng.normal(0, 1.2, k)
        if code >= 0:
            centre[code] += 1.5 + memorised * (part == "train")
        for well in range(1 if control else int(rng.integers(1, 4))):
            shift = centre + rng.normal(0, 0.4, k)
            for site in range(int(rng.integers(2, 6))):
                logits = shift + rng.normal(0, 0.5, k)
                chances = np.exp(logits) / np.exp(logits).sum()
                rows.append(
                    {
                        "Metadata_Plate": f"P{number // 60}", "Metadata_Well": f"W{number:04d}-{well}",
                        "Metadata_Site": site + 1, "Metadata_Timepoint": 1, "Metadata_Compound": name,
                        "Metadata_Role": "negcon" if control else "trt", "fold": fold, "part": part,
                        "truth": CLASSES[code] if code >= 0 else None,
                    }
                    | {f"logit_{c}": v for c, v in zip(CLASSES, logits, strict=True)}
                    | {f"probability_{c}": v for c, v in zip(CLASSES, chances, strict=True)}
                )  # fmt: skip
    return pd.DataFrame(rows)
