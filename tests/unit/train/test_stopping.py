"""Which epoch is kept, and when training stops."""

import math

from kinfast.train.watching.stopping import Best, unripe_epochs


def follow(losses: list[float], unripe: int = 0) -> list[Best]:
    best, states = Best(unripe), []
    for epoch, loss in enumerate(losses):
        best = best.after(epoch, loss)
        states.append(best)
    return states


def test_the_lowest_validation_loss_is_kept() -> None:
    assert [state.epoch for state in follow([0.9, 0.5, 0.7, 0.4, 0.6])] == [0, 1, 1, 3, 3]


def test_a_lucky_first_epoch_gives_way_to_the_first_ripe_one() -> None:
    states = follow([0.01, 0.9, 0.8, 0.7, 0.75], unripe=2)
    assert [state.epoch for state in states] == [0, 0, 2, 3, 3]


def test_patience_counts_ripe_epochs_alone() -> None:
    states = follow([0.1, 0.9, 0.9, 0.5, 0.6, 0.6, 0.6], unripe=3)
    assert [state.exhausted(3) for state in states] == [False] * 6 + [True]
    assert not any(state.exhausted(0) for state in states)


def test_without_a_validation_part_the_latest_is_kept_and_nothing_stops() -> None:
    states = follow([math.nan] * 5)
    assert [state.epoch for state in states] == [0, 1, 2, 3, 4]
    assert not states[-1].exhausted(1)


def test_some_epoch_is_always_ripe() -> None:
    assert [unripe_epochs(epochs, 0.25) for epochs in (1, 2, 4, 12)] == [0, 0, 1, 3]
    assert unripe_epochs(1, 0.99) == 0
