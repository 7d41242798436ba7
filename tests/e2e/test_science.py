"""Leakage, comparison, a second data set, folds at once, and evaluation without images: through the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from tests.unit.train.conftest import write_learnable_store

from kinfast.cli.main import run as run_command

Command = Callable[..., tuple[int, str, str]]
SMALL = [
    "--backbone", "lenet_alexnet", "--weights", "none", "--input-size", "24", "--batch-size", "8", "--device", "cpu",
    "--loader", "torch", "--epochs", "2", "--steps-per-epoch", "2", "--task", "role", "--threads", "1", "--quiet",
]  # fmt: skip


@pytest.fixture
def kinfast(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process; give its exit code, stdout and stderr."""
    torch.set_num_threads(1)

    def call(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            run_command([str(word) for word in words])
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return call


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("science") / "prepared"
    write_learnable_store(root, plates=2, wells=12)
    return root


def test_the_ladder_is_climbed_kept_and_drawn(kinfast: Command, prepared: Path, tmp_path: Path) -> None:
    words = ["leakage", prepared, *SMALL, "--folds", "2", "--draws", "20", "--out", tmp_path / "ladder"]
    code, said, err = kinfast(*words)
    assert code == 0, err
    assert said.splitlines()[-1] == str(tmp_path / "ladder" / "leakage.json")
    found = json.loads((tmp_path / "ladder" / "leakage.json").read_text())
    assert {"image", "well", "plate", "compound", "baselines", "verdicts"} <= set(found)
    for split in ("image", "well", "plate", "compound"):
        assert set(found[split]) == {"site", "well", "compound"}
        assert set(found[split]["well"]["roc_auc_macro"]) == {"value", "low", "high"}
        assert found["about"]["skipped"] == {}
    assert (tmp_path / "ladder" / "figures" / "leakage.png").is_file()
    assert (tmp_path / "ladder" / "tables" / "leakage.md").is_file()
    page = (tmp_path / "ladder" / "compound" / "report.html").read_text(encoding="utf-8")
    assert 'id="leakage"' in page
    assert (tmp_path / "ladder" / "compound" / "figures" / "leakage.svg").is_file()
    before = (tmp_path / "ladder" / "leakage.json").read_bytes()
    weights = {path: path.stat().st_mtime_ns for path in (tmp_path / "ladder").glob("*/model.safetensors")}
    # interrupted after the last epoch of one split: the same command finishes it, and trains nothing else
    (tmp_path / "ladder" / "well" / "predictions.parquet").unlink()
    assert kinfast(*words)[0] == 0
    assert (tmp_path / "ladder" / "leakage.json").read_bytes() == before
    changed = {path.parent.name for path, when in weights.items() if path.stat().st_mtime_ns != when}
    assert changed == {"well"}
    code, _, err = kinfast(*words, "--seed", "3")
    assert code == 2
    assert "was trained with other options" in err


def test_leakage_leaves_the_split_to_itself(kinfast: Command, prepared: Path, tmp_path: Path) -> None:
    code, _, err = kinfast("leakage", prepared, "--split-by", "well", "--out", tmp_path)
    assert code == 2
    assert "chooses the splits itself" in err
    code, _, err = kinfast("leakage", prepared, "--nonsense", "--out", tmp_path)
    assert code == 2
    assert "nonsense" in err


def test_a_run_and_its_split_are_audited_compared_and_made_again(
    kinfast: Command, prepared: Path, tmp_path: Path
) -> None:
    store, one, other = tmp_path / "prepared", tmp_path / "one", tmp_path / "other"
    shutil.copytree(prepared, store)
    train = ["train", store, *SMALL, "--split-by", "well", "--folds", "2"]
    assert kinfast(*train, "--repeats", "2", "--out", one)[0] == 0
    assert kinfast(*train, "--composites", "one", "--out", other)[0] == 0
    metrics = json.loads((one / "metrics.json").read_text())
    assert len(metrics["folds"]) == 4
    assert len(metrics["repeats"]) == 2
    row = json.loads((one / "history.jsonl").read_text().splitlines()[0])
    assert all(0 <= share <= 1 for share in row["dead_relus"].values())
    assert row["dead_relus"]

    code, said, err = kinfast("leakage", store, "--audit", one, "--out", tmp_path / "audit", "--quiet")
    assert code == 0, err
    assert "train and test share no wells" in said
    assert json.loads((tmp_path / "audit" / "audit.json").read_text())["verdicts"][1]["holds"] is False

    code, said, err = kinfast("compare", one, other, "--out", tmp_path / "both", "--draws", "20", "--quiet")
    assert code == 0, err
    assert "composites" in json.loads((tmp_path / "both" / "compare.json").read_text())["pairs"][0]["differs"]
    assert "in common" in said

    files = {p: p.read_bytes() for p in one.rglob("*") if p.suffix in (".json", ".csv", ".md", ".png", ".svg", ".html")}
    shutil.rmtree(one / "checkpoints")
    shutil.rmtree(store)
    (one / "model.safetensors").unlink()
    for folder in ("tables", "figures"):
        shutil.rmtree(one / folder)
    for name in ("metrics.json", "report.html"):
        (one / name).unlink()
    assert kinfast("evaluate", one, "--quiet")[0] == 0
    assert {p: p.read_bytes() for p in files} == files


def test_train_on_one_data_set_test_on_another_folds_at_once(kinfast: Command, prepared: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    write_learnable_store(second, plates=1, wells=9)
    out = tmp_path / "run"
    code, _, err = kinfast("train", prepared, *SMALL[:-1], "--test-on", second, "--out", out)
    assert code == 0, err
    assert "tested on only" in err
    table = pd.read_parquet(out / "predictions.parquet")
    assert set(table.loc[table["part"] == "test", "Metadata_Store"]) == {"second"}
    assert set(table.loc[table["part"] == "train", "Metadata_Store"]) == {"prepared"}
    both = tmp_path / "both"
    words = [prepared, second, *SMALL, "--split-by", "well", "--folds", "2"]
    assert kinfast("train", *words, "--out", both, "--parallel-folds", "2")[0] == 0
    assert kinfast("train", *words, "--out", tmp_path / "serial")[0] == 0
    left, right = (pd.read_parquet(run / "predictions.parquet") for run in (both, tmp_path / "serial"))
    pd.testing.assert_frame_equal(left, right, check_exact=True)
    assert set(left["Metadata_Store"]) == {"prepared", "second"}
