"""The background thread: order, errors, stopping early."""

import threading
from collections.abc import Iterator

import pytest
import torch

from kinfast.data.ahead import side_stream
from kinfast.data.prefetch import prefetched


def running() -> int:
    return sum(thread.name == "kinfast-prefetch" for thread in threading.enumerate())


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_everything_comes_in_order(depth: int) -> None:
    assert list(prefetched(iter(range(50)), depth)) == list(range(50))
    assert running() == 0


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_an_error_reaches_the_caller_after_what_came_before_it(depth: int) -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the disk is gone")

    items = prefetched(source(), depth)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)
    assert running() == 0


def test_stopping_early_ends_the_thread_and_closes_nothing_twice() -> None:
    items = prefetched(iter(range(10**9)), 2)
    assert next(items) == 0
    assert running() == 1
    items.close()
    assert running() == 0


def test_no_more_than_the_depth_is_made_ahead() -> None:
    made = []

    def source() -> Iterator[int]:
        for item in range(100):
            made.append(item)
            yield item

    items = prefetched(source(), 2)
    next(items)
    threading.Event().wait(0.05)
    # one in the caller's hands, two waiting
    assert len(made) <= 3
    items.close()


def test_a_gpu_has_one_stream_beside_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stream has freed is its own: with a new one each epoch the minibatches' memory would be taken anew."""
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: [device])
    first, second = (torch.device("cuda", number) for number in (6, 7))
    assert side_stream(first) is side_stream(first)
    assert side_stream(first) is not side_stream(second)
    side_stream.cache_clear()
