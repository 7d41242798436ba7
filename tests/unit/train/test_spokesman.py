"""Of several processes that end, one says why, whichever of them is gone."""

from collections.abc import Callable

import pytest
import torch.distributed as dist

from kinfast.cli import main
from kinfast.errors import KinfastError, RankError, StoreError
from kinfast.train.processes import spokesman
from kinfast.train.processes.spokesman import Spokesman

GONE = RuntimeError("[third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:40386")


@pytest.fixture
def of_three(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Spokesman]:
    monkeypatch.setattr(spokesman, "ignore_termination", lambda: None)
    monkeypatch.setattr(spokesman, "ALIKE_SECONDS", 0.0)
    store = dist.HashStore()
    return lambda rank: Spokesman(store, rank, 3)


def test_one_of_those_left_tells_of_the_one_that_is_gone(of_three: Callable[[int], Spokesman]) -> None:
    told, silent = of_three(2).ending(GONE), of_three(1).ending(dist.DistNetworkError("Connection reset"))
    assert isinstance(told, RankError)
    assert str(told).startswith("one of the 3 processes is gone without a word: killed")
    assert isinstance(silent, SystemExit)
    assert silent.code == main.EXIT_INPUT


def test_an_error_of_one_process_is_said_and_not_that_it_is_gone(of_three: Callable[[int], Spokesman]) -> None:
    """It used to be lost where it was not the first's, which said to look for a message that nobody had printed."""
    told = of_three(1).ending(StoreError("images/P0.npy is torn"))
    assert isinstance(told, RankError)
    assert str(told) == "process 1 of 3: images/P0.npy is torn"
    assert isinstance(of_three(0).ending(GONE), SystemExit)
    assert isinstance(of_three(2).ending(GONE), SystemExit)


def test_what_all_meet_alike_the_first_says(of_three: Callable[[int], Spokesman]) -> None:
    error = KinfastError("the loss is nan")
    assert of_three(0).ending(error) is error
    assert isinstance(of_three(1).ending(KinfastError("the loss is nan")), SystemExit)


def test_who_has_nothing_to_add_leaves_the_word_to_the_others(of_three: Callable[[int], Spokesman]) -> None:
    end = SystemExit(2)
    assert of_three(1).ending(end) is end
    stopped = KeyboardInterrupt()
    assert of_three(1).ending(stopped) is stopped
    assert of_three(0).ending(stopped) is stopped  # which the command line says
    assert isinstance(of_three(2).ending(GONE), SystemExit)


def test_without_the_counter_a_line_too_many_is_better_than_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spokesman, "ignore_termination", lambda: None)

    class Lost(dist.HashStore):
        def add(self, key: str, amount: int) -> int:
            raise dist.DistNetworkError(f"{key} {amount}: connection refused")

    assert isinstance(Spokesman(Lost(), 0, 2).ending(GONE), RankError)
    assert isinstance(Spokesman(Lost(), 1, 2).ending(GONE), RankError)


def test_a_process_that_speaks_for_all_is_heard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main.launch, "rank", lambda: 1)
    main._say(StoreError("said by the first, too"), False, "kinfast")
    main._say(RankError("process 1 of 2: torn"), False, "kinfast")
    assert capsys.readouterr().err == "kinfast: process 1 of 2: torn\n"
