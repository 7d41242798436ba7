"""Each class's own scores, beside how many sites, wells and compounds stand behind them."""

from typing import Any

import numpy as np
import pandas as pd

from kinfast.config import INTERVAL
from kinfast.evaluate.levels import Level
from kinfast.evaluate.scoring import number
from kinfast.evaluate.test_part import TestPart
from kinfast.metrics.arrays import Float, Probabilities, ratio
from kinfast.metrics.bootstrap import Draws, interval
from kinfast.metrics.decisions import SWITCHED_ON, ClassRates, class_rates, confusion_matrix, decide
from kinfast.metrics.labels import score_label
from kinfast.metrics.ranking import class_areas, class_precisions, rank_scores

FEWEST_CLUSTERS = 2
"""A class of one well or compound has no interval: it would only say how that one repeats itself."""


def score_classes(
    level: Level, probabilities: Probabilities, draws: Draws, classes: tuple[str, ...], support: pd.DataFrame
) -> list[dict[str, Any]]:
    """Give a row per class: ROC area with interval, average precision, rates, support.

    Args:
        level: groups the sites.
        probabilities: (n_sites, n_classes).
        draws: of this level.
        classes: class names.
        support: of `count_support`.
    """
    averaged, n_classes = level.average(probabilities), len(classes)
    areas, precisions = level_areas(level, averaged), _level_precisions(level, averaged)
    rates = _level_rates(level, averaged)
    clusters = [np.unique(level.clusters[level.members(code)]).size for code in range(n_classes)]
    rows = []
    for code, name in enumerate(classes):
        enough = clusters[code] >= FEWEST_CLUSTERS
        low, high = interval(draws.areas[:, code], INTERVAL) if enough else (np.nan, np.nan)
        rows.append(
            {
                "class": name,
                "roc_auc": number(areas[code]),
                "low": number(low),
                "high": number(high),
                "average_precision": number(precisions[code]),
                "sensitivity": number(rates.sensitivity[code]),
                "false_positive_rate": number(rates.false_positive_rate[code]),
                "precision": number(rates.precision[code]),
                **{str(column): int(value) for column, value in support.iloc[code].items()},
            }
        )
    return rows


def level_areas(level: Level, averaged: Probabilities) -> Float:
    """Give each class's ROC area, (n_classes,), NaN where it does not exist: against the rows known to be none."""
    if level.truths is None:
        return class_areas(rank_scores(averaged), level.codes)
    return np.array([one["roc_auc_macro"] for one in _each_label(level, averaged)])


def _level_precisions(level: Level, averaged: Probabilities) -> Float:
    if level.truths is None:
        return class_precisions(rank_scores(averaged), level.codes)
    return np.array([one["average_precision_macro"] for one in _each_label(level, averaged)])


def _each_label(level: Level, averaged: Probabilities) -> list[dict[str, float]]:
    assert level.truths is not None
    scored = zip(level.truths.T, averaged.T, strict=True)
    return [score_label(truth, chance) for truth, chance in scored]


def _level_rates(level: Level, averaged: Probabilities) -> ClassRates:
    """Take the rates of the highest class, or of every label that is likelier than not."""
    n_classes = averaged.shape[1]
    if level.truths is None:
        return class_rates(confusion_matrix(level.codes, decide(averaged).predicted, n_classes))
    members = np.stack([level.members(code) for code in range(n_classes)], axis=1)
    others = np.stack([level.others(code) for code in range(n_classes)], axis=1)
    given = averaged > SWITCHED_ON
    hits, false = (members & given).sum(axis=0), (others & given).sum(axis=0)
    return ClassRates(ratio(hits, members.sum(axis=0)), ratio(false, others.sum(axis=0)), ratio(hits, hits + false))


def count_support(test: TestPart) -> pd.DataFrame:
    """Count what stands behind each class: columns sites, wells, compounds; a row per class.

    Where a site may have several labels, `unknown_sites` too: those of which nobody knows whether they have the label.
    """
    rows, codes = test.held()
    units, n_classes = test.units, test.probabilities.shape[1]
    frame = pd.DataFrame({"code": codes, "well": units.wells[rows], "compound": units.compounds[rows]})
    compounds = frame[frame["compound"] != ""].groupby("code")["compound"].nunique()
    counts = pd.DataFrame(
        {
            "sites": frame.groupby("code").size(),
            "wells": frame.groupby("code")["well"].nunique(),
            "compounds": compounds,
        }
    )
    counts = counts.reindex(range(n_classes)).fillna(0).astype("int64")
    return counts if test.truths is None else counts.assign(unknown_sites=np.isnan(test.truths).sum(axis=0))
