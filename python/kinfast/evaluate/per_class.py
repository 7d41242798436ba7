"""Each class's own scores, beside how many sites, wells and compounds stand behind them."""

from typing import Any

import numpy as np
import pandas as pd

from kinfast.config import INTERVAL
from kinfast.evaluate.levels import Level, Units
from kinfast.evaluate.scoring import number
from kinfast.metrics.arrays import Codes, Probabilities
from kinfast.metrics.bootstrap import Draws, interval
from kinfast.metrics.decisions import class_rates, confusion_matrix, decide
from kinfast.metrics.ranking import class_areas, class_counts, class_precisions, rank_scores

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
    ranked = rank_scores(averaged)
    areas, precisions = class_areas(ranked, level.codes), class_precisions(ranked, level.codes)
    rates = class_rates(confusion_matrix(level.codes, decide(averaged).predicted, n_classes))
    members = np.unique(np.stack([level.codes, level.clusters]), axis=1)[0]
    clusters = class_counts(members, n_classes)
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


def count_support(codes: Codes, units: Units, n_classes: int) -> pd.DataFrame:
    """Count what stands behind each class: columns sites, wells, compounds; a row per class.

    Args:
        codes: (n,) true class of each row.
        units: theirs; a control has no compound.
        n_classes: number of classes.
    """
    frame = pd.DataFrame({"code": codes, "well": units.wells, "compound": units.compounds})
    compounds = frame[frame["compound"] != ""].groupby("code")["compound"].nunique()
    counts = pd.DataFrame(
        {
            "sites": frame.groupby("code").size(),
            "wells": frame.groupby("code")["well"].nunique(),
            "compounds": compounds,
        }
    )
    return counts.reindex(range(n_classes)).fillna(0).astype("int64")
