"""Reads a split that somebody made: a run's split.parquet, or a CSV of who is where."""

from pathlib import Path

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.errors import SplitError

SPLIT = "split.parquet"
PART_WORDS = {
    "train": schema.PART_TRAIN, "training": schema.PART_TRAIN, "val": schema.PART_VALIDATION,
    "valid": schema.PART_VALIDATION, "validation": schema.PART_VALIDATION, "dev": schema.PART_VALIDATION,
    "test": schema.PART_TEST, "testing": schema.PART_TEST, "holdout": schema.PART_TEST,
}  # fmt: skip
COLUMN_WORDS = {
    "plate": schema.PLATE, "well": schema.WELL, "site": schema.SITE, "timepoint": schema.TIMEPOINT,
    "part": schema.PART, "split": schema.PART, "set": schema.PART, "subset": schema.PART, "fold": schema.FOLD,
}  # fmt: skip


def read_split(path: Path, sites: pd.DataFrame) -> pd.DataFrame:
    """Read a split and find its sites in a store: the key columns, `fold`, `part`, a row per site and fold.

    Args:
        path: a run's folder, a parquet file, or a CSV with plate, well, perhaps site and fold, and part (or split,
            set). Without a site column a row is a whole well. Other words for parts (val, training) are understood.
        sites: the store's table.

    Raises:
        SplitError: the file is no split, or names sites that the store lacks.
    """
    file = path / SPLIT if path.is_dir() else path
    if not file.is_file():
        raise SplitError(f"no {file}: wanted a run's folder, its {SPLIT}, or a CSV with plate, well and part")
    frame = _read(file)
    frame = frame.rename(columns={name: _column(name) for name in frame.columns})
    missing = [name for name in (schema.PLATE, schema.WELL, schema.PART) if name not in frame]
    if missing:
        raise SplitError(f"{file} lacks {', '.join(missing)}: it has {', '.join(map(str, frame.columns))}")
    said = frame[schema.PART].astype(str).str.strip().str.lower()
    unknown = sorted(set(said) - set(PART_WORDS) - {schema.PART_UNLABELLED, "", "nan", "none"})
    if unknown:
        raise SplitError(f"{file} has parts {', '.join(map(repr, unknown))}: wanted {', '.join(sorted(PART_WORDS))}")
    frame[schema.PART] = said.map(PART_WORDS)
    frame = frame.dropna(subset=[schema.PART])
    frame[schema.FOLD] = frame[schema.FOLD].astype(np.int64) if schema.FOLD in frame else np.int64(0)
    return _find_sites(file, frame, sites)


def _read(file: Path) -> pd.DataFrame:
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file)
        return pd.read_csv(file, sep=None, engine="python", dtype=str)
    except (ValueError, OSError) as error:
        raise SplitError(f"{file} cannot be read: {' '.join(str(error).split())}") from error


def _column(name: object) -> str:
    text = str(name).strip()
    return COLUMN_WORDS.get(text.lower().removeprefix("metadata_"), text)


def _find_sites(file: Path, frame: pd.DataFrame, sites: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in schema.KEY if name in frame]
    known = sites[schema.KEY].copy()
    for name in keys:
        numeric = name in (schema.SITE, schema.TIMEPOINT)
        frame[name] = frame[name].astype(np.int64 if numeric else str)
        known[name] = known[name].astype(np.int64 if numeric else str)
    found = frame[[*keys, schema.FOLD, schema.PART]].merge(known, on=keys, how="left", indicator=True)
    lost = found["_merge"] == "left_only"
    if lost.any():
        first = found.loc[lost, keys].iloc[0].tolist()
        raise SplitError(f"{file} names {int(lost.sum())} sites or wells that the store lacks, first {first}")
    return found[[*schema.KEY, schema.FOLD, schema.PART]].reset_index(drop=True)
