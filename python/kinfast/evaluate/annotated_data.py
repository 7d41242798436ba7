"""The embedding tables as AnnData, where anndata is installed."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pandas as pd

from kinfast.evaluate.embedding_tables import feature_columns

INSTALL = "no .h5ad: anndata is not installed (it wants pandas below 3: pip install anndata takes pandas back)"


def anndata_is_there() -> bool:
    """Tell whether anndata can be imported."""
    return importlib.util.find_spec("anndata") is not None


def write_annotated(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as .h5ad, through a temporary name: features are X, float32, and Metadata_* are obs."""
    from anndata import AnnData

    features = feature_columns(frame)
    metadata = frame.drop(columns=features)
    # HDF5 knows no missing text, and pandas' own kinds of text are not known to every anndata
    for name in metadata.columns:
        if not pd.api.types.is_numeric_dtype(metadata[name]):
            metadata[name] = metadata[name].astype(object).where(metadata[name].notna(), "").astype(str).astype(object)
    metadata.index = pd.Index([str(row) for row in range(len(metadata))], dtype=object)
    names = pd.DataFrame(index=pd.Index(features, dtype=object))
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.h5ad")
    try:
        AnnData(frame[features].to_numpy(np.float32), obs=metadata, var=names).write_h5ad(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
