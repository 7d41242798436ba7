"""Splits: levels, policies, what is refused, what is said."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.data.groups import group_sites
from kinfast.data.labels import select_labels
from kinfast.data.leaks import check_leaks
from kinfast.data.multilabel import select_multi_labels
from kinfast.data.splits import choose_level, make_split, part_rows, split_hash
from kinfast.errors import LeakError, SplitError

PARTS = ("train", "validation", "test")


def test_a_single_split_holds_the_fractions(sites_of: Callable[[Sequence[str]], pd.DataFrame]) -> None:
    sites = sites_of([f"P{n}" for n in range(10)])
    split = make_split(sites, select_labels(sites, task="role"), by="well", seed=1)
    sizes = [len(split.rows(0, part)) for part in PARTS]
    # 80 wells of two sites: 20 % test, then 20 % of the rest, each rounded to whole wells
    assert sizes == [102, 26, 32]
    assert split.n_folds == 1
    for part in PARTS:
        negative = (sites.loc[split.rows(0, part), schema.ROLE] == "negcon").mean()
        assert negative == pytest.approx(0.25, abs=0.07)  # a quarter, to within one well of 13


def test_folds_give_every_class_to_every_test_part(sites_of: Callable[[Sequence[str]], pd.DataFrame]) -> None:
    sites = sites_of(["P1", "P2", "P3"])
    labels = select_labels(sites, task="target")
    split = make_split(sites, labels, by="well", folds=3)
    for fold in range(3):
        groups = group_sites(sites, "well")
        for code, n_wells in enumerate((9, 9, 6)):
            test = split.rows(fold, "test")
            assert len(set(groups[test[labels.codes[test] == code]])) == n_wells // 3


def test_controls_are_split_by_well_under_a_compound_split(sites: pd.DataFrame) -> None:
    groups = group_sites(sites, "compound")
    dmso = sites[schema.COMPOUND] == "DMSO"
    assert len(set(groups[dmso])) == 4
    assert set(groups[~dmso]) == {f"compound C{n}" for n in range(1, 7)}


def test_positive_controls_are_grouped_by_compound_only_where_they_are_treatments_too(sites: pd.DataFrame) -> None:
    sites.loc[sites[schema.COMPOUND].isin(["C1"]), schema.ROLE] = "poscon"
    second = (sites[schema.COMPOUND] == "C2") & (sites[schema.PLATE] == "P1")
    sites.loc[second, schema.ROLE] = "poscon"
    groups = group_sites(sites, "compound")
    assert len(set(groups[sites[schema.COMPOUND] == "C1"])) == 2
    assert set(groups[sites[schema.COMPOUND] == "C2"]) == {"compound C2"}


def test_the_inchikey_tells_compounds_apart_where_it_is_known(sites: pd.DataFrame) -> None:
    sites["Metadata_InChIKey"] = sites[schema.COMPOUND].map({"C1": "KEY", "C2": "KEY"})
    groups = group_sites(sites, "compound")
    assert set(groups[sites[schema.COMPOUND].isin(["C1", "C2"])]) == {"compound KEY"}
    assert set(groups[sites[schema.COMPOUND] == "C3"]) == {"compound C3"}


def test_the_task_compound_cannot_be_split_by_compound(sites: pd.DataFrame) -> None:
    with pytest.raises(SplitError, match="classes are the compounds themselves"):
        make_split(sites, select_labels(sites, task="compound"), by="compound")
    with pytest.raises(SplitError, match="classes are the compounds themselves"):
        make_split(sites, select_labels(sites, label=schema.COMPOUND), by="compound")


def test_the_default_is_by_compound_where_the_labels_allow_it(sites: pd.DataFrame) -> None:
    assert choose_level(sites, select_labels(sites, task="role"))[0] == "compound"
    assert choose_level(sites, select_labels(sites, task="target"))[0] == "compound"


def test_else_it_is_by_well_and_says_why(sites: pd.DataFrame) -> None:
    level, text = choose_level(sites, select_labels(sites, task="compound"))
    assert level == "well"
    assert "classes are the compounds themselves" in text
    sites.loc[sites[schema.COMPOUND] == "C1", schema.TARGET] = "PLK"
    level, text = choose_level(sites, select_labels(sites, task="target"))
    assert level == "well"
    assert "2 of 4 classes have fewer than 3 compounds (EGFR 2, PLK 1)" in text
    level, text = choose_level(sites.drop(columns=schema.COMPOUND), select_labels(sites, task="role"))
    assert level == "well"
    assert "no column Metadata_Compound" in text


def test_classes_with_too_few_groups_are_named(sites: pd.DataFrame) -> None:
    sites.loc[sites[schema.COMPOUND] == "C1", schema.TARGET] = "PLK"
    labels = select_labels(sites, task="target")
    single = make_split(sites, labels, by="compound")
    assert single.notes[0] == "1 classes have one compound only (trained on, never tested): PLK"
    assert (single.frame.loc[labels.codes == labels.class_names.index("PLK"), schema.PART] == "train").all()
    folds = make_split(sites, labels, by="compound", folds=3)
    assert folds.notes[0].startswith("1 classes have one compound only (each is tested by a model that never saw it)")
    assert folds.notes[1] == "1 classes have too few compounds to be in every part: EGFR"


def test_what_many_small_classes_cannot_give_is_not_taken_from_a_large_one(sites: pd.DataFrame) -> None:
    sites[schema.COMPOUND] = [f"C{n}" for n in range(32)]
    sites[schema.ROLE] = "trt"
    sites[schema.TARGET] = [f"T{n}" for n in range(16)] + ["big"] * 16
    split = make_split(sites, select_labels(sites, task="target"), by="compound")
    # of 16 compounds a fifth, rounded up, is tested; the 16 lone ones are trained on
    assert split.rows(0, "test").min() >= 16
    assert len(split.rows(0, "test")) == 4


def test_flagged_and_unlabelled_sites_are_in_no_part(sites: pd.DataFrame) -> None:
    sites.loc[[3, 9], "Flag_dark"] = True
    labels = select_labels(sites, label=schema.TARGET)
    split = make_split(sites, labels, by="well", folds=2)
    unlabelled = split.frame[split.frame[schema.PART] == "unlabelled"]
    assert len(unlabelled) == 2 * int((labels.codes < 0).sum())
    assert {3, 9} <= set(split.rows(1, "unlabelled").tolist())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "well", "validation_fraction": 0.0, "repeats": 0}, "0 repeats"),
        ({"by": "plate", "folds": 3}, "2 groups cannot fill 3 folds"),
        ({"by": "column"}, "split by 'column' is unknown: wanted image, well, plate, compound"),
        ({"by": "well", "folds": 0}, "0 folds"),
        ({"by": "well", "test_fraction": 1.0}, "fractions 0.2"),
    ],
)
def test_what_the_labels_do_not_allow_is_refused(sites: pd.DataFrame, options: dict[str, object], message: str) -> None:
    with pytest.raises(SplitError, match=message):
        make_split(sites, select_labels(sites, task="role"), **options)


def test_plates_can_be_split_without_a_validation_part(sites: pd.DataFrame) -> None:
    split = make_split(sites, select_labels(sites, task="role"), by="plate", folds=2, validation_fraction=0)
    assert [len(split.rows(fold, "test")) for fold in (0, 1)] == [16, 16]
    assert set(sites.loc[split.rows(0, "test"), schema.PLATE]) == {"P1"} or set(
        sites.loc[split.rows(0, "test"), schema.PLATE]
    ) == {"P2"}


def test_no_compound_column_and_no_compound_are_refused(sites: pd.DataFrame) -> None:
    with pytest.raises(SplitError, match="no column Metadata_Compound"):
        group_sites(sites.drop(columns=schema.COMPOUND), "compound")
    sites[schema.COMPOUND] = "DMSO"
    with pytest.raises(SplitError, match="names no compound"):
        group_sites(sites, "compound")


def test_another_seed_is_another_split_and_the_hash_tells(sites: pd.DataFrame) -> None:
    labels = select_labels(sites, task="target")
    one, same, other = (make_split(sites, labels, by="well", seed=seed) for seed in (0, 0, 1))
    assert one.hash == same.hash != other.hash
    assert one.hash == split_hash(one.frame.sample(frac=1, random_state=0))
    assert len(one.hash) == 16


def test_a_manifest_finds_its_sites_again(sites: pd.DataFrame) -> None:
    split = make_split(sites, select_labels(sites, task="target"), by="well", folds=2)
    assert np.array_equal(part_rows(split.frame, sites, 1, "test"), split.rows(1, "test"))
    moved = sites.iloc[::-1].reset_index(drop=True)
    found = moved.loc[part_rows(split.frame, moved, 1, "test"), schema.KEY]
    expected = sites.loc[split.rows(1, "test"), schema.KEY]
    assert set(map(tuple, found.to_numpy())) == set(map(tuple, expected.to_numpy()))
    with pytest.raises(SplitError, match="that the store lacks"):
        part_rows(split.frame, sites.iloc[:4], 1, "test")


def test_several_labels_are_stratified_by_the_rarest(sites: pd.DataFrame) -> None:
    labels = select_multi_labels(sites, schema.TARGET, separator=",")
    split = make_split(sites, labels, by="compound", folds=3)
    for fold in range(3):
        assert len(set(sites.loc[split.rows(fold, "test"), schema.COMPOUND])) == 2


def test_a_split_by_image_leaks_wells_and_must_be_allowed(sites: pd.DataFrame) -> None:
    split = make_split(sites, select_labels(sites, task="target"), by="image")
    with pytest.raises(LeakError, match=r"split by image: \d+ wells are in both train and"):
        check_leaks(split.frame, sites, "image")
    report = check_leaks(split.frame, sites, "image", allow=True)
    assert report.leaks == ("wells",)
    both = set(_wells(sites, split.rows(0, "train"))) & set(_wells(sites, split.rows(0, "test")))
    row = report.shared.query("first == 'train' and second == 'test'").iloc[0]
    assert (row["wells"], row["images"], row["plates"]) == (len(both), 0, 2)
    assert report.lines()[0].startswith(f"train and test share {len(both)} wells, ")


@pytest.mark.parametrize("by", ["well", "compound"])
def test_a_grouped_split_has_no_leak_and_counts_what_is_shared(sites: pd.DataFrame, by: str) -> None:
    split = make_split(sites, select_labels(sites, task="target"), by=by, folds=2)
    report = check_leaks(split.frame, sites, by)
    assert report.leaks == ()
    assert (report.shared["compounds"] == 0).all() == (by == "compound")
    assert len(report.shared) == 6


@pytest.mark.parametrize("by", ["well", "compound"])
def test_a_manifest_made_by_hand_is_checked(sites: pd.DataFrame, by: str) -> None:
    frame = make_split(sites, select_labels(sites, task="target"), by=by).frame.copy()
    treated = (sites[schema.ROLE] == "trt").to_numpy()
    moved = frame.index[(frame[schema.PART] == "test") & treated][0]
    frame.loc[moved, schema.PART] = "train"
    with pytest.raises(LeakError, match=rf"split by {by}: 1 {by}s are in both train and test of fold 0"):
        check_leaks(frame, sites, by)


def _wells(sites: pd.DataFrame, rows: np.ndarray) -> list[tuple[str, ...]]:
    return [tuple(row) for row in sites.loc[rows, [schema.PLATE, schema.WELL]].to_numpy()]
