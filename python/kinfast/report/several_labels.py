"""What a report holds of several labels a site beside what it holds of every run."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from kinfast.report.tables import Table, shown

ERRORS = {"mae": "mean absolute error", "rmse": "root mean square error", "spearman": "Spearman, mean over labels"}
COLUMNS = ("level", "predictor", *ERRORS)


def soft_tables(metrics: dict[str, Any]) -> Iterator[Table]:
    """Give how far answers are from soft truths, at each level, beside the mean profile of the training part."""
    soft = metrics.get("soft")
    if not soft:
        return
    raw = [{"level": level, "predictor": who, **errors} for level, both in soft.items() for who, errors in both.items()]
    rows = tuple((row["level"], row["predictor"], *(shown(row[name]) for name in ERRORS)) for row in raw)
    note = "Fractions of inhibition or occupancy, 0 to 1; the prior is the mean profile of the training part."
    title = "Selectivity: how far answers are from the table"
    header = ("level", "predictor", *ERRORS.values())
    yield Table("soft", title, pd.DataFrame(raw, columns=list(COLUMNS)), header, rows, note, 2)
