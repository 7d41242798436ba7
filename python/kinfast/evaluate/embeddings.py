"""Reads what `kinfast embed` or `kinfast predict --embeddings` wrote, as features of sites."""

from pathlib import Path

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.errors import InputError
from kinfast.evaluate.embedding_tables import feature_columns
from kinfast.metrics.arrays import Float

COMPONENTS = 50
"""Principal components, at most, that stand for all folds' features."""
PARQUET = ".parquet"


def embedded_sites(sites: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Give the unflagged sites with the principal components of their embeddings.

    Args:
        sites: the store's table that was embedded.
        path: the sites.parquet of embed; or an NPZ file, an array (n_sites, n_features) for each fold.

    Raises:
        InputError: the file is absent, damaged or of another store.
    """
    from sklearn.decomposition import PCA

    joined = _read_parquet(sites, path) if path.suffix == PARQUET else _read_arrays(sites, path)
    flags = [name for name in (*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED) if name in sites]
    kept = ~sites[flags].fillna(False).astype(bool).to_numpy().any(axis=1)
    n = min(COMPONENTS, int(kept.sum()) - 1, joined.shape[1])
    values = PCA(max(1, n), random_state=0, svd_solver="full").fit_transform(joined[kept])
    names = [f"Embedding_{place}" for place in range(values.shape[1])]
    return pd.concat([sites[kept].reset_index(drop=True), pd.DataFrame(values, columns=names)], axis=1), names


def _read_arrays(sites: pd.DataFrame, path: Path) -> Float:
    try:
        with np.load(path) as file:
            folds = [np.asarray(file[name], np.float64) for name in sorted(file.files)]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({' '.join(str(error).split())}): wanted predict's --embeddings, or the"
            f" sites{PARQUET} of kinfast embed"
        ) from None
    if not folds or any(len(fold) != len(sites) for fold in folds):
        found = len(folds[0]) if folds else 0
        raise InputError(f"{path} has {found} rows, the store {len(sites)} sites: predict this store with --embeddings")
    return np.concatenate(folds, axis=1)


def _read_parquet(sites: pd.DataFrame, path: Path) -> Float:
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read ({reason}): wanted the sites{PARQUET} of kinfast embed") from None
    features = feature_columns(table)
    wrong = [name for name in features if not pd.api.types.is_numeric_dtype(table[name])]
    missing = [name for name in schema.KEY if name not in table]
    if missing or wrong or not features:
        what = f"the column {missing[0]}" if missing else f"numbers in {wrong[0]}" if wrong else "features"
        raise InputError(f"{path} lacks {what}: wanted the sites{PARQUET} of kinfast embed, a row per site")
    place = pd.MultiIndex.from_frame(table[schema.KEY]).get_indexer(pd.MultiIndex.from_frame(sites[schema.KEY]))
    if (place < 0).any():
        raise InputError(
            f"{path} lacks {(place < 0).sum()} of the store's {len(sites)} sites: embed this store (kinfast embed)"
        )
    return table[features].to_numpy(np.float64)[place]
