"""Audits of splits with planted leaks: shared wells and compounds, copied, turned and slightly changed images."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.data.given_split import read_split
from kinfast.data.labels import select_labels
from kinfast.data.split_audit import audit_lines, audit_split
from kinfast.data.splits import make_split
from kinfast.data.store import PreparedStore
from kinfast.errors import SplitError


@pytest.fixture
def split(store: PreparedStore) -> pd.DataFrame:
    return make_split(store.sites, select_labels(store.sites, task="target"), by="well").frame


def held(found: object, name: str) -> bool:
    verdicts = {verdict["name"]: verdict["holds"] for verdict in found.verdicts()}  # type: ignore[attr-defined]
    return bool(verdicts[name])


def smooth(rng: np.random.Generator) -> np.ndarray:
    """An image with structure that survives a thumbnail."""
    return cv2.resize(rng.integers(0, 256, (6, 10, 5), dtype=np.uint8), (40, 24), interpolation=cv2.INTER_CUBIC)


def plant(store: PreparedStore, split: pd.DataFrame) -> PreparedStore:
    """Copy one train image to a test site, and a mirrored, brighter, noisy one to another."""
    rng = np.random.default_rng(0)
    arrays = {plate: np.load(store.root / f"images/{plate}.npy") for plate in ("P1", "P2")}
    for array in arrays.values():
        array[:] = [smooth(rng) for _ in array]
    train, test = (store.sites.iloc[np.flatnonzero(split[schema.PART] == part)] for part in ("train", "test"))

    def at(site: pd.Series) -> tuple[str, int]:
        return str(site[schema.PLATE]), int(site[schema.IMAGE_INDEX])

    (p, i), (q, j) = at(train.iloc[0]), at(test.iloc[0])
    arrays[q][j] = arrays[p][i]
    (p, i), (q, j) = at(train.iloc[1]), at(test.iloc[1])
    changed = arrays[p][i][:, ::-1].astype(float) * 0.9 + 10 + rng.normal(0, 5, arrays[p][i].shape)
    arrays[q][j] = changed.clip(0, 255).astype(np.uint8)
    for plate, array in arrays.items():
        np.save(store.root / f"images/{plate}.npy", array)
    return PreparedStore.open(store.root)


def test_copied_and_changed_images_are_found_and_nothing_else(store: PreparedStore, split: pd.DataFrame) -> None:
    planted = plant(store, split)
    found = audit_split(split, planted)
    row = found.shared[(found.shared["first"] == "train") & (found.shared["second"] == "test")].iloc[0]
    assert (row["identical_images"], row["near_identical_images"]) == (1, 1)
    assert (row["images"], row["wells"]) == (0, 0)
    assert row["compounds"] > 0
    assert row["plates"] == 2
    assert held(found, "identical_images_on_both_sides")
    assert held(found, "compounds_on_both_sides")
    assert not held(found, "wells_on_both_sides")
    assert any("is the same image as" in line for line in audit_lines(found))


def test_a_csv_of_wells_or_sites_is_read(store: PreparedStore, tmp_path: Path) -> None:
    wells = store.sites[[schema.PLATE, schema.WELL]].drop_duplicates()
    parts = ["training" if number % 3 else "test" for number in range(len(wells))]
    path = tmp_path / "theirs.csv"
    pd.DataFrame({"plate": wells[schema.PLATE], "Well": wells[schema.WELL], "set": parts}).to_csv(path, index=False)
    frame = read_split(path, store.sites)
    assert len(frame) == len(store.sites)
    assert set(frame[schema.PART]) == {"train", "test"}
    assert not held(audit_split(frame, store), "wells_on_both_sides")
    sites = store.sites[schema.KEY[:3]].assign(part=["train", "test"] * (len(store.sites) // 2))
    sites.to_csv(path, index=False)
    assert held(audit_split(read_split(path, store.sites), store), "wells_on_both_sides")


def test_what_is_no_split_is_said(store: PreparedStore, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("plate,well,part\nP1,B02,tomorrow\n")
    with pytest.raises(SplitError, match="'tomorrow'"):
        read_split(path, store.sites)
    path.write_text("plate,well,part\nP9,B02,test\n")
    with pytest.raises(SplitError, match="that the store lacks"):
        read_split(path, store.sites)
    path.write_text("plate,part\nP1,test\n")
    with pytest.raises(SplitError, match="lacks Metadata_Well"):
        read_split(path, store.sites)
