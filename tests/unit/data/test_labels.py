"""Labels: classes, who is left out, several labels a site."""

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.data.labels import parse_classes, select_labels
from kinfast.data.multilabel import select_multi_labels
from kinfast.errors import InputError, UsageError


def test_a_class_list_is_one_csv_row() -> None:
    assert parse_classes('"VEGrFR,Src",mTOR') == ("VEGrFR,Src", "mTOR")
    assert parse_classes(' EGFR , "a ""b""" ') == ("EGFR", 'a "b"')
    assert parse_classes("") == ()


def test_the_task_role_is_negcon_against_trt(sites: pd.DataFrame) -> None:
    sites.loc[:3, schema.ROLE] = "poscon"
    labels = select_labels(sites, task="role")
    assert labels.class_names == ("negcon", "trt")
    assert (labels.codes[:4] == -1).all()
    known = sites[schema.ROLE].map({"negcon": 0, "trt": 1, "poscon": -1})
    assert np.array_equal(labels.codes, known)


def test_the_task_target_has_the_controls_as_a_class(sites: pd.DataFrame) -> None:
    labels = select_labels(sites, task="target")
    assert labels.class_names == ("EGFR", "VEGrFR,Src", "control")
    assert (labels.codes == 2).sum() == (sites[schema.ROLE] == "negcon").sum()


def test_a_treated_site_without_target_is_unlabelled(sites: pd.DataFrame) -> None:
    sites.loc[sites[schema.COMPOUND] == "C1", schema.TARGET] = None
    sites.loc[sites[schema.COMPOUND] == "C2", schema.TARGET] = "  "
    labels = select_labels(sites, task="target")
    assert (labels.codes[sites[schema.COMPOUND].isin(["C1", "C2"])] == -1).all()
    assert not labels.excluded.any()


def test_classes_named_with_commas(sites: pd.DataFrame) -> None:
    labels = select_labels(sites, label=schema.TARGET, classes='"VEGrFR,Src",EGFR')
    assert labels.class_names == ("EGFR", "VEGrFR,Src")
    assert (labels.codes[sites[schema.ROLE] == "negcon"] == -1).all()


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (np.tile([10.0, 0.1, np.nan, 6.0], 8), ("0.1", "10", "6")),
        (np.tile([1, 2], 16), ("1", "2")),
        (np.tile([True, False], 16), ("False", "True")),
        (pd.Categorical(["b", "a"] * 16), ("a", "b")),
        (pd.array([1, None] * 8 + [2, None] * 8, dtype="Int64"), ("1", "2")),
        (np.tile([1234567.0, 1234568.0], 16), ("1234567", "1234568")),
    ],
)
def test_any_column_can_be_a_label(sites: pd.DataFrame, values: object, names: tuple[str, ...]) -> None:
    sites["Metadata_Any"] = values
    assert select_labels(sites, label="Metadata_Any").class_names == names


def test_flagged_sites_are_left_out_and_counted(sites: pd.DataFrame) -> None:
    treated = sites.index[sites[schema.TARGET] == "EGFR"]
    sites.loc[treated[0], ["Flag_blank", "Flag_dark"]] = True
    sites.loc[treated[1], "Flag_few_cells"] = True
    sites.loc[treated[2], schema.FLAG_EXCLUDED] = True
    labels = select_labels(sites, task="target")
    assert labels.codes[treated[:3]].tolist() == [-1, 0, -1]
    assert labels.excluded.sum() == 2
    assert labels.taken.loc["EGFR"].to_dict() == {
        "sites": 12, "kept": 10, "excluded": 2, "Flag_blank": 1, "Flag_dark": 1, schema.FLAG_EXCLUDED: 1,
    }  # fmt: skip
    assert labels.taken.loc["control", "excluded"] == 0
    assert [labels.class_of_sites()[i] for i in treated[:3]] == ["EGFR"] * 3


def test_the_flags_that_exclude_can_be_chosen(sites: pd.DataFrame) -> None:
    sites["Flag_few_cells"] = sites[schema.COMPOUND] == "C1"
    assert select_labels(sites, task="target", excluded_flags=["Flag_few_cells"]).excluded.sum() == 4
    assert not select_labels(sites, task="target").excluded.any()
    with pytest.raises(UsageError, match="no flag Flag_drak; there are Flag_blank"):
        select_labels(sites, task="target", excluded_flags=["Flag_drak"])


