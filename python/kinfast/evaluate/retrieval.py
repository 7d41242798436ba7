"""Do replicates find each other, do compounds of one target? Mean average precision with its null, through copairs.

Source: Kalinin et al. 2025, A versatile information retrieval framework for evaluating profile strength and similarity,
Nature Communications 16:5181.
"""

import importlib.util
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kinfast import config, schema
from kinfast.data.groups import NO_COMPOUND
from kinfast.evaluate.embedding_tables import (
    STANDARDISE,
    TRAINED_ON,
    feature_columns,
    negative_controls,
    normalise_profiles,
)
from kinfast.metrics.arrays import Float
from kinfast.plate.annotation.targets import are_symbols, parse_targets
from kinfast.preprocess.atomic import write_csv

REPLICABILITY, TARGETS = "replicability.csv", "targets.csv"
NULL_DRAWS = 10_000
"""Random rankings behind each p-value: the least is 1 / 10,001."""
INSTALL = (
    "no replicability.csv and targets.csv: mean average precision is copairs' work, pip install 'kinfast[profiles]'"
)
_REFERENCE = "Metadata_Reference"
_SCORES = {
    "mean_average_precision": "mean_average_precision",
    "p_value": "p_value",
    "corrected_p_value": "q_value",
    "below_corrected_p": "retrieved",
}


@dataclass(frozen=True, slots=True, eq=False)
class Retrieval:
    """What is retrieved; a table is empty where nothing could be asked.

    Attributes:
        compounds: Metadata_Compound, wells, mean_average_precision, p_value, q_value, retrieved: whether wells of a
            compound are nearer to each other than to the negative controls of their plates.
        targets: Metadata_Target, compounds and the same scores: whether retrieved compounds of a target are nearer to
            each other than to those of others.
        notes: what could not be asked, and of how many compounds the answers flatter.
    """

    compounds: pd.DataFrame
    targets: pd.DataFrame
    notes: tuple[str, ...]


def copairs_is_there() -> bool:
    """Tell whether copairs can be imported."""
    return importlib.util.find_spec("copairs") is not None


def kept_folder(run: Path) -> Path:
    """Give the folder in a run's where its page finds the tables, one folder for each store."""
    return run / "embeddings"


def write_retrieval(found: Retrieval, folder: Path) -> None:
    """Write both tables into a folder."""
    for table, name in ((found.compounds, REPLICABILITY), (found.targets, TARGETS)):
        write_csv(folder / name, table)


def retrieve(wells: pd.DataFrame, normalised: bool, seed: int = config.SEED) -> Retrieval:
    """Score replicates and targets by cosine similarity; needs copairs.

    Args:
        wells: the wells' table of `tabulate_embeddings`.
        normalised: whether its features are normalised by controls already; if not, they are standardised here.
        seed: of the null.
    """
    names = wells[schema.COMPOUND].astype(object).fillna("").astype(str).str.strip() if schema.COMPOUND in wells else ""
    frame = wells.assign(**{schema.COMPOUND: names})
    values: Float = wells[feature_columns(wells)].to_numpy(np.float64)
    notes: list[str] = []
    if not normalised:
        values, notes = normalise_profiles(wells, values, STANDARDISE)
    found = _replicates(frame, values, seed)
    if found.empty:
        notes.append("replicability was not scored: no compound has two wells on plates with negative controls")
    targets = _targets(frame, values, found, seed)
    if targets.empty:
        notes.append("target consistency was not scored: no target has two retrieved compounds beside those of others")
    if TRAINED_ON in frame and frame[TRAINED_ON].any():
        treated = frame[~negative_controls(frame)]
        seen = treated.loc[treated[TRAINED_ON], schema.COMPOUND].nunique()
        notes.append(
            f"wells of {seen} of {treated[schema.COMPOUND].nunique()} compounds were trained on: scores flatter"
        )
    return Retrieval(found, targets, tuple(notes))


def in_words(found: Retrieval) -> list[str]:
    """Say how many compounds and targets are retrieved."""
    lines = []
    for table, what, against in (
        (found.compounds, "compounds", "replicates against negative controls"),
        (found.targets, "targets", "compounds of a target against others"),
    ):
        if len(table):
            mean = table["mean_average_precision"].mean()
            lines.append(
                f"{table['retrieved'].sum()} of {len(table)} {what} are retrieved ({against}; mean average precision"
                f" {mean:.2f})"
            )
    return lines


