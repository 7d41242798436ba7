"""The store's reader: what it gives, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.data.store import PreparedStore
from kinfast.errors import StoreError


def test_gather_gives_the_stored_pixels_in_any_order_across_plates(store: PreparedStore) -> None:
    rows = np.array([31, 0, 5, 16, 17, 5], np.int64)
    channels = np.array([4, 0, 4], np.int64)
    got = store.gather(rows, channels)
    for position, row in enumerate(rows):
        site = store.sites.iloc[row]
        plate = np.load(store.root / site[schema.IMAGE_FILE])
        assert np.array_equal(got[position], plate[site[schema.IMAGE_INDEX]][..., channels])


def test_gather_fills_the_given_array_whatever_the_threads(store: PreparedStore) -> None:
    rows, channels = np.arange(32, dtype=np.int64), np.arange(5, dtype=np.int64)
    out = np.zeros((32, 24, 40, 5), np.uint8)
    assert store.gather(rows, channels, out=out, threads=2) is out
    assert np.array_equal(out, store.gather(rows, channels, threads=1))
    assert np.array_equal(out[:16], store.images("P1"))


def test_gather_of_no_rows_is_empty(store: PreparedStore) -> None:
    assert store.gather(np.empty(0, np.int64), np.array([1], np.int64)).shape == (0, 24, 40, 1)


@pytest.mark.parametrize("row", [-1, 32])
def test_gather_refuses_rows_that_are_no_sites(store: PreparedStore, row: int) -> None:
    with pytest.raises(IndexError):
        store.gather(np.array([row], np.int64), np.array([0], np.int64))


def test_gather_refuses_channels_that_are_not_there(store: PreparedStore) -> None:
    with pytest.raises(IndexError):
        store.gather(np.array([0], np.int64), np.array([5], np.int64))


def test_rows_of_the_table_need_not_lie_in_the_images_order(
    make_store: Callable[..., PreparedStore], sites: pd.DataFrame
) -> None:
    shuffled = sites.sample(frac=1, random_state=3).reset_index(drop=True)
    store = make_store(shuffled)
    got = store.gather(np.array([0, 7], np.int64), np.array([2], np.int64))
    for position, row in enumerate((0, 7)):
        site = shuffled.iloc[row]
        assert np.array_equal(got[position, ..., 0], store.images(site[schema.PLATE])[site[schema.IMAGE_INDEX], ..., 2])


def test_the_dataset_says_what_is_in_it(store: PreparedStore) -> None:
    assert store.channels == ("DNA", "RNA", "ER", "AGP", "Mito")
    assert store.composites["MiCoPh"] == ("Mito", "ER", "AGP")
    assert store.streams == ("MiCoPh", "SyHoPh")
    assert store.image_size == (24, 40)
    with pytest.raises(StoreError, match="no plate 'P9'; it holds P1, P2"):
        store.images("P9")


def test_an_absent_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no prepared store .*kinfast preprocess"):
        PreparedStore.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "sites.parquet").unlink(), "incomplete store"),
        (lambda root: (root / "images/P2.npy").unlink(), "P2.npy: cannot be opened"),
        (lambda root: (root / "dataset.json").write_text("{"), "not JSON"),
        (lambda root: _edit(root, format_version=99), "store format 99, wanted 1"),
        (lambda root: np.save(root / "images/P1.npy", np.load(root / "images/P1.npy").T.copy().T), "wanted C-ordered"),
        (lambda root: _edit(root, image_size=[24, 41]), r"wanted C-ordered uint8 \(sites, 24, 41, 5\)"),
        (lambda root: np.save(root / "images/P1.npy", np.zeros((3, 24, 40, 5), np.uint8)), "past the 3 sites"),
        (lambda root: (root / "sites.parquet").write_bytes(b"PAR1"), "sites.parquet: cannot be read"),
        (lambda root: _rewrite(root, lambda t: t.drop(columns=schema.SITE)), "columns Metadata_Site missing"),
        (lambda root: _rewrite(root, lambda t: t.iloc[:0]), "holds no site"),
    ],
)
def test_a_damaged_store_is_refused_in_one_line(
    store: PreparedStore, damage: Callable[[Path], None], message: str
) -> None:
    damage(store.root)
    with pytest.raises(StoreError, match=message) as caught:
        PreparedStore.open(store.root)
    assert "\n" not in str(caught.value)


def _edit(root: Path, **changes: object) -> None:
    dataset = json.loads((root / "dataset.json").read_text())
    (root / "dataset.json").write_text(json.dumps(dataset | changes))


def _rewrite(root: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_parquet(root / "sites.parquet")).to_parquet(root / "sites.parquet")
