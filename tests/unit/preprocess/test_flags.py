"""Thresholds found from a plate, and the flags that follow."""

from typing import Any

import numpy as np
import pytest

from kinfast.errors import SpecError
from kinfast.preprocess.flags import Verdicts, flag_sites
from kinfast.preprocess.measures import CHANNEL_MEASURES, Measures
from kinfast.preprocess.thresholds import check_overrides, find_thresholds

CHANNELS = ("DNA", "ER")
DARK = {"DNA": 150.0, "ER": 150.0}
NUCLEI = (900.0, 4.0)


def make_measures(n: int, **sites: Any) -> Measures:
    """Measures of an ordinary plate; `sites` maps a measure to {(site, channel) or site: value}."""
    rng = np.random.default_rng(0)
    usual = {"min": 90.0, "max": 5000.0, "mean": 700.0, "std": 400.0, "p50": 400.0, "p99_9": 4000.0}
    usual |= {"focus": 1.2, "corrected_mean": 600.0, "corrected_std": 350.0, "saturated": 0.0}
    values = {name: usual.get(name, 300.0) * rng.lognormal(0, 0.08, (n, len(CHANNELS))) for name in CHANNEL_MEASURES}
    values |= {"level_step": np.ones((n, len(CHANNELS))), "bits": np.full((n, len(CHANNELS)), 16.0)}
    counts = rng.poisson(40, n).astype(np.float64)
    for measure, changes in sites.items():
        for where, value in changes.items():
            if measure == "cells":
                counts[where] = value
            else:
                values[measure][where] = value
    return Measures(CHANNELS, values, counts, counts / 1000, np.zeros((n, len(CHANNELS), len(CHANNELS))))


def judge(measures: Measures, **overrides: float) -> Verdicts:
    return flag_sites(measures, find_thresholds(measures, DARK, NUCLEI, overrides))


def flagged(verdicts: Verdicts) -> dict[str, list[int]]:
    return {name: np.flatnonzero(flag).tolist() for name, flag in verdicts.flags.items() if flag.any()}


def test_an_ordinary_plate_has_no_flags() -> None:
    assert flagged(judge(make_measures(300))) == {}


def test_each_fault_gets_its_flag_and_its_reason() -> None:
    verdicts = judge(
        make_measures(
            60,
            min={(1, 0): 7.0},
            max={(1, 0): 7.0},
            mean={2: 101.0},
            cells={3: 0.0, 4: 3.0},
            corrected_std={3: 9.0},
            saturated={(5, 1): 0.08},
            focus={6: 0.2},
            detail={6: 60.0},
            p99_9={(7, 0): 60000.0},
        )
    )
    assert flagged(verdicts) == {
        "Flag_blank": [1],
        "Flag_dark": [2],
        "Flag_empty": [3],
        "Flag_few_cells": [4],
        "Flag_saturated": [5],
        "Flag_blurred": [6],
        "Flag_debris": [7],
    }
    texts = verdicts.texts()
    assert texts[0] == ""
    assert texts[1] == "blank (all pixels equal): DNA"
    assert texts[2] == "dark (not lit): DNA, ER"
    assert texts[3] == "empty (no cells)"
    assert texts[4] == "few cells (3, fewer than 8)"
    assert texts[5] == "saturated: ER 8.0%"
    assert texts[6] == "blurred: DNA focus 0.2, ER focus 0.2"
    assert texts[7] == "debris (very bright): DNA"


def test_a_field_without_a_nucleus_but_with_cell_bodies_is_not_empty() -> None:
    assert "Flag_empty" not in flagged(judge(make_measures(60, cells={3: 0.0})))


def test_one_soft_channel_of_two_is_blur_and_of_many_only_when_extreme() -> None:
    assert flagged(judge(make_measures(60, focus={(6, 0): 0.3}, detail={(6, 0): 60.0})))["Flag_blurred"] == [6]


