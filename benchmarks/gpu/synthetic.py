"""A prepared store of random pixels, as large as the thesis' set: what is in the pixels does not change the time."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from kinfast import schema
from kinfast.config import STORE_FORMAT_VERSION
from kinfast.data.store import PreparedStore
from kinfast.domain import CELL_PAINTING_CHANNELS

COMPOSITES = {"MiCoPh": ["Mito", "ER", "AGP"], "SyHoPh": ["RNA", "DNA", "AGP"]}
N_PLATES, SITES_PER_WELL, N_TARGETS = 10, 5, 12


def write_store(root: Path, n_sites: int, side: int, device: str) -> PreparedStore:
    """Write a store, or open the one that is there: plates of wells of five sites, one well in six of DMSO.

    Args:
        root: its folder.
        n_sites: over all plates.
        side: of the square images, pixels.
        device: where the pixels are drawn.
    """
    if not (root / "dataset.json").is_file():
        (root / "images").mkdir(parents=True, exist_ok=True)
        tables = [
            _write_plate(root, f"P{plate:02d}", len(part), side, device)
            for plate, part in enumerate(np.array_split(np.arange(n_sites), N_PLATES))
        ]
        pd.concat(tables, ignore_index=True).to_parquet(root / "sites.parquet")
        dataset = {
            "format_version": STORE_FORMAT_VERSION,
            "channels": list(CELL_PAINTING_CHANNELS),
            "composites": COMPOSITES,
            "streams": list(COMPOSITES),
            "image_size": [side, side],
        }
        (root / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    return PreparedStore.open(root)


def _write_plate(root: Path, plate: str, n_sites: int, side: int, device: str) -> pd.DataFrame:
    file = f"images/{plate}.npy"
    shape = (n_sites, side, side, len(CELL_PAINTING_CHANNELS))
    generator = torch.Generator(device).manual_seed(int(plate[1:]))
    np.save(root / file, torch.randint(256, shape, dtype=torch.uint8, generator=generator, device=device).cpu().numpy())
    wells = np.arange(n_sites) // SITES_PER_WELL
    control, target = wells % 6 == 0, wells % N_TARGETS
    table = pd.DataFrame(
        {
            schema.PLATE: plate,
            schema.WELL: [f"{chr(65 + well // 24 % 16)}{well % 24 + 1:02d}" for well in wells],
            schema.SITE: np.arange(n_sites) % SITES_PER_WELL + 1,
            schema.TIMEPOINT: wells // 384 + 1,
            schema.COMPOUND: np.where(control, "DMSO", [f"C{well % 384}" for well in wells]),
            schema.TARGET: [None if dmso else f"T{number}" for dmso, number in zip(control, target, strict=True)],
            schema.ROLE: np.where(control, "negcon", "trt"),
            schema.IMAGE_FILE: file,
            schema.IMAGE_INDEX: np.arange(n_sites),
        }
    )
    table[[*schema.FLAGS, schema.FLAG_ANY, schema.FLAG_EXCLUDED]] = False
    table[schema.FLAG_REASON] = ""
    return table
