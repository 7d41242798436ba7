"""Tells which sites of a store a run was trained on, also where stores share the names of plates."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema

TRAINING = (schema.PART_TRAIN, schema.PART_VALIDATION)
"""Parts that a model is fitted to, or that its epoch was chosen by."""


def known_sites(predictions: pd.DataFrame, sites: pd.DataFrame, parts: Sequence[str] = TRAINING) -> NDArray[np.bool_]:
    """Tell which sites are in some parts of a run: (n_sites,).

    Plates of two screens may have one name, and a plate may have two (stores that are trained on together). So a site
    is known by its place in the plate and the mean raw counts of its channels, which no two images share; by its whole
    key where these were not measured.

    Args:
        predictions: predictions.parquet of the run.
        sites: a store's table.
        parts: of the run.
    """
    means = [str(name) for name in sites.columns if str(name).startswith(schema.quality("mean"))]
    means = [name for name in means if name in predictions]
    names = [name for name in schema.KEY if name != schema.PLATE or not means] + means
    seen = predictions.loc[predictions[schema.PART].isin(parts), names].drop_duplicates()
    found = sites[names].merge(seen, how="left", on=names, indicator=True)
    return np.asarray(found["_merge"] == "both", np.bool_)
