"""Drift within a plate: over the order of its wells, over rows and columns, and at its edge.

Tested on negative controls where they lie so that a test can tell something, else on all wells but positive controls:
then a finding may be what compounds do, and says so.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.config import SEED
from kinfast.domain import well_position
from kinfast.preprocess.rank_tests import Floats, adjust_p, group_p, order_p

MIN_WELLS = 8
MIN_GROUP = 2
"""Wells of a row or column that count it among those that are compared; two of them are needed at least."""
MIN_EDGE = 3
FOUND = 0.05
"""Rate of false findings among findings that a plate's tests are held to."""
LAYOUTS = ((4, 6), (8, 12), (16, 24), (32, 48))
CONTROLS, ALL = "negcon", "all"

Positions = NDArray[np.int64]


def find_drift(wells: pd.DataFrame, measures: Mapping[str, str]) -> list[dict[str, Any]]:
    """Test each measure for each kind of drift that the wells allow.

    Args:
        wells: a row per well of one plate: schema.WELL, schema.ROLE, and the measures, medians over sites.
        measures: what a measure is called -> its column.

    Returns:
        For each test {"measure", "test": order|rows|columns|edge, "wells": negcon|all, "n_wells", "effect": share of
        the median (None where that is none), "p", "q": p adjusted for all tests of the plate, "found"}.
    """
    known = {name: column for name, column in measures.items() if wells[column].notna().any()}
    layout = _layout(_positions(wells))
    results: list[dict[str, Any]] = []
    for kind, (possible, look) in _KINDS.items():
        for which, part in _choices(wells):
            positions = _positions(part)
            if not known or len(part) < MIN_WELLS or not possible(positions, layout):
                continue
            values = part[list(known.values())].to_numpy(np.float64)
            p, effects = look(values, positions, layout)
            about = {"wells": which, "n_wells": len(part)}
            results += [
                {"measure": name, "test": kind, **about, "effect": _rounded(effects[i]), "p": round(float(p[i]), 6)}
                for i, name in enumerate(known)
            ]
            break
    for result, q in zip(results, adjust_p([result["p"] for result in results]), strict=True):
        result |= {"q": round(q, 6), "found": q <= FOUND}
    return results


def _choices(wells: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    role = wells[schema.ROLE].astype(object)
    return [(CONTROLS, wells[role == schema.ROLE_NEGATIVE]), (ALL, wells[role != schema.ROLE_POSITIVE])]


def _positions(wells: pd.DataFrame) -> Positions:
    """Give (n, 2) int64 rows and columns, 1-based."""
    return np.array([well_position(well) for well in wells[schema.WELL]], np.int64).reshape(-1, 2)


def _layout(positions: Positions) -> Positions:
    """Give rows and columns of the smallest usual plate that holds the wells."""
    highest = positions.max(axis=0, initial=1)
    fits = [layout for layout in LAYOUTS if highest[0] <= layout[0] and highest[1] <= layout[1]]
    return np.array(fits[0] if fits else highest, np.int64)


def _rounded(effect: float) -> float | None:
    return round(float(effect), 5) if np.isfinite(effect) else None


def _share(difference: Floats, values: Floats) -> Floats:
    middle = np.median(values, axis=0)
    return np.divide(difference, middle, out=np.full_like(middle, np.nan), where=middle > 0)


# ---- order: wells row by row, each from left to right ------------------------------------------------


def _orderable(positions: Positions, layout: Positions) -> bool:
    return len(positions) >= MIN_WELLS


def _look_at_order(values: Floats, positions: Positions, layout: Positions) -> tuple[Floats, Floats]:
    order = (positions[:, 0] * 100 + positions[:, 1]).astype(np.float64)
    sorted_ = values[np.argsort(order, kind="stable")]
    return order_p(values, order, SEED), _share(median_slope(sorted_) * (len(values) - 1), values)


def median_slope(values: Floats) -> Floats:
    """Give the median over all pairs of the change a step (Theil 1950, Sen 1968), (m,), of (n, m) values in order."""
    first, second = np.triu_indices(len(values), 1)
    return np.asarray(np.median((values[second] - values[first]) / (second - first)[:, None], axis=0))


# ---- rows, columns -----------------------------------------------------------------------------------


def _grouped(axis: int) -> tuple[Callable[..., bool], Callable[..., tuple[Floats, Floats]]]:
    def possible(positions: Positions, layout: Positions) -> bool:
        _, counts = np.unique(positions[:, axis], return_counts=True)
        return int((counts >= MIN_GROUP).sum()) >= 2

    def look(values: Floats, positions: Positions, layout: Positions) -> tuple[Floats, Floats]:
        lines, counts = np.unique(positions[:, axis], return_counts=True)
        kept = np.isin(positions[:, axis], lines[counts >= MIN_GROUP])
        values, place = values[kept], positions[kept, axis]
        medians = np.array([np.median(values[place == line], axis=0) for line in np.unique(place)])
        return group_p(values, place, SEED), _share(np.ptp(medians, axis=0), values)

    return possible, look


# ---- edge: outermost rows and columns of the plate ---------------------------------------------------


def _outer(positions: Positions, layout: Positions) -> NDArray[np.bool_]:
    outer: NDArray[np.bool_] = ((positions == 1) | (positions == layout)).any(axis=1)
    return outer


def _has_edge(positions: Positions, layout: Positions) -> bool:
    outer = _outer(positions, layout)
    return bool(min(outer.sum(), (~outer).sum()) >= MIN_EDGE)


def _look_at_edge(values: Floats, positions: Positions, layout: Positions) -> tuple[Floats, Floats]:
    outer = _outer(positions, layout)
    difference = np.median(values[outer], axis=0) - np.median(values[~outer], axis=0)
    return group_p(values, outer.astype(np.int64), SEED), _share(difference, values[~outer])


_KINDS: dict[str, tuple[Callable[..., bool], Callable[..., tuple[Floats, Floats]]]] = {
    "order": (_orderable, _look_at_order),
    "rows": _grouped(0),
    "columns": _grouped(1),
    "edge": (_has_edge, _look_at_edge),
}
