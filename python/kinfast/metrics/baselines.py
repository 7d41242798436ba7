"""What a score is worth beside: predictors that have seen no image."""

import warnings

import numpy as np
from numpy.typing import NDArray

from kinfast.config import BOOSTING_ROWS
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.ranking import class_counts

MANY_CLASSES = 10
"""From here on boosting makes fewer, faster steps: each step grows a tree for each class."""


def prior_probabilities(train_codes: Codes, n_classes: int, n_rows: int) -> Probabilities:
    """Give every row the training part's class frequencies: (n_rows, n_classes), all rows alike."""
    frequencies = class_counts(train_codes, n_classes) / max(1, train_codes.size)
    return np.tile(frequencies, (n_rows, 1))


def boosted_probabilities(
    train: Float,
    train_codes: Codes,
    test: Float,
    n_classes: int,
    seed: int,
    categorical: NDArray[np.bool_] | None = None,
    n_models: int = 1,
) -> Probabilities:
    """Fit gradient boosting on a table of measures and give the probabilities of other rows: (n_test, n_classes).

    Leaves hold a tenth of the rows and at most 20, so that a plate with a dozen control wells can be split at all;
    each split sees half of the measures, so that one measure that separates by luck does not hide the others.

    Args:
        train: (n, n_measures) float64, NaN where a measure is missing.
        train_codes: (n,) classes.
        test: (n_test, n_measures).
        n_classes: number of classes, whether or not the training rows hold them all.
        seed: of the sample and of the boosting.
        categorical: (n_measures,) which measures are codes without an order, below 255.
        n_models: how many such models are fitted in all, one for each label of several.

    Source: sklearn.ensemble.HistGradientBoostingClassifier; Ke et al. 2017, LightGBM.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    if len(train) > BOOSTING_ROWS:
        kept = np.sort(rng.choice(len(train), BOOSTING_ROWS, replace=False))
        train, train_codes = train[kept], train_codes[kept]
    present = np.unique(train_codes)
    if present.size < 2 or train.shape[1] == 0:
        return prior_probabilities(train_codes, n_classes, len(test))
    many = present.size * n_models >= MANY_CLASSES
    model = HistGradientBoostingClassifier(
        max_iter=20 if many else 100,
        learning_rate=0.3 if many else 0.1,
        max_leaf_nodes=8,
        min_samples_leaf=int(np.clip(len(train) // 10, 2, 20)),
        max_features=0.5,
        categorical_features=categorical,
        early_stopping=False,
        random_state=seed,
    )
    probabilities = np.zeros((len(test), n_classes))
    # One thread: tables of this size gain nothing from more, and lose a tenfold where other work holds the processors.
    # The limit holds for libraries that are loaded already, hence here, after the import.
    with threadpool_limits(1, user_api="openmp"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
        model.fit(train, train_codes)
        probabilities[:, present] = model.predict_proba(test)
    return probabilities
