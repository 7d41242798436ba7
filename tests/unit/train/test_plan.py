"""What a run decides before it computes."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import LeakError, UsageError
from kinfast.train.assemble import assemble_fold
from kinfast.train.planning.no_effect import no_effect_lines
from kinfast.train.planning.plan import default_steps, make_plan, training_rows
from kinfast.train.processes.ranks import Ranks
from kinfast.train.stepping.losses import BINARY_CROSS_ENTROPY


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
    assert any(line.split() == ["negcon", "12", "2", "dark", "2"] for line in plan.notes)  # sites, excluded, for what
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
        ({"ema": 1.0}, r"ema 1.0: wanted 0 \(none\) to below 1"),
        ({"accumulate": 9}, "accumulate 9: wanted 1 to the 8 sites"),
        ({"accumulate": 2, "compile": "graphs"}, "CUDA graphs overwrite them"),
        ({"checkpoint_activations": True, "compile": "kernels"}, "goes with --compile none only"),
        ({"focal": -1.0}, "focal -1.0, logit adjustment 0.0: wanted 0"),
        ({"mixup": -0.1}, "mixup -0.1"),
        ({"class_weights": True, "balanced_sampling": True}, "--class-weights and --balanced-sampling each even out"),
        ({"logit_adjustment": 1.0, "balanced_sampling": True}, "--balanced-sampling and --logit-adjustment each"),
        ({"logit_adjustment": 1.0, "head": "thesis"}, "--logit-adjustment is of softmax and cross-entropy"),
        ({"freeze_epochs": 1}, "--freeze-epochs would keep backbones random"),
        ({"freeze_epochs": 4, "weights": "imagenet"}, "freeze epochs 4: wanted 0 to the 3"),
        ({"layer_decay": 0.0}, "layer decay 0.0: wanted above 0 to 1"),
        ({"init": "magic"}, "init 'magic' is unknown"),
        ({"init": "keras", "weights": "imagenet"}, "--init keras draws weights that --weights imagenet brings"),
        ({"device": "abacus"}, "device 'abacus' is unknown"),
        ({"compile": "graphs"}, "CUDA graphs are of NVIDIA's GPUs, the device is cpu; wanted kernels"),
        ({"seed": -1}, "seed -1: wanted 0 or more"),
        ({"schedule": "linear"}, "no schedule 'linear'"),
        ({"warmup_epochs": math.inf}, "inf epochs of warm-up: wanted 0 or more"),
        ({"learning_rate": 0.0}, "--learning-rate 0: wanted a number above 0"),
        ({"learning_rate": -1.0}, "--learning-rate -1: wanted a number above 0"),
        ({"switch_to": "sgd", "switch_epoch": 1, "switch_learning_rate": math.nan}, "--switch-lr nan: wanted"),
        ({"clip_norm": math.nan}, "clip norm nan: wanted 0 or more"),
        ({"checkpoint_minutes": math.nan}, "checkpoint every nan minutes"),
        ({"focal": math.inf}, "focal inf"),
        ({"mixup": math.inf}, "mixup inf"),
        ({"noise": math.inf}, "noise is inf"),
        ({"scale": (1.0, math.inf)}, "scale is 1.0 to inf"),
        ({"optimizer_parameters": ("betas=0.9/1.5",)}, "adam does not take these parameters: Invalid beta parameter"),
        ({"optimizer": "sgd", "momentum": 0.0, "optimizer_parameters": ("nesterov=true",)}, "Nesterov momentum"),
    ],
)
def test_nonsense_is_refused_before_anything_is_computed(
    learnable: PreparedStore, quick: TrainConfig, change: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        make_plan(learnable, replace(quick, **change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"head": "thesis", "label_smoothing": 0.2}, "label smoothing 0.2 has no effect: it is of softmax"),
        ({"precision": "bf16"}, "bfloat16 is slower than float32 here"),
    ],
)
def test_what_has_no_effect_is_said(
    learnable: PreparedStore, quick: TrainConfig, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr("kinfast.train.planning.no_effect.instruction_sets", lambda: ("avx2", ["scalar", "avx2"]))
    assert not any("has no effect" in line or "slower" in line for line in make_plan(learnable, quick).notes)
    notes = make_plan(learnable, replace(quick, **change)).notes
    assert [line for line in notes if line.startswith(said)]


def test_the_fewest_sites_at_once_are_those_of_the_smallest_piece(learnable: PreparedStore, quick: TrainConfig) -> None:
    plan = make_plan(learnable, replace(quick, batch_size=8, accumulate=3, steps_per_epoch=1))
    sites = [plan.epoch_sites(fold, learnable.image_size) for fold in range(2)]
    batches = [batch for n in sites for batch in np.array_split(np.arange(n), math.ceil(n / 8))]
    pieces = [piece for batch in batches for piece in np.array_split(batch, 3)]
    assert plan.fewest_sites(learnable.image_size) == min(map(len, pieces))
    shared = replace(plan, ranks=Ranks(size=4))
    parts = [len(part) for batch in batches for part in np.array_split(batch, 4)]
    assert shared.fewest_sites(learnable.image_size) == min(parts) // min(3, min(parts))


def test_soft_targets_are_not_weighed_by_class(learnable: PreparedStore, quick: TrainConfig) -> None:
    plan = make_plan(learnable, replace(quick, class_weights=True))
    soft = replace(plan.labels, soft=True)
    assert not replace(plan, labels=soft).weighs_classes  # and config.json says so
    lines = no_effect_lines(plan.config, BINARY_CROSS_ENTROPY, soft, plan.precision)
    assert any(line.startswith("--class-weights has no effect") for line in lines)


def test_classes_are_weighed_unless_their_sizes_are_evened_out_otherwise(
    learnable: PreparedStore, quick: TrainConfig
) -> None:
    sites = learnable.sites.copy()
    sites.loc[sites[schema.WELL].isin(["B01", "B04"]), schema.ROLE] = "poscon"
    uneven = replace(learnable, sites=sites)
    plain = make_plan(uneven, quick)
    weights = plain.class_weights(0)
    assert weights is not None
    assert weights[0] > 1 > weights[1]
    balanced = make_plan(uneven, replace(quick, balanced_sampling=True))
    assert balanced.class_weights(0) is None
    assert any(
        line.startswith("fold 0: balanced sampling: an epoch is 32 sites, 16 of each of 2") for line in balanced.notes
    )
    adjusted = make_plan(uneven, replace(quick, logit_adjustment=2.0))
    assert adjusted.class_weights(0) is None
    shift, rows = adjusted.logit_shift(0), adjusted.split.rows(0, "train")
    assert shift is not None
    shares = np.bincount(adjusted.labels.codes[rows]) / len(rows)
    np.testing.assert_allclose(shift, 2 * np.log(shares), rtol=1e-6)
    assert make_plan(uneven, replace(quick, class_weights=False)).class_weights(0) is None


def test_only_training_is_mixed(learnable: PreparedStore, quick: TrainConfig) -> None:
    plan = make_plan(learnable, replace(quick, mixup=0.4))
    fold = assemble_fold(learnable, replace(plan, learning_rate=1e-3), 0, None, threads=1)
    training, validation = next(iter(fold.training.epoch(0))), next(iter(fold.validation.epoch(0)))  # type: ignore[union-attr]
    assert training.targets is not None
    assert validation.targets is not None
    assert (training.targets.ndim, validation.targets.ndim) == (2, 1)
    assert ((training.targets > 0) & (training.targets < 1)).any()


def test_a_store_without_labels_says_what_to_do(learnable: PreparedStore) -> None:
    bare = replace(learnable, sites=learnable.sites.drop(columns=[schema.TARGET, schema.ROLE]))
    with pytest.raises(UsageError, match=r"neither targets nor roles.*--metadata"):
        make_plan(bare, TrainConfig(weights="none", device="cpu"))
