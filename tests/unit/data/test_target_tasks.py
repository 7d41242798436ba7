"""Tasks of targets: sets with unknown members, kinase groups, selectivity tables, classes of few compounds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.config import PROFILE_UM
from kinfast.data.labels import select_labels
from kinfast.data.profile import read_profile, select_profile
from kinfast.data.target_sets import large_classes, select_target_sets
from kinfast.errors import InputError, UsageError


def make(rows: list[tuple[str, str | None, str]]) -> pd.DataFrame:
    """One site a compound: name, target, role."""
    frame = pd.DataFrame(rows, columns=[schema.COMPOUND, schema.TARGET, schema.ROLE])
    frame[schema.PLATE], frame[schema.SITE], frame[schema.TIMEPOINT] = "P1", 1, 1
    frame[schema.WELL] = [f"B{index + 2:02d}" for index in range(len(frame))]
    return frame


SITES = make(
    [
        ("DMSO", None, "negcon"),
        ("a", "EGFR", "trt"),
        ("b", "VEGrFR,EGFR", "trt"),
        ("c", "EGFR|JAK?", "trt"),
        ("d", "JAK|?", "trt"),
        ("e", "Nonsense word", "trt"),
        ("f", None, "trt"),
    ]
)


def test_sets_of_targets_with_what_is_not_known() -> None:
    labels = select_target_sets(SITES)
    assert labels.class_names == ("EGFR", "JAK", "VEGFR")
    nan = np.nan
    expected = [[0, 0, 0], [1, 0, 0], [1, 0, 1], [1, nan, 0], [nan, 1, nan], [nan] * 3, [nan] * 3]
    np.testing.assert_array_equal(labels.multi_hot, expected)
    assert labels.labelled.tolist() == [True] * 5 + [False] * 2
    assert labels.members(0).tolist() == [False, True, True, True, False, False, False]
    assert np.isfinite(labels.class_weights(np.arange(5))).all()


def test_groups_of_kinases() -> None:
    sites = make(
        [
            ("DMSO", None, "negcon"),
            ("a", "EGFR|BTK", "trt"),
            ("b", "CDK", "trt"),
            ("c", "CDK,AuroraKinase", "trt"),
            ("d", "S1PReceptor", "trt"),
        ]
    )
    labels = select_labels(sites, task="target-group")
    assert labels.class_names == ("CMGC", "TK", "control", "non-kinase")
    assert labels.class_of_sites() == ["control", "TK", "CMGC", None, "non-kinase"]


def test_classes_of_few_compounds_are_named() -> None:
    sites = make([("DMSO", None, "negcon"), ("a", "EGFR", "trt"), ("b", "EGFR", "trt"), ("c", "JAK", "trt")])
    kept, line = large_classes(sites, select_labels(sites, task="target"), 2)
    assert kept == ("EGFR", "control")
    assert "1 of 3 (JAK 1)" in line


def write(folder: Path, text: str) -> Path:
    path = folder / "profile.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_percent_inhibition_becomes_fractions(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, "Compound,EGFR,JAK2,note\nA HCl,95,-3,x\nb,,104,y\n"))
    assert profile.kind == "inhibition"
    assert profile.kinases == ("EGFR", "JAK2")
    np.testing.assert_allclose(profile.values, [[0.95, 0.0], [np.nan, 1.0]])


def test_percent_left_is_the_rest(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, "name,EGFR,JAK2\na,10,100\n"), "remaining")
    np.testing.assert_allclose(profile.values, [[0.9, 0.0]])


def test_a_kd_becomes_an_occupancy(tmp_path: Path) -> None:
    """Half the sites are taken where the Kd equals the concentration."""
    profile = read_profile(write(tmp_path, f"name,EGFR,JAK2\na,{PROFILE_UM * 1000:g},>10000\nb,1,\n"))
    assert profile.kind == "kd"
    np.testing.assert_allclose(profile.values, [[0.5, 0.0], [PROFILE_UM / (PROFILE_UM + 1e-3), np.nan]])


def test_sites_get_their_compounds_row(tmp_path: Path) -> None:
    path = write(tmp_path, "Compound,EGFR,JAK2,ABL1,SRC\nA hydrochloride,90,5,,0\nb,10,80,60,0\nzz,99,99,99,99\n")
    labels, lines = select_profile(SITES, read_profile(path))
    assert labels.class_names == ("ABL1", "EGFR", "JAK2")
    assert labels.soft
    nan = np.nan
    np.testing.assert_allclose(labels.multi_hot[:4], [[0, 0, 0], [nan, 0.9, 0.05], [0.6, 0.1, 0.8], [nan] * 3])
    assert labels.labelled.tolist() == [True, True, True, False, False, False, False]
    assert "2 of 6 compounds have a row" in lines[0]


def test_errors_of_profiles(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no compound of the store"):
        select_profile(SITES, read_profile(write(tmp_path, "name,E,J\nzz,1,99\n")))
    with pytest.raises(InputError, match="1 columns of numbers"):
        read_profile(write(tmp_path, "name,E\na,1\n"))
    with pytest.raises(UsageError, match="selectivity kind"):
        read_profile(write(tmp_path, "name,E,J\na,1,2\n"), "ic50")
