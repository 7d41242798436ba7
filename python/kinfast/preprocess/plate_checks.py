"""What the merge says of each plate, and of plates beside each other: brightness, cells, drift, Z'."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.config import SEED
from kinfast.preprocess.drift import FOUND, find_drift, median_slope
from kinfast.preprocess.rank_tests import adjust_p, order_p
from kinfast.preprocess.shard import Shard
from kinfast.preprocess.z_prime import find_z_primes

STORED_LEVEL = "stored_level_"
"""Columns of the shard: mean stored level (0 … 255) of a channel, of sites in control wells; not in sites.parquet."""
MIN_PLATES = 5
"""For a test of order over plates: of four, the strictest gives p = 0.08."""
CELLS = "cells"


def check_plates(shards: Sequence[Shard], sites: pd.DataFrame, channels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give each plate's {"brightness", "drift", "z_prime"}.

    Sites that training leaves out by default do not take part.

    Args:
        shards: of all plates.
        sites: the merged table, its rows in the order of the shards'.
        channels: names, in the store's order.
    """
    stored = pd.concat([shard.sites for shard in shards if len(shard.sites)] or [shards[0].sites], ignore_index=True)
    levels = [STORED_LEVEL + channel for channel in channels]
    table = pd.concat([sites.reset_index(drop=True), stored[levels]], axis=1)
    sound = table[~table[[*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED]].any(axis=1)]
    measures = {CELLS: schema.quality(CELLS)} | {c: schema.quality("corrected_mean", c) for c in channels}
    spreads = {f"{c} contrast": schema.quality("corrected_std", c) for c in channels}
    facts: dict[str, dict[str, Any]] = {}
    for shard in shards:
        wells = _wells(sound[sound[schema.PLATE] == shard.plate], [*measures.values(), *spreads.values(), *levels])
        facts[shard.plate] = {
            "brightness": _brightness(wells, channels, shard.facts),
            "drift": find_drift(wells, measures),
            "z_prime": find_z_primes(wells, measures | spreads),
        }
    return facts


def compare_plates(facts: Mapping[str, Mapping[str, Any]], channels: Sequence[str]) -> dict[str, Any]:
    """Say how much plates differ: the standard deviation over plates as a share of the mean, before and after.

    Returns:
        {"mean": {"before": {channel: share}, "after": ...}, "structures": likewise, "cells": share, "order": tests of
        a drift over plates in the order of their names, as `find_drift` gives them}; None where there is nothing to
        compare.
    """
    told = [of["brightness"] for of in facts.values() if of["brightness"]["n_wells"]]
    order = {CELLS: [of[CELLS] for of in told]}
    order |= {channel: [of["channels"][channel]["before"] for of in told] for channel in channels}
    return {
        **{
            name: {
                when: {c: _spread([of["channels"][c][prefix + when] for of in told]) for c in channels}
                for when in ("before", "after")
            }
            for name, prefix in (("mean", ""), ("structures", "structures_"))
        },
        CELLS: _spread(order[CELLS]),
        "order": _order(order),
    }


def _wells(sites: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Give a row per well: its labels, and medians over its sites."""
    by_well = sites.groupby(schema.WELL, sort=True)
    return pd.concat(
        [by_well[[schema.ROLE, schema.COMPOUND]].first(), by_well[list(columns)].median()], axis=1
    ).reset_index()


def _brightness(wells: pd.DataFrame, channels: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give medians over control wells (all wells, where there is none), in counts before and levels after."""
    controls = wells[wells[schema.ROLE].astype(object) == schema.ROLE_NEGATIVE]
    part, which = (controls, "negcon") if len(controls) else (wells, "all")
    entries = {}
    for channel in channels:
        (low, high), scale = facts["windows"][channel], facts["levels"][channel]["scale"]
        entries[channel] = {
            "before": _median(part[schema.quality("corrected_mean", channel)]),
            "after": _median(part[STORED_LEVEL + channel]),
            "structures_before": scale,
            "structures_after": round(255 * scale / (high - low), 3),
        }
    cells = _median(part[schema.quality(CELLS)])
    return {"wells": which, "n_wells": len(part), CELLS: cells, "channels": entries}


def _median(values: "pd.Series[float]") -> float | None:
    middle = values.median()
    return None if pd.isna(middle) else round(float(middle), 3)


def _spread(values: Sequence[float | None]) -> float | None:
    known = np.array([value for value in values if value is not None], np.float64)
    if len(known) < 2 or not known.mean() > 0:
        return None
    return round(float(known.std(ddof=1) / known.mean()), 5)


def _order(measures: Mapping[str, Sequence[float | None]]) -> list[dict[str, Any]]:
    known = {name: values for name, values in measures.items() if None not in values and len(values) >= MIN_PLATES}
    if not known:
        return []
    values = np.array(list(known.values()), np.float64).T
    p = order_p(values, np.arange(len(values), dtype=np.float64), SEED)
    change = median_slope(values) * (len(values) - 1) / np.maximum(np.median(values, axis=0), 1e-9)
    return [
        {
            "measure": name, "test": "order", "n_plates": len(values), "effect": round(float(change[i]), 5),
            "p": round(float(p[i]), 6), "q": round(q, 6), "found": q <= FOUND,
        }
        for i, (name, q) in enumerate(zip(known, adjust_p(p.tolist()), strict=True))
    ]  # fmt: skip
