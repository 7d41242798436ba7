"""Leakage, comparison, a second data set, folds at once, and evaluation without images: through the command line."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from tests.e2e.conftest import Command
from tests.unit.train.conftest import write_learnable_store

SMALL = [
    "--backbone", "lenet_alexnet", "--weights", "none", "--input-size", "24", "--batch-size", "8", "--device", "cpu",
    "--loader", "torch", "--epochs", "2", "--steps-per-epoch", "2", "--task", "role", "--threads", "1", "--quiet",
]  # fmt: skip


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


def test_two_levels_alone_are_trained_and_others_join_later(
    kinfast: Command, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr("kinfast.report.run.write_report", lambda run, **_: drawn.append(run.name))  # drawn above
    monkeypatch.setattr("kinfast.report.leakage.save_figure", lambda *_: None)
    out = tmp_path / "ladder"
    words = ["leakage", prepared, *SMALL, "--epochs", "1", "--draws", "10", "--out", out]
    code, _, err = kinfast(*words, "--levels", "compound,image")
    assert (code, err) == (0, "")
    assert {path.parent.name for path in out.glob("*/config.json")} == {"image", "compound"}
    assert drawn == ["image", "compound"]  # from the leakiest split on, however they were named
    found = json.loads((out / "leakage.json").read_text())
    assert [level for level in ("image", "well", "plate", "compound") if found[level]] == ["image", "compound"]
    assert [(step["split_by"], step["against"]) for step in found["steps"]] == [("image", "compound")]
    raw = pd.read_csv(out / "tables/leakage.csv")
    assert set(raw["split_by"]) == {"image", "compound"}
    for level in ("image", "compound"):
        config = json.loads((out / level / "config.json").read_text())
        assert config["split_by"] == level
        table = pd.read_parquet(out / level / "predictions.parquet")
        parts = table[table["part"].isin(["train", "test"])].groupby("Metadata_Compound")["part"].nunique()
        assert (parts.drop("DMSO") == 1).all() == (level == "compound")
    kept = {path: path.stat().st_mtime_ns for path in out.glob("*/model.safetensors")}
    assert kinfast(*words, "--levels", "image,well,compound")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    steps = json.loads((out / "leakage.json").read_text())["steps"]
    assert [step["split_by"] for step in steps] == ["image", "well"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--levels", "image,fov"], "--levels image,fov: wanted some of image, well, plate, compound"),
        (["--backbone", "vgg61"], "no backbone 'vgg61'"),
        (["--audit", "nothing.csv"], "nothing.csv"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_one_line(
    kinfast: Command, prepared: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    code, out, err = kinfast("leakage", prepared, *SMALL, *words, "--out", tmp_path / "ladder")
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "ladder").exists()


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
    assert "tested on only" in " ".join(err.split())
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
