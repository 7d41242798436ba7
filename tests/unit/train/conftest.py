"""A tiny store that can be learned: treated sites are brighter in one channel."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kinfast import schema
from kinfast.config import STORE_FORMAT_VERSION, TrainConfig
from kinfast.data.store import PreparedStore

CHANNELS = ["DNA", "RNA", "ER"]
SIDE = 32


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _sites(plates: int, wells: int) -> pd.DataFrame:
    rows = []
    for plate in range(plates):
        for well in range(wells):
            role = ("negcon", "trt", "poscon")[well % 3]
            rows += [
                {
                    schema.PLATE: f"P{plate}",
                    schema.WELL: f"B{well + 1:02d}",
                    schema.SITE: site,
                    schema.TIMEPOINT: 1,
                    schema.COMPOUND: "DMSO" if role == "negcon" else f"C{well}",
                    schema.TARGET: None if role == "negcon" else ("EGFR" if well % 2 else "Src,Abl"),
                    schema.ROLE: role,
                    schema.DOSE_UM: 1.0,
                    "Quality_mean_DNA": float(well),
                    schema.FLAG_ANY: False,
                    schema.FLAG_EXCLUDED: False,
                    schema.FLAG_REASON: "",
                    schema.IMAGE_FILE: f"images/P{plate}.npy",
                    schema.IMAGE_INDEX: 2 * well + site - 1,
                }
                for site in (1, 2)
            ]
    frame = pd.DataFrame(rows)
    frame[schema.FLAGS] = False
    return frame


def write_learnable_store(root: Path, plates: int = 1, wells: int = 18, side: int = SIDE) -> PreparedStore:
    """Write a store: `wells` wells of two sites; controls dark in DNA, positive controls bright, treated between."""
    sites = _sites(plates, wells)
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    level = sites[schema.ROLE].map({"negcon": 40.0, "trt": 110.0, "poscon": 180.0}).to_numpy()
    for file, rows in sites.groupby(schema.IMAGE_FILE):
        images = rng.normal(100.0, 15.0, (len(rows), side, side, len(CHANNELS)))
        images[..., 0] += (level[rows.index] - 100.0)[:, None, None]
        np.save(root / str(file), images.clip(0, 255).astype(np.uint8))
    sites.to_parquet(root / "sites.parquet")
    dataset = {
        "format_version": STORE_FORMAT_VERSION,
        "channels": CHANNELS,
        "composites": {"one": ["DNA", "RNA", "ER"], "two": ["ER", "DNA", "RNA"]},
        "streams": ["one", "two"],
        "image_size": [side, side],
        "parameters_hash": "0123",
    }
    (root / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    return PreparedStore.open(root)


@pytest.fixture(scope="session")
def write_store() -> Callable[..., PreparedStore]:
    """The writer of such stores, of other sizes."""
    return write_learnable_store


@pytest.fixture(scope="session")
def learnable(tmp_path_factory: pytest.TempPathFactory) -> PreparedStore:
    """18 wells of two sites, 32 pixels, three channels."""
    return write_learnable_store(tmp_path_factory.mktemp("learnable") / "prepared")


@pytest.fixture(scope="session")
def quick() -> TrainConfig:
    """Three epochs of a small network."""
    return TrainConfig(
        backbone="lenet_alexnet",
        weights="none",
        label=schema.ROLE,
        classes=("negcon", "poscon"),
        split_by="well",
        folds=2,
        epochs=3,
        steps_per_epoch=4,
        batch_size=8,
        input_size=24,
        learning_rate=1e-3,
        dropout=0.2,
        loader="torch",
        device="cpu",
        patience=0,
    )