def test_blur_needs_both_measures_of_focus() -> None:
    assert flagged(judge(make_measures(60, focus={6: 0.2}))) == {}
    assert flagged(judge(make_measures(60, detail={6: 60.0}))) == {}


def test_another_grid_of_counts_or_other_bits_are_flagged() -> None:
    verdicts = judge(make_measures(60, level_step={(6, 1): 16.0}, bits={7: 12.0}))
    assert flagged(verdicts) == {"Flag_bit_depth": [6, 7]}
    assert verdicts.texts()[6] == "other bit depth than the plate: ER 16 times"


def test_few_cells_are_few_against_the_controls_where_there_are_enough() -> None:
    """On a plate where most compounds kill, the median is no longer what is usual."""
    measures = make_measures(60, cells=dict.fromkeys(range(20, 60), 5.0))
    control = np.arange(60) < 20
    assert find_thresholds(measures, DARK, NUCLEI, {}).few_cells == 1.0
    assert 7 < find_thresholds(measures, DARK, NUCLEI, {}, control).few_cells < 9
    assert find_thresholds(measures, DARK, NUCLEI, {}, np.arange(60) < 11).few_cells == 1.0


def test_what_a_flag_compares_is_there_for_every_site() -> None:
    verdicts = judge(make_measures(60, focus={6: 0.2}, detail={6: 60.0}, p99_9={(7, 0): 60000.0}))
    columns = verdicts.columns()
    assert len(columns) == 2 * len(verdicts.flags)
    for flag, side in {"blurred": -1, "debris": 1, "few_cells": -1, "saturated": 1, "dark": -1, "empty": -1}.items():
        measure, threshold = (columns[f"Quality_{flag}_{what}"] for what in ("measure", "threshold"))
        assert np.isfinite(measure).all(), flag
        beyond = side * measure > side * threshold
        assert beyond.tolist() == verdicts.flags[f"Flag_{flag}"].tolist(), flag


def test_few_sites_are_judged_by_absolute_rules_only() -> None:
    measures = make_measures(4, cells={1: 2.0, 2: 0.0}, focus={3: 0.01}, p99_9={(3, 0): 60000.0})
    assert flagged(judge(measures)) == {"Flag_empty": [2]}
    thresholds = find_thresholds(measures, DARK, NUCLEI, {}).as_json()
    assert thresholds["few_cells"] is None
    assert thresholds["blurred_DNA"] is None


def test_of_a_few_crowded_sites_none_is_empty_where_no_nucleus_stands_out() -> None:
    """Nuclei that covered most of eleven fields were taken for background, and every site for empty."""
    measures = make_measures(11, cells=dict.fromkeys(range(11), 0.0), signal_to_noise={(i, 0): 6.0 for i in range(11)})
    measures.values["signal_to_noise"][:, 1] = [15.0] * 10 + [6.0]
    crowded = find_thresholds(measures, DARK, (float("inf"), 4.0), {})
    assert flagged(flag_sites(measures, crowded)) == {"Flag_empty": [10]}


def test_without_a_nuclear_stain_texture_tells_empty_sites() -> None:
    measures = make_measures(60, corrected_std={3: 9.0, (4, 0): 9.0})
    bare = Measures(CHANNELS, measures.values, np.full(60, np.nan), np.full(60, np.nan), measures.correlations)
    assert flagged(judge(bare)) == {"Flag_empty": [3]}


def test_a_plate_without_any_site_is_no_error() -> None:
    assert flagged(judge(make_measures(0))) == {}


def test_thresholds_can_be_set_by_hand() -> None:
    measures = make_measures(60)
    verdicts = judge(measures, few_cells=1000.0, blurred_ER=99.0, dark_DNA=10000.0)
    assert verdicts.flags["Flag_dark"].all()
    assert flagged(judge(measures, few_cells=1000.0))["Flag_few_cells"] == list(range(60))
    with pytest.raises(SpecError, match="quality: sharpness is no threshold; they are nuclei_brightness, "):
        check_overrides({"sharpness": 1.0}, CHANNELS)
