"""What several processes are served is what one is served, in parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinfast.data.augment import AugmentationSpec
from kinfast.data.composites import parse_composites
from kinfast.data.feed import LoaderSettings
from kinfast.data.labels import select_labels
from kinfast.data.loaders import Loader, chosen_kind, make_loader
from kinfast.data.shard import Shard
from kinfast.data.store import PreparedStore

KINDS = [
    "torch",
    pytest.param("dali", marks=pytest.mark.skipif(chosen_kind("auto", "cpu") != "dali", reason="no DALI")),
]
BENT = AugmentationSpec(rotation_degrees=20.0, noise=0.05)
SETTINGS = LoaderSettings(input_size=16, batch_size=7, augmentation=BENT, seed=5)


def serve(kind: str, store: PreparedStore, settings: LoaderSettings, n_sites: int | None = None) -> Loader:
    rows = np.arange(n_sites or len(store.sites))
    labels = select_labels(store.sites, label="Metadata_Well")
    return make_loader(kind, store, rows, parse_composites(None, store), labels, settings)


@pytest.mark.parametrize("n", [0, 1, 5, 12])
@pytest.mark.parametrize("count", [1, 2, 5, 7])
def test_parts_are_disjoint_and_together_all(n: int, count: int) -> None:
    parts = [Shard(index, count).part(n) for index in range(count)]
    assert [row for part in parts for row in range(n)[part]] == list(range(n))
    sizes = [len(range(n)[part]) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [2, 3])
def test_the_parts_of_a_minibatch_are_the_minibatch(store: PreparedStore, kind: str, count: int) -> None:
    """Same sites, same geometry, same intensities, same noise; every site once an epoch, in the second one too."""
    whole = serve(kind, store, SETTINGS)
    parts = [serve(kind, store, replace(SETTINGS, shard=Shard(index, count))) for index in range(count)]
    served = []
    for epoch in (0, 1):
        for batch, *shares in zip(whole.epoch(epoch), *(part.epoch(epoch) for part in parts), strict=True):
            torch.testing.assert_close(torch.cat([share.rows for share in shares]), batch.rows)
            assert [share.first for share in shares] == np.cumsum([0, *map(len, shares[:-1])]).tolist()
            assert {share.of for share in shares} == {len(batch)}
            assert batch.targets is not None
            assert torch.cat([share.targets for share in shares if share.targets is not None]).equal(batch.targets)
            for place, stream in enumerate(batch.streams):
                assert torch.equal(torch.cat([share.streams[place] for share in shares]), stream)
            served += batch.rows.tolist() if epoch else []
    assert sorted(served) == list(range(len(store.sites)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_sites", [1, 5, 12])
def test_each_site_is_evaluated_by_one_process(store: PreparedStore, kind: str, n_sites: int) -> None:
    """In the rows' order, though processes have unlike numbers of sites, or none."""
    plain = replace(SETTINGS, augmentation=None, batch_size=2)
    parts = [serve(kind, store, replace(plain, shard=Shard(index, 3)), n_sites) for index in range(3)]
    served = [[batch.rows for batch in part.epoch(0)] for part in parts]
    assert [len(batches) for batches in served] == [len(part) for part in parts]
    assert torch.cat([rows for batches in served for rows in batches]).tolist() == list(range(n_sites))
