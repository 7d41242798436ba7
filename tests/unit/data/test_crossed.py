"""Repeated, crossed and held-out splits, merged stores: who is where, and who never is."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.data.groups import group_sites
from kinfast.data.labels import select_labels
from kinfast.data.leaks import check_leaks
from kinfast.data.merged import STORES, merge_stores, open_stores, store_lines
from kinfast.data.splits import make_split
from kinfast.data.store import PreparedStore
from kinfast.errors import SplitError, StoreError

Tables = Callable[[Sequence[str]], pd.DataFrame]


def test_repeats_deal_out_anew_and_the_first_is_as_without(sites_of: Tables) -> None:
    sites = sites_of(["P1", "P2", "P3"])
    labels = select_labels(sites, task="target")
    once = make_split(sites, labels, by="well", folds=3, seed=4)
    thrice = make_split(sites, labels, by="well", folds=3, repeats=3, seed=4)
    assert thrice.n_folds == 9
    pd.testing.assert_frame_equal(thrice.frame.iloc[: len(once.frame)], once.frame)
    tests = [[set(thrice.rows(3 * repeat + fold, "test")) for fold in range(3)] for repeat in range(3)]
    for folds in tests:
        assert set().union(*folds) == set(np.flatnonzero(labels.codes >= 0))
    assert tests[0] != tests[1] != tests[2]
    with pytest.raises(SplitError, match="0 repeats"):
        make_split(sites, labels, by="well", folds=3, repeats=0)


@pytest.mark.parametrize("folds", [None, 2, 3])
def test_crossed_folds_test_new_compounds_on_new_plates(sites_of: Tables, folds: int | None) -> None:
    sites = sites_of(["P1", "P2", "P3"])
    labels = select_labels(sites, task="target")
    split = make_split(sites, labels, by="compound-plate", folds=folds, validation_fraction=0.3)
    compounds, plates = group_sites(sites, "compound"), group_sites(sites, "plate")
    for fold in range(split.n_folds):
        test, train = split.rows(fold, "test"), split.rows(fold, "train")
        seen = np.concatenate([train, split.rows(fold, "validation")])
        assert not set(compounds[test]) & set(compounds[seen])
        assert not set(plates[test]) & set(plates[seen])
        left_out = split.rows(fold, "unlabelled")
        assert len(test) + len(seen) + len(left_out) == len(sites)
        assert len(left_out) > 0
    check_leaks(split.frame, sites, "compound-plate")
    tested = np.concatenate([split.rows(fold, "test") for fold in range(split.n_folds)])
    if folds == 3:
        assert len(set(compounds[tested])) == len(set(compounds[labels.codes >= 0]) & set(compounds[tested]))


def test_crossing_needs_two_plates(sites_of: Tables) -> None:
    sites = sites_of(["P1"])
    with pytest.raises(SplitError, match="needs two plates"):
        make_split(sites, select_labels(sites, task="target"), by="compound-plate")


def test_two_plates_get_their_validation_part_by_well(sites_of: Tables) -> None:
    sites = sites_of(["P1", "P2"])
    split = make_split(sites, select_labels(sites, task="role"), by="plate", folds=2)
    wells, plates = group_sites(sites, "well"), group_sites(sites, "plate")
    for fold in range(2):
        train, validation, test = (split.rows(fold, part) for part in ("train", "validation", "test"))
        assert len(validation)
        assert not set(wells[train]) & set(wells[validation])
        assert not set(plates[test]) & set(plates[np.concatenate([train, validation])])
    assert any("taken by well" in note for note in split.notes)
    check_leaks(split.frame, sites, "plate")


def test_the_policy_for_small_classes_is_always_said(sites_of: Tables) -> None:
    sites = sites_of(["P1", "P2"])
    split = make_split(sites, select_labels(sites, task="role"), by="well")
    assert any(note.startswith("policy for small classes: all are kept") for note in split.notes)


def test_a_second_data_set_is_tested_on_whole(sites_of: Tables) -> None:
    sites = sites_of(["P1", "P2", "P3"])
    labels = select_labels(sites, task="target")
    held = (sites[schema.PLATE] == "P3").to_numpy()
    by_plate = make_split(sites, labels, by="plate", held_out=held)
    assert set(by_plate.rows(0, "test")) == set(np.flatnonzero(held & (labels.codes >= 0)))
    assert len(by_plate.rows(0, "train"))
    # compounds of the second are all in the first too: without them there are the controls alone
    sites.loc[held & sites[schema.COMPOUND].isin(["C1", "C4"]), schema.COMPOUND] = "Cnew"
    sites = sites.drop(sites.index[held & sites[schema.COMPOUND].isin(["C2", "C3", "C5", "C6"])]).reset_index(drop=True)
    held = (sites[schema.PLATE] == "P3").to_numpy()
    sites.loc[~held & (sites[schema.COMPOUND] == "C1"), schema.COMPOUND] = "Cnew"
    split = make_split(sites, select_labels(sites, task="target"), by="compound", held_out=held)
    assert not (sites.loc[split.rows(0, "train"), schema.COMPOUND] == "Cnew").any()
    assert any("left out of the first (4 sites)" in note for note in split.notes)
    with pytest.raises(SplitError, match="--test-on"):
        make_split(sites, select_labels(sites, task="target"), by="plate", folds=3, held_out=held)


def test_merged_stores_give_each_site_its_own_pixels(
    make_store: Callable[..., PreparedStore], store: PreparedStore, sites: pd.DataFrame
) -> None:
    other = make_store(sites[sites[schema.PLATE] == "P2"].reset_index(drop=True))
    merged = merge_stores([store, other], test_only=1)
    assert len(merged.sites) == len(store.sites) + len(other.sites)
    assert set(merged.sites[schema.PLATE]) == {"P1", "prepared:P2", "made:P2"}
    channels = np.arange(len(store.channels))
    rows = np.array([3, len(store.sites) + 5, 17])
    found = merged.gather(rows, channels)
    np.testing.assert_array_equal(found[0], store.gather(np.array([3]), channels)[0])
    np.testing.assert_array_equal(found[1], other.gather(np.array([5]), channels)[0])
    np.testing.assert_array_equal(found[2], store.gather(np.array([17]), channels)[0])
    assert [part["test_only"] for part in merged.dataset[STORES]] == [False, True]
    assert "tested on only" in store_lines(merged)[1]


def test_stores_that_do_not_fit_are_refused(
    make_store: Callable[..., PreparedStore], store: PreparedStore, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="same spec and --size"):
        merge_stores([store, make_store(image_size=(24, 48))])
    with pytest.raises(StoreError, match="twice"):
        open_stores([store.root, tmp_path / "prepared"])
