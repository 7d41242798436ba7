"""Reads what `kinfast predict --embeddings` wrote, as features of sites."""

from pathlib import Path

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.errors import InputError

COMPONENTS = 50
"""Principal components, at most, that stand for all folds' features."""


def embedded_sites(sites: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Give the unflagged sites with the principal components of their embeddings.

    Args:
        sites: the store's table that was embedded.
        path: NPZ file, an array (n_sites, n_features) for each fold.

    Raises:
        InputError: the file is absent, damaged or of another store.
    """
    from sklearn.decomposition import PCA

    try:
        with np.load(path) as file:
            folds = [np.asarray(file[name], np.float64) for name in sorted(file.files)]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({' '.join(str(error).split())}): wanted predict's --embeddings"
        ) from None
    if not folds or any(len(fold) != len(sites) for fold in folds):
        found = len(folds[0]) if folds else 0
        raise InputError(f"{path} has {found} rows, the store {len(sites)} sites: predict this store with --embeddings")
    joined = np.concatenate(folds, axis=1)
    flags = [name for name in (*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED) if name in sites]
    kept = ~sites[flags].fillna(False).astype(bool).to_numpy().any(axis=1)
    n = min(COMPONENTS, int(kept.sum()) - 1, joined.shape[1])
    values = PCA(max(1, n), random_state=0, svd_solver="full").fit_transform(joined[kept])
    names = [f"Embedding_{place}" for place in range(values.shape[1])]
    return pd.concat([sites[kept].reset_index(drop=True), pd.DataFrame(values, columns=names)], axis=1), names