def test_a_class_that_flags_take_wholly_is_refused(sites: pd.DataFrame) -> None:
    sites["Flag_dark"] = sites[schema.TARGET] == "EGFR"
    for asked in ({"task": "target"}, {"label": schema.TARGET, "classes": ["EGFR", "VEGrFR,Src"]}):
        with pytest.raises(
            InputError, match=r"no site of class 'EGFR': 12 left out \(12 dark\); --policy dark=only-rep"
        ):
            select_labels(sites, **asked)
    assert select_labels(sites, task="target", excluded_flags=[]).class_names == ("EGFR", "VEGrFR,Src", "control")


def test_one_of_several_labels_that_flags_take_wholly_is_refused(sites: pd.DataFrame) -> None:
    sites["Flag_dark"] = sites[schema.TARGET] == "EGFR"
    with pytest.raises(InputError, match="no site of class 'EGFR'"):
        select_multi_labels(sites, schema.TARGET, separator=",")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"label": "Metadata_Colour"}, "no column 'Metadata_Colour'.*Metadata_Compound"),
        ({"task": "dose"}, "task 'dose' is unknown"),
        ({}, "or a label column: give one"),
        ({"label": schema.ROLE, "task": "role"}, "or a label column: give one"),
        ({"label": schema.TARGET, "classes": "EGFR,PLK"}, "no site has Metadata_Target 'PLK'; there are EGFR, VEGrFR"),
    ],
)
def test_what_cannot_be_selected(sites: pd.DataFrame, asked: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        select_labels(sites, **asked)


def test_one_class_is_nothing_to_learn(sites: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"1 class with usable sites \(EGFR\)"):
        select_labels(sites, label=schema.TARGET, classes=["EGFR"])


def test_class_weights_balance_what_is_present(sites: pd.DataFrame) -> None:
    labels = select_labels(sites, task="target")
    rows = np.flatnonzero(labels.codes >= 0)
    weights = labels.class_weights(rows)
    # 12, 12 and 8 of 32 sites: 32 / (3 * 12) and 32 / (3 * 8)
    assert weights == pytest.approx([32 / 36, 32 / 36, 32 / 24])
    assert labels.class_weights(rows[labels.codes[rows] != 0])[0] == 0


def test_several_columns_of_zero_and_one_are_classes(sites: pd.DataFrame) -> None:
    sites["EGFR"] = np.tile([1, 1, 0, 0], 8)
    sites["Src"] = pd.array([1, 0, None, 0] * 8, dtype="Int64")
    sites.loc[0, ["EGFR", "Src"]] = None
    labels = select_multi_labels(sites, ["EGFR", "Src"])
    assert labels.class_names == ("EGFR", "Src")
    assert labels.multi_hot is not None
    np.testing.assert_array_equal(labels.multi_hot[4:8], [[1, 1], [1, 0], [0, np.nan], [0, 0]])  # empty: not known
    # unknown in every column: unlabelled; none of them: labelled, with a stratum of its own; else the rarest
    assert labels.codes[[0, 4, 5, 7]].tolist() == [-1, 1, 0, 2]
    assert labels.targets(np.array([4])).dtype == np.float32


@pytest.mark.parametrize("kind", [list, set, tuple, np.array])
def test_a_column_of_sets(sites: pd.DataFrame, kind: type) -> None:
    sets: list[object] = [kind(["Src", "VEGrFR"]), kind(["Src"]), None, kind([])] * 8
    sites["targets"] = pd.Series(sets, dtype=object)
    labels = select_multi_labels(sites, "targets")
    assert labels.class_names == ("Src", "VEGrFR")
    assert labels.multi_hot is not None
    assert labels.multi_hot[:2].tolist() == [[1, 1], [1, 0]]
    assert labels.codes[:4].tolist() == [1, 0, -1, -1]


def test_text_is_split_at_its_separator_and_flags_exclude(sites: pd.DataFrame) -> None:
    sites.loc[sites.index[-6:], "Flag_blank"] = True
    labels = select_multi_labels(sites, schema.TARGET, separator=",", classes=["Src", "EGFR"])
    assert labels.class_names == ("EGFR", "Src")
    assert labels.multi_hot is not None
    assert labels.multi_hot.sum(axis=0).tolist() == [12, 12]
    assert labels.excluded.sum() == 4
    assert (labels.codes[sites[schema.ROLE] == "negcon"] == -1).all()
