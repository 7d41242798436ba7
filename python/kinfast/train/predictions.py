"""predictions.parquet: what every model says of every site, with all that evaluation needs beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.labels import LabelledSites
from kinfast.metrics.labels import join_labels

UNLABELLED_FOLD = -1
_SMALLEST = np.finfo(np.float32).tiny


@dataclass(frozen=True, slots=True, eq=False)
class FoldAnswers:
    """One fold's model on all sites of the store, row by row of its table.

    Attributes:
        logits, probabilities: (n_sites, n_classes) float32.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]


def mean_answers(folds: Sequence[FoldAnswers]) -> FoldAnswers:
    """Average the folds' probabilities; the logit is the mean's logarithm."""
    mean = np.stack([fold.probabilities for fold in folds]).mean(axis=0, dtype=np.float64).astype(np.float32)
    return FoldAnswers(np.log(np.maximum(mean, _SMALLEST)), mean)


def prediction_table(
    sites: pd.DataFrame, labels: LabelledSites, parts: Sequence[NDArray[np.str_]], folds: Sequence[FoldAnswers]
) -> pd.DataFrame:
    """Put the table together: for each fold a row per site of its train, validation and test part, then the unlabelled
    sites once, as fold -1.

    Args:
        sites: the store's table.
        labels: aligned with it.
        parts: for each fold the part of each site, (n_sites,).
        folds: the folds' answers.
    """
    blocks = []
    for number, (part, said) in enumerate(zip(parts, folds, strict=True)):
        rows = np.flatnonzero(part != schema.PART_UNLABELLED)
        blocks.append(_block(sites, labels, rows, number, part[rows], said))
    lone = np.flatnonzero(np.all([part == schema.PART_UNLABELLED for part in parts], axis=0))
    if len(lone):
        names = np.full(len(lone), schema.PART_UNLABELLED)
        blocks.append(_block(sites, labels, lone, UNLABELLED_FOLD, names, mean_answers(folds)))
    return pd.concat(blocks, ignore_index=True)


def site_columns(sites: pd.DataFrame) -> list[str]:
    """Name the columns that are carried over: the key, all other Metadata_*, and the quality measures."""
    others = [str(name) for name in sites.columns if str(name).startswith("Metadata_") or schema.is_measure(str(name))]
    return [*schema.KEY, *(name for name in others if name not in schema.KEY)]


def answer_columns(names: Sequence[str], said: FoldAnswers, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Name logits and probabilities of some rows by their classes."""
    logits = {schema.logit(name): said.logits[rows, index] for index, name in enumerate(names)}
    return logits | {schema.probability(name): said.probabilities[rows, index] for index, name in enumerate(names)}


def _several_truths(labels: LabelledSites, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Write what is known of each label, and as `truth` the names of those that hold."""
    assert labels.multi_hot is not None
    hot = np.where(labels.labelled[rows, None], labels.multi_hot[rows], np.nan).astype(np.float32)
    said = [
        join_labels(labels.class_names, row) if known else None
        for row, known in zip(hot, labels.labelled[rows], strict=True)
    ]
    columns = {schema.truth(name): hot[:, index] for index, name in enumerate(labels.class_names)}
    return {schema.TRUTH: pd.array(np.array(said, dtype=object), dtype="string"), **columns}


def _block(
    sites: pd.DataFrame,
    labels: LabelledSites,
    rows: NDArray[np.int64],
    fold: int,
    parts: NDArray[np.str_],
    said: FoldAnswers,
) -> pd.DataFrame:
    names = np.array([*labels.class_names, None], dtype=object)
    carried = sites[site_columns(sites)].iloc[rows].reset_index(drop=True)
    own: dict[str, Any] = {
        schema.FOLD: np.full(len(rows), fold, np.int64),
        schema.PART: pd.array(parts.astype(object), dtype="string"),
        # code -1, unlabelled, takes the last name: None
        schema.TRUTH: pd.array(names[labels.codes[rows]], dtype="string"),
    }
    own |= _several_truths(labels, rows) if labels.multi_hot is not None else {}
    return pd.concat([carried, pd.DataFrame(own | answer_columns(labels.class_names, said, rows))], axis=1)
