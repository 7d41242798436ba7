"""Explaining a run on plates whose compounds change the ER alone: that stain comes first."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from kinfast.cli.main import run as run_command
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.evaluate.explain import explain_run
from kinfast.evaluate.run import evaluate_run
from kinfast.report.run import write_report
from kinfast.train.run import train

PLATES = (
    "simulate plates --plates 1 --only-stain ER --wells 40 --sites 3 --size 128 --pixel-um 1.5 --cells 25 --targets 2 "
    "--inactive 0 --toxic 0 --doses-um 20 --dark 0 --blank 0 --empty 0 --blurred 0 --saturated 0 --debris 0 --quiet"
)
CONFIG = TrainConfig(
    backbone="lenet_alexnet",
    weights="none",
    input_size=48,
    batch_size=8,
    learning_rate=1e-3,
    epochs=6,
    steps_per_epoch=16,
    task="target",
    split_by="compound",
    device="cpu",
    loader="torch",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("explained")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for words in (PLATES, "preprocess plates --size 48 --quiet"):
            with pytest.raises(SystemExit) as stop:
                run_command(words.split())
            assert not stop.value.code
    train(PreparedStore.open(root / "prepared"), CONFIG, root / "run")
    evaluate_run(root / "run", draws=20)
    return root / "run"


@pytest.mark.slow
def test_labels_of_one_a_site_are_explained_as_classes_are(run: Path) -> None:
    store = PreparedStore.open(run.parent / "prepared")
    other = run.parent / "labels"
    other.mkdir()
    table, content = pd.read_parquet(run / "predictions.parquet"), json.loads((run / "config.json").read_text())
    for name in content["classes"]:
        table[f"truth_{name}"] = (table["truth"] == name).astype(float).where(table["truth"].notna())
    table.to_parquet(other / "predictions.parquet", index=False)
    (other / "config.json").write_text(json.dumps(content | {"several_labels": True}))
    (other / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes())
    one, several = (explain_run(folder, store, sites=4, draws=10) for folder in (run, other))
    assert several["rows"] == one["rows"]
    assert several["words"] == one["words"]


@pytest.mark.slow
def test_the_planted_stain_comes_first_and_the_page_is_made_again_without_the_store(run: Path) -> None:
    store = PreparedStore.open(run.parent / "prepared")
    content = explain_run(run, store, sites=24)
    write_report(run)
    table = pd.read_csv(run / "tables" / "explain_stains.csv")
    assert list(table) == ["class", "stain", "stream", "drop", "low", "high", "method"]
    whole = table[table["class"].isna() & table["stream"].isna()]
    for method in ("swap", "control_mean"):
        ranked = whole[whole["method"] == method].sort_values("drop", ascending=False)
        assert ranked["stain"].iloc[0] == "ER"
    swapped = whole[whole["method"] == "swap"].set_index("stain")
    assert set(swapped.index) == {"DNA", "RNA", "ER", "AGP", "Mito"}
    assert swapped["low"]["ER"] > 0.1
    assert swapped["low"]["ER"] > swapped["high"].drop("ER").max()
    streams = table[table["class"].isna() & table["stain"].isna() & (table["method"] == "swap")].set_index("stream")
    assert streams["drop"]["MiCoPh"] > streams["drop"]["SyHoPh"]  # the ER is in the first alone
    assert content["words"][""].startswith("The model rests on ER (endoplasmic reticulum)")
    assert set(content["sanity"]) == {"integrated_gradients", "grad_cam"}
    again(run)


def again(run: Path) -> None:
    """The same bytes after the store, the model and the checkpoints are gone."""
    page = (run / "report.html").read_bytes()
    assert b'id="explain"' in page
    shutil.rmtree(run.parent / "prepared")
    shutil.rmtree(run / "checkpoints")
    (run / "model.safetensors").unlink()
    evaluate_run(run, draws=20)
    write_report(run)
    assert (run / "report.html").read_bytes() == page
