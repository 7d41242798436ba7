"""A store of negative and positive controls in turn, two sites a well, for benchmarks that need no simulated cells."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.config import STORE_FORMAT_VERSION

IMAGES = "images/P0.npy"


def control_roles(n_sites: int) -> NDArray[np.str_]:
    """Give the role of each site, well by well in turn."""
    return np.array(["negcon", "poscon"])[np.arange(n_sites) // 2 % 2]


def write_controls(root: Path, n_sites: int, side: int, composites: Mapping[str, Sequence[str]]) -> Path:
    """Write a store's tables; its channels are the first composite's. Give where its images belong."""
    role, index = control_roles(n_sites), np.arange(n_sites)
    sites = pd.DataFrame(
        {
            schema.PLATE: "P0",
            schema.WELL: [f"{chr(65 + well // 48)}{well % 48 + 1:02d}" for well in index // 2],
            schema.SITE: 1 + index % 2,
            schema.TIMEPOINT: 1,
            schema.COMPOUND: role,
            schema.ROLE: role,
            schema.FLAG_ANY: False,
            schema.FLAG_EXCLUDED: False,
            schema.FLAG_REASON: "",
            schema.IMAGE_FILE: IMAGES,
            schema.IMAGE_INDEX: index,
        }
    )
    sites[schema.FLAGS] = False
    (root / IMAGES).parent.mkdir(parents=True)
    sites.to_parquet(root / "sites.parquet")
    dataset = {
        "format_version": STORE_FORMAT_VERSION,
        "channels": list(next(iter(composites.values()))),
        "composites": {name: list(channels) for name, channels in composites.items()},
        "streams": list(composites),
        "image_size": [side, side],
    }
    (root / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    return root / IMAGES
