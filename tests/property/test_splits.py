"""What holds for every split of every plate."""

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kinfast import schema
from kinfast.data.groups import group_sites
from kinfast.data.labels import LabelledSites, select_labels
from kinfast.data.leaks import check_leaks
from kinfast.data.splits import make_split
from kinfast.errors import InputError, SplitError

LEVELS = st.sampled_from(["image", "well", "plate", "compound"])


@st.composite
def plates(draw: st.DrawFn) -> tuple[pd.DataFrame, LabelledSites]:
    """Some plates of wells with 1 to 3 sites, each well with one of some compounds, some sites flagged."""
    n_compounds = draw(st.integers(4, 9))
    rows = []
    for plate in range(draw(st.integers(1, 4))):
        for well in range(draw(st.integers(4, 8))):
            compound = draw(st.integers(0, n_compounds))
            for site in range(1, draw(st.integers(1, 3)) + 1):
                rows.append((f"P{plate}", f"B{well + 1:02d}", site, 1, compound, draw(st.integers(0, 9)) == 0))
    table = pd.DataFrame(rows, columns=[*schema.KEY, "number", "Flag_dark"])
    table[schema.COMPOUND] = ["DMSO" if n == 0 else f"C{n}" for n in table["number"]]
    table[schema.ROLE] = np.where(table["number"] == 0, "negcon", "trt")
    table[schema.TARGET] = [None if n == 0 else f"T{n % 3}" for n in table["number"]]
    table.loc[:3, ["Flag_dark"]] = False
    table.loc[:1, schema.TARGET], table.loc[2:3, schema.TARGET] = "T0", "T1"
    try:
        return table, select_labels(table, label=schema.TARGET)
    except InputError:  # flags left nothing of a class, which training refuses
        assume(False)
        raise


def try_split(sites: pd.DataFrame, labels: LabelledSites, by: str, folds: int | None, seed: int) -> pd.DataFrame | None:
    """Split, or None where the labels do not allow it."""
    try:
        return make_split(sites, labels, by=by, folds=folds, seed=seed).frame
    except SplitError:
        return None


@settings(max_examples=60, deadline=None)
@given(plates(), LEVELS, st.sampled_from([None, 2, 3]), st.integers(0, 5))
def test_no_group_is_on_two_sides_and_every_labelled_site_is_somewhere(
    drawn: tuple[pd.DataFrame, LabelledSites], by: str, folds: int | None, seed: int
) -> None:
    sites, labels = drawn
    frame = try_split(sites, labels, by, folds, seed)
    if frame is None:
        return
    groups = group_sites(sites, by)
    for _, fold in frame.groupby(schema.FOLD):
        parts = fold[schema.PART].to_numpy()
        assert np.array_equal(parts == "unlabelled", labels.codes < 0)
        # of two or three plates, validation shares the training plates, by well: only the test part is a plate's own
        sides = np.where(parts == "validation", "train", parts) if by == "plate" else parts
        labelled = pd.DataFrame({"group": groups, "part": sides})[labels.codes >= 0]
        assert (labelled.groupby("group")["part"].nunique() == 1).all()
        assert {"train", "validation", "test"} <= set(parts)
    if by != "image":
        shared = check_leaks(frame, sites, by, allow=True).shared
        assert shared.loc[(by != "plate") | (shared["second"] == "test"), f"{by}s"].sum() == 0


@settings(max_examples=40, deadline=None)
@given(plates(), LEVELS, st.integers(2, 4), st.integers(0, 5))
def test_over_the_folds_every_labelled_site_is_tested_once(
    drawn: tuple[pd.DataFrame, LabelledSites], by: str, folds: int, seed: int
) -> None:
    sites, labels = drawn
    frame = try_split(sites, labels, by, folds, seed)
    if frame is None:
        return
    tested = frame[frame[schema.PART] == "test"].groupby(schema.KEY).size()
    expected = pd.MultiIndex.from_frame(sites.loc[labels.codes >= 0, schema.KEY])
    assert (tested == 1).all()
    assert set(tested.index) == set(expected)


@settings(max_examples=40, deadline=None)
@given(plates(), LEVELS, st.sampled_from([None, 2]), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(
    drawn: tuple[pd.DataFrame, LabelledSites], by: str, folds: int | None, random: object
) -> None:
    sites, labels = drawn
    order = list(range(len(sites)))
    random.shuffle(order)  # type: ignore[attr-defined]
    moved = sites.iloc[order].reset_index(drop=True)
    first = try_split(sites, labels, by, folds, 7)
    second = try_split(moved, select_labels(moved, label=schema.TARGET), by, folds, 7)
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        columns = [*schema.KEY, schema.FOLD, schema.PART]
        one, other = (frame.sort_values(columns)[columns].reset_index(drop=True) for frame in (first, second))
        assert one.equals(other)
