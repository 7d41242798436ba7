"""What a run decides before it computes."""

from dataclasses import replace

import numpy as np
import pytest

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import LeakError, UsageError
from kinfast.train.plan import default_steps, make_plan, training_rows


def test_many_sites_are_taken_once() -> None:
    assert default_steps(12_300, 32, (256, 341), 224) == 385


def test_few_sites_give_as_many_crops_as_they_have_room_for() -> None:
    assert default_steps(14, 16, (512, 512), 128) == 14  # 16 crops a site


def test_an_epoch_of_several_crops_stays_short() -> None:
    assert default_steps(2000, 32, (512, 512), 128) == 100


def test_rows_are_repeated_as_an_epoch_needs_them() -> None:
    rows = np.array([3, 5, 9], np.int64)
    assert training_rows(rows, batch_size=2, steps=2).tolist() == [3, 5, 9]
    assert training_rows(rows, batch_size=2, steps=4).tolist() == [3, 5, 9, 3, 5, 9, 3, 5]
    assert training_rows(rows, batch_size=2, steps=1).tolist() == [3, 5, 9]


def test_the_bare_command_learns_targets_and_says_what_it_chose(learnable: PreparedStore) -> None:
    plan = make_plan(learnable, TrainConfig(weights="none", device="cpu"))
    assert plan.labels.class_names == ("EGFR", "Src,Abl", "control")
    assert (plan.split.by, plan.input_size, plan.loss) == ("compound", 32, "cross_entropy")
    assert [stream.name for stream in plan.composites] == ["one", "two"]
    said = "\n".join(plan.notes)
    assert "task target" in said
    assert "3 classes of Metadata_Target (sites): EGFR 12, Src,Abl 12, control 12; 0 sites are unlabelled" in said
    assert "split by compound: all wells and doses of a compound are on one side" in said
    assert "train and test share 0 wells, 0 compounds" in said


def test_a_flag_takes_sites_and_the_plan_says_from_which_class(learnable: PreparedStore, quick: TrainConfig) -> None:
    sites = learnable.sites.copy()
    sites.loc[sites[schema.WELL] == "B01", "Flag_dark"] = True
    flagged = replace(learnable, sites=sites)
    plan = make_plan(flagged, quick)
    assert any(line.split() == ["negcon", "12", "2", "2"] for line in plan.notes)  # sites, excluded, dark
    parts = plan.split.frame.loc[plan.split.frame[schema.WELL] == "B01", schema.PART]
    assert set(parts) == {schema.PART_UNLABELLED}


def test_a_leak_needs_leave(learnable: PreparedStore, quick: TrainConfig) -> None:
    with pytest.raises(LeakError, match="wells are in both"):
        make_plan(learnable, replace(quick, split_by="image"))
    plan = make_plan(learnable, replace(quick, split_by="image", allow_leak=True))
    assert any("train and test share" in line and "share 0 wells" not in line for line in plan.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"batch_size": 0}, "batch size 0"),
        ({"steps_per_epoch": 0}, "0 steps per epoch"),
        ({"patience": -1}, "patience -1"),
        ({"input_size": 33}, "input size 33 does not fit"),
        ({"composites": ("nought",)}, "what can be built"),
        ({"optimizer": "lion"}, "no optimizer 'lion'"),
        ({"device": "abacus"}, "device 'abacus' is unknown"),
    ],
)
def test_nonsense_is_refused_before_anything_is_computed(
    learnable: PreparedStore, quick: TrainConfig, change: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        make_plan(learnable, replace(quick, **change))


def test_a_store_without_labels_says_what_to_do(learnable: PreparedStore) -> None:
    bare = replace(learnable, sites=learnable.sites.drop(columns=[schema.TARGET, schema.ROLE]))
    with pytest.raises(UsageError, match=r"neither targets nor roles.*--metadata"):
        make_plan(bare, TrainConfig(weights="none", device="cpu"))
