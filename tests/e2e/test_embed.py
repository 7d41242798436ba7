"""`kinfast embed` on a small run: its tables, and activity from them."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tests.e2e.test_activity import call, write_store

from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.train import train
from kinfast.train.finished.apply import embed_sites


def test_embed_writes_tables_that_activity_takes(tmp_path: Path, capsys) -> None:
    torch.set_num_threads(1)
    write_store(tmp_path / "prepared")
    store = PreparedStore.open(tmp_path / "prepared")
    config = TrainConfig(
        backbone="lenet_alexnet", weights="none", task="role", split_by="well", loader="torch", device="cpu", epochs=1,
        steps_per_epoch=1, batch_size=4, input_size=24,
    )  # fmt: skip
    train(store, config, tmp_path / "r")
    out = tmp_path / "e"
    words = ("embed", tmp_path / "r", tmp_path / "prepared", "--out", out, "--loader", "torch", "--device", "cpu")
    assert call(*words, "--quiet") == 0
    assert capsys.readouterr().out.splitlines() == [str(out)]
    sites = pd.read_parquet(out / "sites.parquet")
    features = [name for name in sites if not name.startswith("Metadata_")]
    (fold,) = embed_sites(tmp_path / "r", store, device="cpu", loader="torch")
    np.testing.assert_array_equal(sites[features].to_numpy(), fold)
    assert 0 < sites["Metadata_Trained_On"].sum() < 40
    assert len(pd.read_parquet(out / "wells.parquet")) == 40
    assert len(pd.read_parquet(out / "compounds.parquet")) == 9
    found = ("activity", tmp_path / "prepared", "--embeddings", out / "sites.parquet", "--out", tmp_path / "a")
    assert call(*found, "--quiet") == 0
    assert call(*words, "--normalise", "none-such") == 2
    assert "no --normalise 'none-such': wanted one of none, standardise, tvn" in capsys.readouterr().err
    nameless = store.sites.drop(columns=["Metadata_Compound", "Metadata_Role"])
    nameless.to_parquet(tmp_path / "prepared/sites.parquet", index=False)
    assert call(*words, "--quiet") == 0
    assert not (out / "compounds.parquet").exists()  # another store's would seem to be this one's
