"""Several prepared stores as one: to train on all of them, or on some and test on another (K-51)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.data.store import PreparedStore
from kinfast.domain import StoreImages
from kinfast.errors import StoreError

STORES = "stores"
"""Key of a merged store's `dataset`: name and path of each, and whether it is for testing only."""


def open_stores(paths: Sequence[Path], test_on: Path | None = None) -> PreparedStore:
    """Open one store, or several as one.

    Args:
        paths: what is trained on.
        test_on: a store that is tested on only.

    Raises:
        StoreError: one cannot be opened, or they do not fit together.
    """
    every = [*paths, *([test_on] if test_on else [])]
    if len({path.resolve() for path in every}) < len(every):
        raise StoreError(f"{', '.join(map(str, every))}: the same store twice; give each once")
    stores = [PreparedStore.open(path) for path in every]
    return stores[0] if len(stores) == 1 else merge_stores(stores, test_only=1 if test_on else 0)


def merge_stores(stores: Sequence[PreparedStore], test_only: int = 0) -> PreparedStore:
    """Put stores together: their sites one after the other, with `Metadata_Store` telling them apart.

    A plate name that two stores have gets its store's name before it. The images stay where they are.

    Args:
        stores: two or more, of the same channels and image size.
        test_only: so many of them, the last ones, are for testing only.

    Raises:
        StoreError: they differ in channels or image size.
    """
    first = stores[0]
    for other in stores[1:]:
        if other.channels != first.channels or other.image_size != first.image_size:
            raise StoreError(
                f"{other.root} holds {', '.join(other.channels)} at {other.image_size}, {first.root} "
                f"{', '.join(first.channels)} at {first.image_size}: preprocess both with the same spec and --size"
            )
    names = _store_names(stores)
    images: dict[str, StoreImages] = {}
    tables: list[pd.DataFrame] = []
    files: list[str] = []
    taken = pd.Series([plate for store in stores for plate in store.sites[schema.PLATE].unique()]).value_counts()
    for name, store in zip(names, stores, strict=True):
        table = store.sites.copy()
        several = table[schema.PLATE].map(taken).to_numpy() > 1
        table[schema.PLATE] = np.where(several, f"{name}:" + table[schema.PLATE].astype(str), table[schema.PLATE])
        table[schema.STORE] = name
        table[schema.IMAGE_FILE] = f"{name}:" + table[schema.IMAGE_FILE].astype(str)
        tables.append(table)
        images |= {f"{name}:{file}": opened for file, opened in store._images.items()}
        files += [f"{name}:{file}" for file in store._files]
    sites = pd.concat(tables, ignore_index=True)
    for flag in (*schema.FLAGS, schema.FLAG_ANY, schema.FLAG_EXCLUDED):
        if flag in sites:  # of a store whose version had no such flag, nothing is flagged
            sites[flag] = sites[flag].fillna(False).astype(bool)
    codes = pd.Index(files).get_indexer(pd.Index(sites[schema.IMAGE_FILE])).astype(np.int64)
    hashes = [str(store.dataset.get("parameters_hash", "")) for store in stores]
    dataset = first.dataset | {
        "parameters_hash": "+".join(hashes),
        STORES: [
            {"name": name, "path": str(store.root.resolve()), "test_only": number >= len(stores) - test_only}
            for number, (name, store) in enumerate(zip(names, stores, strict=True))
        ],
    }
    indices = sites[schema.IMAGE_INDEX].to_numpy(np.int64)
    return PreparedStore(first.root, dataset, sites, images, tuple(files), codes, indices)


def store_lines(store: PreparedStore) -> list[str]:
    """Say what a merged store is made of; empty for a single one."""
    parts = store.dataset.get(STORES, [])
    counts = {str(name): len(rows) for name, rows in store.sites.groupby(schema.STORE)} if parts else {}
    lines = [
        f"{part['name']}: {counts.get(part['name'], 0)} sites of {part['path']}"
        f"{', tested on only' if part['test_only'] else ''}"
        for part in parts
    ]
    if len(set(str(store.dataset.get("parameters_hash", "")).split("+"))) > 1:
        lines.append("the data sets were prepared with different parameters: they may differ in intensity and scale")
    return lines


def _store_names(stores: Sequence[PreparedStore]) -> list[str]:
    """Name each store by its folder, and by its parent too where that is not enough."""
    short = [store.root.resolve().name for store in stores]
    longer = ["/".join(store.root.resolve().parts[-2:]) for store in stores]
    names = short if len(set(short)) == len(short) else longer
    return names if len(set(names)) == len(names) else [f"{name}-{n}" for n, name in enumerate(names, start=1)]
