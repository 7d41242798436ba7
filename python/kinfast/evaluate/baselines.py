"""The baselines of a run: what class sizes, brightness and position alone predict for its test rows.

Each is fitted on the train part of a fold and asked about that fold's test part, exactly as the model was. The fourth
baseline, `permuted`, needs no fit: see `metrics.permutation`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.domain import AnyArray, well_position
from kinfast.errors import InputError
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.baselines import boosted_probabilities, prior_probabilities
from kinfast.metrics.labels import HALF

PRIOR, PERMUTED, INTENSITY, POSITION = "prior", "permuted", "intensity", "position"
BASELINES = (PRIOR, PERMUTED, INTENSITY, POSITION)
EXPLANATIONS = {
    PRIOR: "the class frequencies of the training parts, the same for every row",
    PERMUTED: "the same predictions against truths permuted among the groups of each fold; no model is trained again",
    INTENSITY: "gradient boosting on the Quality_* measures (brightness, focus, cell counts): no image seen",
    POSITION: "gradient boosting on plate, row and column of the well: neither image nor brightness seen",
}
LABELS_EXPLAINED = {
    PRIOR: "each label's frequency in the training parts, the same for every row",
    PERMUTED: "the same predictions against rows of labels permuted among the groups of a fold; macro ROC area alone",
}
MOST_CODES = 255
"""Categories that boosting can hold; with more plates their order by name stands in."""


def explain_baselines(several: bool) -> dict[str, str]:
    """Say what each baseline knows, of one class a site or of several labels."""
    return {name: (LABELS_EXPLAINED if several else {}).get(name, EXPLANATIONS[name]) for name in BASELINES}


@dataclass(frozen=True, slots=True)
class Measures:
    """A table of measures for boosting: values (n, n_measures), and which of them are codes without an order."""

    values: Float
    categorical: NDArray[np.bool_]


def predict_prior(run: Run) -> Probabilities:
    """Give the frequencies of the classes over all training parts: one row for all test rows.

    With folds, one vector for all of them: a vector of its own for each fold would be ranked against the others, and
    the folds with few members of a class in test have many in train.
    """
    train_rows, n_test = run.part(schema.PART_TRAIN), len(run.part(schema.PART_TEST))
    if run.several:  # the mean over what is known of each label
        truths = run.truths(train_rows)
        known = ~np.isnan(truths)
        return np.tile(np.nansum(truths, axis=0) / np.maximum(known.sum(axis=0), 1), (n_test, 1))
    train = run.codes(train_rows)
    return prior_probabilities(train, len(run.classes), n_test)


def quality_measures(table: pd.DataFrame) -> Measures | None:
    """Take the numeric Quality_* columns that vary, None without any."""
    names = [name for name in table.columns if schema.is_measure(str(name))]
    numeric = table[names].select_dtypes(include=["number", "bool"]).astype("float64")
    varying = numeric.loc[:, numeric.nunique() > 1].to_numpy(dtype=np.float64)
    values = np.where(np.isfinite(varying), varying, np.nan)
    return Measures(values, np.zeros(values.shape[1], dtype=np.bool_)) if values.shape[1] else None


def position_measures(table: pd.DataFrame) -> Measures | None:
    """Take plate, row and column, None where a well's name is not a position."""
    try:
        places = {well: well_position(str(well)) for well in table[schema.WELL].unique()}
    except InputError:
        return None
    plate = table[schema.PLATE].astype(str).rank(method="dense").to_numpy(dtype=np.float64) - 1
    grid = np.array([places[well] for well in table[schema.WELL]], dtype=np.float64)
    categorical = np.array([plate.max() < MOST_CODES, False, False])
    return Measures(np.column_stack([plate, grid]), categorical)


def predict_boosted(run: Run, measures: Measures, per_well: bool) -> Probabilities:
    """Fit boosting in each fold and predict its test part: (n_test, n_classes), in the order of `run.part("test")`.

    Args:
        run: the run.
        measures: aligned with `run.table`.
        per_well: fit on one row per well and class, since the sites of a well share their position.
    """
    n_classes = len(run.classes)
    if run.several:  # a model for each label, of the rows where it is known
        truths = run.truths(run.table).T
        fits = (_boost(run, measures, per_well, truth >= HALF, ~np.isnan(truth), 2, n_classes) for truth in truths)
        return np.stack([chances[:, 1] for chances in fits], axis=1)
    codes = run.codes(run.table)
    return _boost(run, measures, per_well, codes, codes >= 0, n_classes)


def _boost(
    run: Run,
    measures: Measures,
    per_well: bool,
    codes: AnyArray,
    known: AnyArray,
    n_classes: int,
    n_models: int = 1,
) -> Probabilities:
    """Fit and predict one set of classes that exclude each other; (n_test, n_classes)."""
    part, fold = run.table[schema.PART].to_numpy(), run.table[schema.FOLD].to_numpy()
    result = np.zeros((int((part == schema.PART_TEST).sum()), n_classes))
    for number in np.unique(fold[part == schema.PART_TEST]):
        train = (part == schema.PART_TRAIN) & (fold == number) & known
        test = (part == schema.PART_TEST) & (fold == number)
        values, own = measures.values[train], codes[train].astype(np.int64)
        if per_well:
            values, own = _distinct(values, own)
        result[fold[part == schema.PART_TEST] == number] = boosted_probabilities(
            values, own, measures.values[test], n_classes, config.SEED, measures.categorical, n_models
        )
    return result


def _distinct(values: Float, codes: Codes) -> tuple[Float, Codes]:
    rows = np.unique(np.column_stack([values, codes]), axis=0)
    return rows[:, :-1], rows[:, -1].astype(np.int64)
