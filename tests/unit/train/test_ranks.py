"""What several processes are refused and told, seen from one."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kinfast import launch
from kinfast.cli import main, options
from kinfast.config import TrainConfig
from kinfast.data.augment import AugmentationSpec
from kinfast.data.feed import Feed, LoaderSettings
from kinfast.data.shard import Shard
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError
from kinfast.models import build_model
from kinfast.train.planning.plan import make_plan
from kinfast.train.processes.ranks import ALONE, Ranks, joined_ranks, own_device
from kinfast.train.processes.shares import check_shares, norm_lines, share_lines
from kinfast.train.processes.sync_norms import SyncedBatchNorm, synchronise_norms

SECOND = Ranks(1, 4, 1, 4)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let this process seem to be one of four that torchrun started."""

    def launch_as(rank: int) -> None:
        for name, value in ((launch.RANK, rank), (launch.WORLD, 4), (launch.LOCAL_RANK, rank), (launch.LOCAL_WORLD, 4)):
            monkeypatch.setenv(name, str(value))

    return launch_as


def test_a_process_alone_is_told_its_own_words() -> None:
    values = torch.arange(3)
    with joined_ranks("cpu") as ranks:
        assert ranks is ALONE
    assert ALONE.share([1, "a"]) == [1, "a"]
    assert ALONE.whole(values, 0, 3) is values
    assert ALONE.most(3) == 3


def test_what_processes_cannot_share_is_refused(learnable: PreparedStore, quick: TrainConfig) -> None:
    said = "fold 0: 8 sites in minibatches of 2 for 4 processes, and each needs one of every minibatch"
    with pytest.raises(UsageError, match=said):
        make_plan(learnable, replace(quick, steps_per_epoch=None, batch_size=3), SECOND)
    with pytest.raises(UsageError, match="--compile graphs for 4 processes: CUDA graphs are of one"):
        share_lines(replace(quick, compile="graphs"), SECOND)


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [own_device("auto", local, 2) for local in (0, 1)] == ["cuda:0", "cuda:1"]
    assert own_device("cuda:1", 0, 1) == "cuda:1"
    assert own_device("cpu", 1, 4) == "cpu"
    with pytest.raises(UsageError, match="4 processes for 2 GPUs: each takes one; wanted torchrun --nproc-per-node 2"):
        own_device("cuda", 0, 4)
    with pytest.raises(UsageError, match="--device cuda:1 for 2 processes: wanted auto or cuda"):
        own_device("cuda:1", 0, 2)


def test_processes_of_a_machine_share_its_threads(launched: Callable[[int], None]) -> None:
    assert options.usable_threads(6) == 6
    launched(2)
    assert options.usable_threads(8) == 2
    assert options.usable_threads(1) == 1


def test_only_the_first_process_speaks(launched: Callable[[int], None], capsys: pytest.CaptureFixture[str]) -> None:
    launched(0)
    assert main._exit_code(["predict", "run", "prepared"]) == main.EXIT_INPUT
    assert capsys.readouterr().err == "kinfast: predict is for one process: torchrun is for kinfast train\n"
    assert main._exit_code(["train", "--parallel-folds", "2"]) == main.EXIT_INPUT
    assert "--parallel-folds is for one process, which starts others" in capsys.readouterr().err
    launched(3)
    assert main._exit_code(["predict", "run", "prepared"]) == main.EXIT_INPUT
    assert main._exit_code(["train", "--bogus"]) == main.EXIT_INPUT
    assert capsys.readouterr() == ("", "")


def test_synchronised_norms_say_where_they_have_no_effect(quick: TrainConfig) -> None:
    plain, normed = (build_model(name, (3,), 2) for name in ("lenet_alexnet", "mobilenet_v2"))
    synced = replace(quick, sync_bn=True)
    assert norm_lines(normed, synced, ALONE) == ["--sync-bn has no effect: one process trains"]
    assert norm_lines(plain, synced, SECOND) == ["--sync-bn has no effect: lenet_alexnet has no batch normalisation"]
    assert norm_lines(normed, synced, SECOND) == []
    (line,) = norm_lines(normed, replace(quick, batch_size=16), SECOND)
    assert line == "batch normalisation is of 4 sites of each process: --sync-bn takes the whole minibatch's"


def test_synchronised_norms_keep_names_and_values() -> None:
    model = build_model("mobilenet_v2", (3,), 2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    parameters = {id(value) for value in model.parameters()}
    synchronise_norms(model)
    assert not any(type(layer) is nn.BatchNorm2d for layer in model.modules())
    assert sum(type(layer) is SyncedBatchNorm for layer in model.modules()) == 52
    assert {id(value) for value in model.parameters()} == parameters
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_an_epoch_is_refused_exactly_where_a_process_would_have_no_site_of_a_minibatch() -> None:
    """There is no rest at an epoch's end: sizes differ by one, so that what is left of 9 sites in fours is threes."""
    refused = 0
    for n_sites, batch_size, size in itertools.product(range(1, 26), range(1, 9), range(2, 5)):
        least = min(least_share(n_sites, batch_size, Shard(rank, size)) for rank in range(size))
        try:
            check_shares([n_sites], batch_size, Ranks(0, size))
        except UsageError:
            assert least == 0, (n_sites, batch_size, size)
            refused += 1
        else:
            assert least > 0, (n_sites, batch_size, size)
    assert 0 < refused < 25 * 8 * 3


def least_share(n_sites: int, batch_size: int, shard: Shard) -> int:
    """Count a process's sites of the minibatch of which it has fewest."""
    settings = LoaderSettings(batch_size=batch_size, augmentation=AugmentationSpec(), shard=shard)
    one, nothing = np.zeros((1, 2), np.int64), Any
    feed = Feed(nothing, np.arange(n_sites), None, settings, nothing, np.arange(3), ((0, 1, 2),), one)  # type: ignore[arg-type]
    return min(len(rows[shard.part(len(rows))]) for rows in feed.batches(0))
