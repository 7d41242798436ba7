"""From what single sites lose without a stain to what a class rests on: means over compounds, intervals, words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast.config import INTERVAL
from kinfast.metrics.bootstrap import draw_multiplicities

EXPLAIN_COLUMNS = ("class", "stain", "stream", "drop", "low", "high", "method")
WORTH_NAMING = 0.25
"""Share of the largest drop from which a stain is named beside it."""
FEWEST_UNITS = 2
SWAP = "swap"


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One number a site: what was measured, of which stain or stream, by which method; empty where it is of all."""

    stain: str
    stream: str
    method: str
    values: NDArray[np.float64]


def stain_rows(
    measured: Sequence[Measured],
    codes: NDArray[np.int64],
    units: NDArray[np.int64],
    classes: Sequence[str],
    draws: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Average each measure over units within a class, and over all sites (class empty), with a bootstrap over units.

    Args:
        measured: values of (n,) sites each.
        codes: (n,) classes.
        units: (n,) compounds, or wells where there are none: what is drawn with replacement.
        classes: names.
        draws: of the bootstrap; an interval needs two units.
        seed: of the draws: the same for all measures of a class, so that their order is compared fairly.
    """
    rows = []
    for code in (-1, *range(len(classes))):
        inside = np.ones(len(codes), bool) if code < 0 else codes == code
        if not inside.any():
            continue
        values = np.stack([one.values[inside] for one in measured], axis=1)
        means = unit_means(values, units[inside])
        low, high = bootstrap_mean(means, draws, seed)
        for place, one in enumerate(measured):
            numbers = (float(means[:, place].mean()), low[place], high[place])
            row = ("" if code < 0 else classes[code], one.stain, one.stream, *numbers, one.method)
            rows.append(dict(zip(EXPLAIN_COLUMNS, row, strict=True)))
    return rows


def unit_means(values: NDArray[np.float64], units: NDArray[np.int64]) -> NDArray[np.float64]:
    """Average sites to their units: (n, k) to (n_units, k)."""
    _, places = np.unique(units, return_inverse=True)
    counts = np.bincount(places)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, places, values)
    return sums / counts[:, None]


def bootstrap_mean(means: NDArray[np.float64], draws: int, seed: int) -> tuple[list[float | None], list[float | None]]:
    """Give the lower and upper ends of the mean's interval for each column; None with fewer than two units."""
    n_units, k = means.shape
    if n_units < FEWEST_UNITS or draws < 1:
        return [None] * k, [None] * k
    drawn = draw_multiplicities(n_units, draws, np.random.default_rng(seed)) @ means / n_units
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return [float(value) for value in low], [float(value) for value in high]


def stain_words(rows: Sequence[dict[str, Any]], name: str, structures: dict[str, str]) -> str:
    """Say what a class rests on: the stains whose exchange surely costs it, the costliest first.

    Args:
        rows: of `stain_rows`.
        name: the class; empty for all.
        structures: stain -> what it shows, where a spec says so.
    """
    mine = [
        row for row in rows if row["class"] == name and row["method"] == SWAP and row["stain"] and not row["stream"]
    ]
    who = name or "The model"
    if not mine:
        return f"{who} was not explained: no held-out site."
    if mine[0]["low"] is None:
        return f"{who} has too few compounds for a word: a stain's part needs two."
    ranked = sorted(mine, key=lambda row: -row["drop"])
    sure = [row for row in ranked if row["low"] > 0 and row["drop"] >= WORTH_NAMING * ranked[0]["drop"]]
    if not sure:
        return f"{who} rests on no stain alone: exchanging any of them costs it nothing that can be told from chance."
    named = [_named(row, structures) for row in sure]
    together = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{who} rests on {together}."


def _named(row: dict[str, Any], structures: dict[str, str]) -> str:
    shows = structures.get(row["stain"], "")
    what = f"{row['stain']} ({shows})" if shows else str(row["stain"])
    return f"{what}: −{row['drop']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def rank_correlations(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give Spearman's rank correlation of each row with the same row of another table: (n,)."""
    from scipy.stats import rankdata

    a, b = (rankdata(part, axis=1) for part in (first, second))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray(np.where(norm > 0, (a * b).sum(axis=1) / np.maximum(norm, 1e-30), 0.0))
