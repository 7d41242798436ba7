"""From a store with planted compounds to the list of inactive ones, and to a training without them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kinfast import schema
from kinfast.cli.main import run as run_command
from kinfast.config import STORE_FORMAT_VERSION, TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.train import train
from kinfast.train.planning.plan import make_plan

ACTIVE, SIDE = 4, 32


def call(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        run_command([str(word) for word in words])
    return int(stop.value.code or 0)


def write_store(root: Path) -> None:
    """16 control wells, and 8 compounds in three wells each; the first four make one channel grainy."""
    rng = np.random.default_rng(0)
    names = ["DMSO"] * 16 + [f"C{number}" for number in range(8) for _ in range(3)]
    sites = pd.DataFrame(
        {
            schema.PLATE: "P1", schema.WELL: [f"{'BCDE'[i // 10]}{i % 10 + 1:02d}" for i in range(len(names))],
            schema.SITE: 1, schema.TIMEPOINT: 1, schema.COMPOUND: names,
            schema.ROLE: ["negcon" if name == "DMSO" else "trt" for name in names],
            schema.IMAGE_FILE: "images/P1.npy", schema.IMAGE_INDEX: np.arange(len(names)),
            "Quality_mean_DNA": rng.normal(100, 5, len(names)),
        }
    )  # fmt: skip
    images = rng.normal(100, 10, (len(names), SIDE, SIDE, 2))
    grainy = sites[schema.COMPOUND].isin([f"C{number}" for number in range(ACTIVE)]).to_numpy()
    images[grainy, :, :, 1] += rng.normal(0, 20, (grainy.sum(), SIDE, SIDE))
    images *= rng.normal(1, 0.03, (len(names), 1, 1, 2))
    (root / "images").mkdir(parents=True)
    np.save(root / "images/P1.npy", np.clip(images, 0, 255).astype(np.uint8))
    sites.to_parquet(root / "sites.parquet", index=False)
    dataset = {
        "format_version": STORE_FORMAT_VERSION, "channels": ["DNA", "AGP"],
        "composites": {"both": ["DNA", "AGP", "DNA"]}, "streams": ["both"], "image_size": [SIDE, SIDE],
        "parameters_hash": "0",
    }  # fmt: skip
    (root / "dataset.json").write_text(json.dumps(dataset))


def test_planted_inactive_compounds_are_found_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    write_store(tmp_path / "prepared")
    assert call("activity", "prepared", "--quiet") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "prepared-activity/activity.csv"
    found = pd.read_csv("prepared-activity/activity.csv")
    assert list(found.columns) == ["Metadata_Compound", "distance", "p_value", "q_value", "active"]
    assert found["active"].tolist() == [True] * ACTIVE + [False] * (8 - ACTIVE)
    assert {path.name for path in Path("prepared-activity").iterdir()} >= {"activity.png", "activity_doses.csv"}

    config = TrainConfig(
        backbone="lenet_alexnet", weights="none", task="role", split_by="well", loader="torch", device="cpu", epochs=1,
        steps_per_epoch=1, batch_size=4, input_size=24, drop_inactive="prepared-activity/activity.csv",
    )  # fmt: skip
    store = PreparedStore.open(Path("prepared"))
    notes = make_plan(store, config).notes
    assert "4 inactive compounds (12 sites) are left out of training: C4, C5, C6, C7" in notes
    train(store, config, Path("r"))
    sites = pd.read_parquet("r/predictions.parquet")
    idle = sites["Metadata_Compound"].isin([f"C{number}" for number in range(ACTIVE, 8)])
    assert set(sites.loc[idle, "part"]) == {"unlabelled"}
    assert set(sites.loc[~idle, "part"]) == {"train", "validation", "test"}


def test_embeddings_stand_in_for_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_store(tmp_path / "prepared")
    rng = np.random.default_rng(1)
    features = rng.normal(size=(40, 6))
    features[16:19] += 8  # the wells of C0
    np.savez(tmp_path / "e.npz", fold0=features.astype(np.float32))
    out = tmp_path / "a"
    assert call("activity", tmp_path / "prepared", "--embeddings", tmp_path / "e.npz", "--out", out, "--quiet") == 0
    found = pd.read_csv(out / "activity.csv").set_index("Metadata_Compound")
    assert found["active"].to_dict() == {"C0": True} | {f"C{number}": False for number in range(1, 8)}
    np.savez(tmp_path / "e.npz", fold0=features[:9])
    capsys.readouterr()
    assert call("activity", tmp_path / "prepared", "--embeddings", tmp_path / "e.npz", "--out", out) == 2
    assert "has 9 rows, the store 40 sites" in capsys.readouterr().err
