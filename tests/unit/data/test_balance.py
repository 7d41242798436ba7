"""Balanced sampling: equal classes, and no site twice before all others of its class were seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfast.data.balance import balance_lines, balanced_rows

ROWS = np.arange(100, 120)
CODES = np.array([0] * 3 + [2] * 7 + [5] * 10)


@given(st.integers(1, 60), st.integers(1, 5))
def test_over_epochs_each_class_goes_round(draws: int, epochs: int) -> None:
    taken = [balanced_rows(ROWS, CODES, draws, seed=1, epoch=epoch) for epoch in range(epochs)]
    for rows in taken:
        assert len(rows) == draws
        counts = [int(np.isin(rows, ROWS[code == CODES]).sum()) for code in (0, 2, 5)]
        assert max(counts) - min(counts) <= 1
    together = np.concatenate(taken)
    for code in (0, 2, 5):
        times = [int((together == row).sum()) for row in ROWS[code == CODES]]
        assert max(times) - min(times) <= 1


def test_an_epoch_depends_on_no_other_and_each_round_is_shuffled() -> None:
    first, again = (balanced_rows(ROWS, CODES, 30, seed=2, epoch=3) for _ in range(2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != balanced_rows(ROWS, CODES, 30, seed=3, epoch=3).tolist()
    rounds = balanced_rows(ROWS, CODES, 60, seed=2, epoch=0)
    largest = rounds[np.isin(rounds, ROWS[CODES == 5])]  # 20 turns: two rounds of ten
    assert sorted(largest[:10]) == sorted(largest[10:])
    assert largest[:10].tolist() != largest[10:].tolist()


def test_it_is_said_what_an_epoch_is_and_which_sites_are_never_seen() -> None:
    said = balance_lines(("rare", "none", "many"), np.array([5, 0, 400]), draws=100, epochs=3)
    assert said == [
        "balanced sampling: an epoch is 100 sites, 50 of each of 2 classes; it sees a site of rare (5 sites) 10 times "
        "and of many (400 sites) 0.125 times",
        "not seen at all in 3 epochs: 250 of many; more --epochs or --steps-per-epoch see them",
    ]
    assert len(balance_lines(("a", "b"), np.array([5, 150]), draws=100, epochs=3)) == 1


@pytest.mark.parametrize("epochs", [3, 4])
def test_what_is_said_to_be_seen_is_seen(epochs: int) -> None:
    rows, codes = np.arange(160), np.array([0] * 10 + [1] * 150)
    seen = np.unique(np.concatenate([balanced_rows(rows, codes, 80, 0, epoch) for epoch in range(epochs)]))
    lines = balance_lines(("a", "b"), np.array([10, 150]), 80, epochs)
    assert (len(seen) == 160) == (len(lines) == 1)
