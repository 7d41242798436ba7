"""What a run's models see of sites, wells and compounds, as tables that pycytominer and copairs take as they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.groups import NO_COMPOUND, compound_identity
from kinfast.errors import SplitError, UsageError
from kinfast.evaluate.known_sites import known_sites
from kinfast.metrics.arrays import Float
from kinfast.metrics.typical_variation import scarce_plates, standardise_by_controls, typical_variation

NONE, STANDARDISE, TVN = "none", "standardise", "tvn"
NORMALISATIONS = (NONE, STANDARDISE, TVN)
FLAGGED = "Metadata_Flagged"
"""Whether a flag keeps the site out of training, and out of its well's profile."""
TRAINED_ON = "Metadata_Trained_On"
"""Whether a model of the run was trained or tuned on the site: its features then know its label."""
N_SITES, N_WELLS = "Metadata_Sites", "Metadata_Wells"
_PREFIX = "Metadata_"
_WELL_KEY = [schema.PLATE, schema.WELL, schema.TIMEPOINT]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingTables:
    """The three tables; in each, columns that do not begin with Metadata_ are features.

    Attributes:
        sites: a row per site, in the store's order.
        wells: means over unflagged sites.
        compounds: means over wells, negative controls as one of them; None where no compound is named.
        notes: what a reader must know.
    """

    sites: pd.DataFrame
    wells: pd.DataFrame
    compounds: pd.DataFrame | None
    notes: tuple[str, ...]


def tabulate_embeddings(
    sites: pd.DataFrame,
    folds: Sequence[NDArray[np.float32]],
    predictions: pd.DataFrame | None = None,
    normalisation: str = NONE,
) -> EmbeddingTables:
    """Put features and metadata together.

    Args:
        sites: the store's table.
        folds: (n_sites, n_features) of each fold's model, joined side by side.
        predictions: of the run, to know which sites it was trained on.
        normalisation: "none"; "standardise" or "tvn", by the negative controls of each plate.

    Raises:
        UsageError: no such normalisation.
    """
    if normalisation not in NORMALISATIONS:
        raise UsageError(f"no normalisation {normalisation!r}: wanted one of {', '.join(NORMALISATIONS)}")
    metadata, notes = _metadata(sites, predictions)
    joined = np.concatenate(folds, axis=1)
    if normalisation != NONE:
        scaled, more = normalise_profiles(metadata, joined, normalisation)
        joined, notes = scaled.astype(np.float32), notes + more
    names = [
        f"Image_Embedding_{fold}_{place:04d}" for fold, values in enumerate(folds) for place in range(values.shape[1])
    ]
    whole = pd.concat([metadata, pd.DataFrame(joined, columns=names)], axis=1)
    wells = _mean_rows(whole[~whole[FLAGGED]].drop(columns=[FLAGGED, schema.SITE]), _WELL_KEY, N_SITES)
    lost = len(whole[_WELL_KEY].drop_duplicates()) - len(wells)
    notes += [f"{lost} wells have flagged sites only and have no profile"] * bool(lost)
    return EmbeddingTables(whole, wells, _compounds(wells), tuple(notes))


def feature_columns(frame: pd.DataFrame) -> list[str]:
    """Name the columns that are features."""
    return [str(name) for name in frame.columns if not str(name).startswith(_PREFIX)]


def negative_controls(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which rows are negative controls: by their role, or, where there is none, by the solvent's name."""
    if schema.ROLE in frame:
        return (frame[schema.ROLE].astype(object) == schema.ROLE_NEGATIVE).to_numpy(np.bool_)
    if schema.COMPOUND not in frame:
        return np.zeros(len(frame), np.bool_)
    names = frame[schema.COMPOUND].astype(object).fillna("").astype(str).str.strip().str.lower()
    return names.isin(sorted(NO_COMPOUND - {""})).to_numpy(np.bool_)


def normalise_profiles(
    metadata: pd.DataFrame, values: NDArray[np.float32] | Float, normalisation: str
) -> tuple[Float, list[str]]:
    """Normalise rows by the negative controls of their plates; flagged controls do not count.

    Returns:
        the values, and a line about plates with too few controls.
    """
    control = negative_controls(metadata)
    if FLAGGED in metadata:
        control = control & ~metadata[FLAGGED].to_numpy(np.bool_)
    names, plates = np.unique(metadata[schema.PLATE].astype(str).to_numpy(np.str_), return_inverse=True)
    codes = plates.reshape(-1).astype(np.int64)
    by = typical_variation if normalisation == TVN else standardise_by_controls
    few = [str(names[plate]) for plate in scarce_plates(codes, control)]
    notes = [
        f"{len(few)} of {len(names)} plates have too few negative controls and are normalised by all their rows: "
        + ", ".join(few[:5])
    ] * bool(few)
    return by(np.asarray(values, np.float64), codes, control), notes


def _metadata(sites: pd.DataFrame, predictions: pd.DataFrame | None) -> tuple[pd.DataFrame, list[str]]:
    others = [str(name) for name in sites.columns if str(name).startswith(_PREFIX) and str(name) not in schema.KEY]
    frame = sites[[*schema.KEY, *others]].reset_index(drop=True)
    flags = [name for name in (*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED) if name in sites]
    frame[FLAGGED] = sites[flags].fillna(False).astype(bool).any(axis=1).to_numpy(np.bool_)
    notes = [f"{frame[FLAGGED].sum()} flagged sites are in sites.parquet only"] * bool(frame[FLAGGED].any())
    if predictions is None:
        return frame, notes
    frame[TRAINED_ON] = known_sites(predictions, sites)
    if frame[TRAINED_ON].any():
        notes.append(
            f"{frame[TRAINED_ON].sum()} of {len(frame)} sites were trained on ({TRAINED_ON}): their features know "
            "their labels, and scores of them flatter"
        )
    return frame, notes


def _compounds(wells: pd.DataFrame) -> pd.DataFrame | None:
    try:
        identity = compound_identity(wells)
    except SplitError:
        return None
    names = wells[schema.COMPOUND].astype(object).fillna("").astype(str).str.strip().to_numpy(np.str_)
    keys = np.where(identity == "", names, identity)
    named = wells.assign(Metadata_=keys)[keys != ""].drop(columns=[N_SITES])
    named[schema.COMPOUND] = named.groupby("Metadata_")[schema.COMPOUND].transform("first")
    return _mean_rows(named, ["Metadata_"], N_WELLS).drop(columns=["Metadata_"])


def _mean_rows(frame: pd.DataFrame, by: list[str], count: str) -> pd.DataFrame:
    """Average features over groups; metadata stay where no group has two values of them."""
    groups = frame.groupby(by, sort=True, dropna=False)
    features = feature_columns(frame)
    others = [name for name in frame.columns if name not in (*by, *features, TRAINED_ON)]
    constant = [name for name in others if groups[name].nunique(dropna=False).max() <= 1]
    parts = [groups[constant].first()] if constant else []
    if TRAINED_ON in frame:  # one site is enough for a well to be known
        parts.append(groups[[TRAINED_ON]].any())
    parts += [groups.size().rename(count).to_frame(), groups[features].mean().astype(np.float32)]
    return pd.concat(parts, axis=1).reset_index()
