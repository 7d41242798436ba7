"""Two processes train one model as one process would: gloo, on the CPU."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from kinfast import schema
from kinfast.data.store import PreparedStore
from kinfast.train import train
from kinfast.train.folder import UNFINISHED
from kinfast.train.processes.ranks import ALONE

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("two_processes.py")


@pytest.fixture(scope="module")
def work() -> ModuleType:
    spec = importlib.util.spec_from_file_location("two_processes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, write_store: Callable[..., PreparedStore]) -> Path:
    """A folder with what two processes left."""
    root = tmp_path_factory.mktemp("two")
    write_store(root / "prepared", wells=21)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["--max-restarts", "1", str(SCRIPT)]
    begun = subprocess.Popen([*words, str(root)], stderr=subprocess.PIPE, text=True)
    try:
        _, said = begun.communicate(timeout=150)
    finally:
        begun.terminate()  # which ends its processes; to kill it would leave them
        begun.wait()
    assert begun.returncode == 0, said[-3000:]
    (root / "said.txt").write_text(said, encoding="utf-8")
    return root


def read_history(run: Path) -> list[dict[str, Any]]:
    lines = (run / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if name not in ("seconds", "sites_per_second")}
        for line in lines
    ]


@pytest.mark.parametrize("backbone", ["lenet_alexnet", "mobilenet_v2"])
def test_a_step_of_two_processes_is_that_of_one(done: Path, work: ModuleType, backbone: str) -> None:
    """Uneven parts, weighted classes, both losses; batch normalisation is synchronised."""
    ours, alone = torch.load(done / f"{backbone}.pt"), work.take_steps(backbone, ALONE)
    assert ours.keys() == alone.keys()
    for name, value in alone.items():
        # a gradient sums up to 7 · 64² products, so errs by √28,672 · 2⁻⁵³ = 2e-14 of its parts; this leaves five
        # digits for what MobileNetV2's 53 layers make of that in three steps; a site weighed wrongly is far above it
        torch.testing.assert_close(ours[name], value, rtol=1e-8, atol=1e-9)


def test_two_processes_train_as_one(done: Path, work: ModuleType) -> None:
    train(PreparedStore.open(done / "prepared"), work.CONFIG, done / "one")
    ours, alone = read_history(done / "two"), read_history(done / "one")
    assert len(ours) == work.CONFIG.epochs
    for row, wanted in zip(ours, alone, strict=True):
        assert row["dead_relus"] == wanted["dead_relus"]
        for name in set(row) - {"dead_relus"}:
            # 12 steps, each of gradients that sum up to 7 · 24² products in float32: 12 · √4,032 · 2⁻²⁴ = 5e-5; a site
            # more or less, or one weighed wrongly, would be a seventh
            assert row[name] == pytest.approx(wanted[name], rel=5e-5, abs=5e-5), name
    first, second = (pd.read_parquet(done / run / "predictions.parquet") for run in ("two", "one"))
    names = [name for name in second.columns if name.startswith(("logit_", "probability_"))]
    pd.testing.assert_frame_equal(first.drop(columns=names), second.drop(columns=names))
    np.testing.assert_allclose(first[names], second[names], rtol=2e-4, atol=2e-4)  # logits are up to four times a loss


def test_each_site_is_counted_once(done: Path) -> None:
    table = pd.read_parquet(done / "two/predictions.parquet")
    assert not table.duplicated([*schema.KEY, schema.FOLD]).any()
    assert len(table) == 42


def test_the_run_says_how_many_processes_trained_it(done: Path) -> None:
    assert json.loads((done / "two/environment.json").read_text())["processes"] == 2
    assert (
        "2 processes share each minibatch of 7 sites: 3 or 4 each"
        in json.loads((done / "two/config.json").read_text())["notes"]
    )


def test_a_signal_that_one_process_hears_stops_both_and_the_run_goes_on(done: Path) -> None:
    assert (done / "stopped/interrupted").is_file()
    assert read_history(done / "stopped") == read_history(done / "undisturbed")
    first, second = (load_file(done / run / "model.safetensors") for run in ("stopped", "undisturbed"))
    assert all(torch.equal(first[name], second[name]) for name in second)


def test_who_is_left_says_in_one_line_that_a_process_was_killed(done: Path) -> None:
    """The first one is gone, so the other speaks; torchrun would have ended it without a word after half a minute."""
    said = (done / "said.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in said if line.startswith("kinfast")] == [
        "kinfast: one of the 2 processes is gone without a word: killed, often for want of memory, or its machine is "
        "down (torchrun names it below); wanted all until the end (this goes on from the last checkpoint: torchrun … "
        f"-m kinfast train --resume {done / 'killed'})"
    ]


def test_a_run_whose_first_process_was_killed_goes_on_as_if_it_had_not_been(done: Path) -> None:
    left = json.loads((done / "killed/left.json").read_text())
    assert [name.startswith(".00000009.safetensors.") for name in left] == [True, False, False]
    assert left[1:] == ["00000007.safetensors", "00000008.safetensors"]
    assert not list((done / "killed").rglob(f".*{UNFINISHED}"))
    assert read_history(done / "killed") == read_history(done / "undisturbed")
    first, second = (load_file(done / run / "model.safetensors") for run in ("killed", "undisturbed"))
    assert all(torch.equal(first[name], second[name]) for name in second)
    tables = [pd.read_parquet(done / run / "predictions.parquet") for run in ("killed", "undisturbed")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_a_process_without_a_site_answers_all_the_same(done: Path, work: ModuleType) -> None:
    store = PreparedStore.open(done / "prepared")
    assert torch.equal(torch.load(done / "lone.pt"), work.answer_about(1, store, ALONE))
