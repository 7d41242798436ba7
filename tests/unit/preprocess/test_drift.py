"""Rank tests against SciPy's, drift that is planted and drift that is not there, Z'."""

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.domain import well_name
from kinfast.preprocess.drift import find_drift, median_slope
from kinfast.preprocess.rank_tests import adjust_p, group_p, order_p
from kinfast.preprocess.z_prime import find_z_primes, z_prime

MEASURES = {"cells": "cells", "DNA": "dna"}
stats = pytest.importorskip("scipy.stats")


def test_p_values_are_scipys() -> None:
    rng = np.random.default_rng(1)
    values = np.round(rng.normal(size=(40, 6)), 1)  # rounded: with ties
    values[:, 0] += np.arange(40) / 15
    groups = np.arange(40) % 4
    values[groups == 2, 1] += 1.2
    # 999 draws err by sqrt(p (1 - p) / 999), at most 0.016: four of it; the distributions' own approximation 0.01 more
    order = [stats.spearmanr(column, np.arange(40)).pvalue for column in values.T]
    np.testing.assert_allclose(order_p(values, np.arange(40.0)), order, atol=0.075)
    kruskal = [stats.kruskal(*(column[groups == g] for g in range(4))).pvalue for column in values.T]
    np.testing.assert_allclose(group_p(values, groups), kruskal, atol=0.075)
    mann = [stats.mannwhitneyu(column[groups == 2], column[groups != 2]).pvalue for column in values.T]
    np.testing.assert_allclose(group_p(values, (groups == 2).astype(np.int64)), mann, atol=0.075)
    assert order_p(values, np.arange(40.0))[0] < 0.01
    np.testing.assert_allclose(
        adjust_p([0.01, 0.9, 0.02, 0.03]), stats.false_discovery_control([0.01, 0.9, 0.02, 0.03])
    )


def test_what_does_not_vary_is_no_finding() -> None:
    assert order_p(np.ones((9, 1)), np.arange(9.0)).tolist() == [1]
    assert group_p(np.ones((9, 1)), np.arange(9) // 3).tolist() == [1]
    assert adjust_p([]) == []


def test_the_median_slope_is_not_moved_by_a_few_wells() -> None:
    values = np.arange(20.0)[:, None] * 0.5
    values[[3, 17], 0] = 99, -99
    assert median_slope(values) == pytest.approx(0.5)


def draw_wells(seed: int, rows: int = 8, columns: int = 12) -> pd.DataFrame:
    """A plate of which every third well is a control, with well-to-well spread of 12 % and no drift."""
    rng = np.random.default_rng(seed)
    names = [well_name(r, c) for r in range(1, rows + 1) for c in range(1, columns + 1)]
    table = pd.DataFrame({schema.WELL: names, "cells": rng.poisson(300, len(names)).astype(float)})
    table["dna"] = 900 * np.exp(rng.normal(0, 0.12, len(names)))
    control = rng.permutation(len(names)) < len(names) // 3
    table[schema.ROLE] = np.where(control, "negcon", "trt")
    return table


def found(wells: pd.DataFrame) -> set[tuple[str, str]]:
    return {(t["measure"], t["test"]) for t in find_drift(wells, MEASURES) if t["found"]}


def test_a_plate_without_drift_has_none_in_nineteen_of_twenty_cases() -> None:
    alarms = sum(bool(found(draw_wells(seed))) for seed in range(60))
    # at most 5 % of such plates: more than 8 of 60 has a probability below 0.2 % (binomial)
    assert alarms <= 8


@pytest.mark.parametrize("kind", ["order", "rows", "columns", "edge"])
def test_planted_drift_is_found(kind: str) -> None:
    """Of 80 % from end to end, on 32 controls with 12 % spread. Of 30 plates, at 40 %: 27, 24, 12, 30 are found."""
    hits = 0
    for seed in range(10):
        wells = draw_wells(seed)
        row, column = np.divmod(np.arange(96), 12)
        strength = {
            "order": np.arange(96) / 95,
            "rows": row / 7,
            "columns": column / 11,
            "edge": ((row % 7 == 0) | (column % 11 == 0)).astype(float),
        }[kind]
        wells["dna"] *= 1 + 0.8 * strength
        hits += ("DNA", kind) in found(wells)
    assert hits >= 8


def test_controls_that_cannot_tell_leave_the_test_to_all_wells() -> None:
    wells = draw_wells(0)
    wells[schema.ROLE] = ["negcon" if name.endswith("02") else "trt" for name in wells[schema.WELL]]
    used = {test["test"]: test["wells"] for test in find_drift(wells, MEASURES)}
    assert used == {"order": "negcon", "rows": "all", "columns": "all", "edge": "all"}
    assert find_drift(wells.head(7), MEASURES) == []
    inner = wells[[n[0] not in "AH" and n[1:] not in ("01", "12") for n in wells[schema.WELL]]]
    assert "edge" not in {test["test"] for test in find_drift(pd.concat([inner, wells.head(1)]), MEASURES)}


def test_z_prime_is_zhangs() -> None:
    high, low = np.array([98.0, 100, 102]), np.array([9.0, 10, 11])
    assert z_prime(high, low) == pytest.approx(1 - 3 * (2 + 1) / 90, abs=1e-5)
    assert z_prime(low, low) is None


def test_each_positive_control_has_its_own() -> None:
    wells = pd.DataFrame(
        {
            schema.ROLE: ["negcon"] * 4 + ["poscon"] * 7,
            schema.COMPOUND: ["DMSO"] * 4 + ["A"] * 4 + ["B"] * 3,
            "cells": [10.0, 11, 9, 10, 90, 91, 89, 90, 12, 14, 10],
            "dna": [1.0, 2, 3, 4, 1, 2, 3, 4, 50, 51, 52],
        }
    )
    a, b = find_z_primes(wells, MEASURES)
    assert (a["positive"], a["n_positive"], a["n_negative"], a["best"]) == ("A", 4, 4, "cells")
    assert (b["best"], a["measures"]["DNA"]) == ("DNA", None)
    assert find_z_primes(wells.head(6), MEASURES) == []
