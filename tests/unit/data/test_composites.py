"""Composites as a person writes them."""

import numpy as np
import pytest

from kinfast.data.composites import Composite, parse_composites, stream_positions, used_channels
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        (None, [("Mito", "ER", "AGP"), ("RNA", "DNA", "AGP")]),
        ("MiCoPh", [("Mito", "ER", "AGP")]),
        (" MiCoPh , MiSyHo", [("Mito", "ER", "AGP"), ("Mito", "RNA", "DNA")]),
        ("DNA+RNA+ER,AGP+Mito+DNA", [("DNA", "RNA", "ER"), ("AGP", "Mito", "DNA")]),
        ("DNA+RNA+ER+AGP+Mito", [("DNA", "RNA", "ER", "AGP", "Mito")]),
        ("DNA+DNA+ER", [("DNA", "DNA", "ER")]),
        ("Mito", [("Mito",)]),
        (["MiCoPh", "RNA + DNA"], [("Mito", "ER", "AGP"), ("RNA", "DNA")]),
    ],
)
def test_every_way_to_write_composites(
    store: PreparedStore, text: str | list[str] | None, channels: list[tuple[str, ...]]
) -> None:
    assert [composite.channels for composite in parse_composites(text, store)] == channels


@pytest.mark.parametrize("text", ["MiCoPH", "DNA+Brightfield+ER", "DNA++ER"])
def test_what_cannot_be_built_is_refused_with_what_can(store: PreparedStore, text: str) -> None:
    with pytest.raises(UsageError, match=r"what can be built: MiCoPh \(Mito\+ER\+AGP\), .*DNA, RNA, ER, AGP, Mito"):
        parse_composites(text, store)


def test_defaults_that_the_channels_do_not_allow_are_refused(store: PreparedStore) -> None:
    store.dataset["streams"] = []
    with pytest.raises(UsageError, match="no default streams"):
        parse_composites(None, store)
    store.dataset["streams"] = ["MiCoPh"]
    store.dataset["channels"] = ["DNA", "RNA", "AGP"]
    with pytest.raises(UsageError, match=r"no Mito, ER here; what can be built: SyHoPh \(RNA\+DNA\+AGP\), or"):
        parse_composites(None, store)


def test_channels_are_gathered_once_and_found_again(store: PreparedStore) -> None:
    composites = (Composite("a", ("Mito", "RNA", "Mito")), Composite("b", ("AGP",)))
    assert used_channels(composites, store).tolist() == [1, 3, 4]
    assert used_channels(composites, store).dtype == np.int64
    assert stream_positions(composites, store) == ((2, 0, 2), (1,))
