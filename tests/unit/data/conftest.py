"""A tiny prepared store, written by hand as the contract has it: two plates, five channels, known pixels."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kinfast import schema
from kinfast.config import STORE_FORMAT_VERSION
from kinfast.data.store import PreparedStore
from kinfast.domain import CELL_PAINTING_CHANNELS

COMPOSITES = {"MiCoPh": ["Mito", "ER", "AGP"], "MiSyHo": ["Mito", "RNA", "DNA"], "SyHoPh": ["RNA", "DNA", "AGP"]}
TARGETS = {"C1": "EGFR", "C2": "EGFR", "C3": "EGFR", "C4": "VEGrFR,Src", "C5": "VEGrFR,Src", "C6": "VEGrFR,Src"}
PLATES = ("P1", "P2")
SITES_PER_WELL = 2


@pytest.fixture(autouse=True)
def _few_threads() -> None:
    torch.set_num_threads(1)


def plate_layout(plate: str) -> pd.DataFrame:
    """Eight wells: two of DMSO, six of one compound each; two sites a well."""
    compounds = ["DMSO", *TARGETS, "DMSO"]
    rows = [
        {
            schema.PLATE: plate,
            schema.WELL: f"B{2 + column:02d}",
            schema.SITE: site,
            schema.TIMEPOINT: 1,
            schema.COMPOUND: compound,
            schema.TARGET: TARGETS.get(compound),
            schema.ROLE: "negcon" if compound == "DMSO" else "trt",
            schema.DOSE_UM: float("nan") if compound == "DMSO" else 10.0,
        }
        for column, compound in enumerate(compounds)
        for site in range(1, SITES_PER_WELL + 1)
    ]
    return pd.DataFrame(rows)


def make_sites(plates: Sequence[str] = PLATES) -> pd.DataFrame:
    """The table of the plates, nothing flagged."""
    tables = []
    for plate in plates:
        table = plate_layout(plate)
        table[[*schema.FLAGS, schema.FLAG_ANY, schema.FLAG_EXCLUDED]] = False
        table[schema.FLAG_REASON] = ""
        table[schema.IMAGE_FILE] = f"images/{plate}.npy"
        table[schema.IMAGE_INDEX] = np.arange(len(table))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def write_store(root: Path, sites: pd.DataFrame, image_size: tuple[int, int], seed: int = 0) -> Path:
    """Write a store whose pixels are random and smooth on no scale: any mistake in geometry shows."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for file, rows in sites.groupby(schema.IMAGE_FILE):
        shape = (int(rows[schema.IMAGE_INDEX].max()) + 1, *image_size, len(CELL_PAINTING_CHANNELS))
        np.save(root / str(file), rng.integers(0, 256, shape, dtype=np.uint8))
    sites.to_parquet(root / "sites.parquet")
    dataset = {
        "format_version": STORE_FORMAT_VERSION,
        "software_version": "0",
        "spec": {"name": "kinase_u2os"},
        "channels": list(CELL_PAINTING_CHANNELS),
        "composites": COMPOSITES,
        "streams": ["MiCoPh", "SyHoPh"],
        "image_size": list(image_size),
        "intensity_windows": {},
        "parameters": {},
        "parameters_hash": "0",
        "plates": {},
    }
    (root / "dataset.json").write_text(json.dumps(dataset))
    return root


@pytest.fixture
def sites() -> pd.DataFrame:
    return make_sites()


@pytest.fixture
def sites_of() -> Callable[[Sequence[str]], pd.DataFrame]:
    """Make the table of any plates."""
    return make_sites


@pytest.fixture
def store(tmp_path: Path) -> PreparedStore:
    """32 sites of 24 x 40 pixels."""
    return PreparedStore.open(write_store(tmp_path / "prepared", make_sites(), (24, 40)))


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., PreparedStore]:
    """Write a store of another table or image size."""

    def make(sites: pd.DataFrame | None = None, image_size: tuple[int, int] = (24, 40)) -> PreparedStore:
        table = make_sites() if sites is None else sites
        return PreparedStore.open(write_store(tmp_path / "made", table, image_size))

    return make