def _replicates(frame: pd.DataFrame, values: Float, seed: int) -> pd.DataFrame:
    """Score each compound's wells against the negative controls of the same plate."""
    control = negative_controls(frame)
    kept = control | ~frame[schema.COMPOUND].str.lower().isin(sorted(NO_COMPOUND)).to_numpy()
    meta = pd.DataFrame(
        {
            schema.PLATE: frame[schema.PLATE].astype(str),
            schema.COMPOUND: frame[schema.COMPOUND].where(~control, " control"),
            # controls differ from each other, so that they are nobody's positives; treated wells do not, so that they
            # are nobody's negatives
            _REFERENCE: np.where(control, np.arange(len(frame)), -1),
        }
    )[kept].reset_index(drop=True)
    columns = [schema.COMPOUND, _REFERENCE]
    scored = _score(meta, values[kept], [*columns], [schema.PLATE], columns, None, [schema.COMPOUND], seed)
    return _named(scored, schema.COMPOUND, frame[~control].groupby(schema.COMPOUND).size(), "wells")


def _targets(frame: pd.DataFrame, values: Float, found: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Score each target's retrieved compounds against those of other targets."""
    retrieved = set(found.loc[found["retrieved"], schema.COMPOUND]) if len(found) else set()
    rows = frame[schema.COMPOUND].isin(sorted(retrieved)).to_numpy()
    if schema.TARGET not in frame or not rows.any():
        return _named(pd.DataFrame(), schema.TARGET, pd.Series(dtype=int), "compounds")
    names = frame.loc[rows, schema.COMPOUND]
    profiles = pd.DataFrame(values[rows]).groupby(names.to_numpy()).mean()
    cells = frame.loc[rows].groupby(schema.COMPOUND)[schema.TARGET].first().reindex(profiles.index)
    sets = _target_sets(cells.astype(object).fillna("").astype(str).tolist())
    known = np.array([bool(names) for names in sets], np.bool_)
    meta = pd.DataFrame({schema.COMPOUND: profiles.index.to_numpy(), schema.TARGET: sets})[known].reset_index(drop=True)
    one = [schema.TARGET]
    scored = _score(meta, profiles.to_numpy()[known], one, [], one, schema.TARGET, one, seed)
    return _named(scored, schema.TARGET, meta.explode(schema.TARGET).groupby(schema.TARGET).size(), "compounds")


def _target_sets(cells: Sequence[str]) -> list[list[str]]:
    symbols = are_symbols(cell for cell in cells if cell)
    read = [parse_targets(cell, symbols=symbols) if cell else None for cell in cells]
    return [sorted({*one.names, *one.unknown}) if one else [] for one in read]


def _score(
    meta: pd.DataFrame,
    values: Float,
    same: list[str],
    beside: list[str],
    unlike: list[str],
    several: str | None,
    by: list[str],
    seed: int,
) -> pd.DataFrame:
    from copairs import map as copairs_map
    from copairs.matching import UnpairedException

    asked = {"pos_sameby": same, "pos_diffby": [], "neg_sameby": beside, "neg_diffby": unlike, "progress_bar": False}
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as cache:
            warnings.simplefilter("ignore")  # copairs' own, of divisions where a row has no pair
            if several is None:
                precision = copairs_map.average_precision(meta, values, **asked)
            else:
                precision = copairs_map.multilabel.average_precision(meta, values, multilabel_col=several, **asked)
            # copairs keeps its nulls in the person's home folder unless it is told another
            scored: pd.DataFrame = copairs_map.mean_average_precision(
                precision, by, NULL_DRAWS, config.FALSE_DISCOVERY_RATE, seed, progress_bar=False, cache_dir=cache
            )
    except UnpairedException:
        return pd.DataFrame()
    return scored


def _named(scored: pd.DataFrame, by: str, counts: pd.Series, counted: str) -> pd.DataFrame:
    if scored.empty:
        return pd.DataFrame(columns=[by, counted, *_SCORES.values()])
    table = scored[[by, *_SCORES]].rename(columns=_SCORES)
    table.insert(1, counted, table[by].map(counts).astype(int))
    return table.sort_values(["mean_average_precision", by], ascending=[False, True]).reset_index(drop=True)
