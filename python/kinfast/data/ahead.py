"""Minibatches are made while the model still works on the one before: on a GPU, on a stream beside the model's."""

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch

from kinfast.data.minibatch import Minibatch

AHEAD = 2
"""Steps that the host may be ahead of a GPU: it never waits, and no more minibatches than that are in memory."""
T = TypeVar("T")


def made_ahead(make: Callable[[T], Minibatch], batches: Iterable[T], device: torch.device) -> Iterator[Minibatch]:
    """Make minibatches, on a GPU each one while the model still works on the one before.

    There a minibatch's copies and augmentation run on a stream of their own; the model's stream waits for them, the
    host does not.

    Args:
        make: from a batch on the host to a minibatch on the device.
        batches: in order.
        device: of the minibatches.
    """
    if device.type != "cuda":
        yield from map(make, batches)
        return
    stream = side_stream(device)
    # what is resident was put there by the stream of this moment
    stream.wait_stream(torch.cuda.current_stream(device))
    asked: deque[torch.cuda.Event] = deque()
    waiting: tuple[Minibatch, torch.cuda.Event] | None = None
    for batch in batches:
        with torch.cuda.stream(stream):
            made = make(batch), stream.record_event()
        if waiting is not None:
            yield _handed_over(*waiting, device)
            _hold_back(asked, device)
        waiting = made
    if waiting is not None:
        yield _handed_over(*waiting, device)


@functools.cache
def side_stream(device: torch.device) -> torch.cuda.Stream:
    """Give a GPU's stream beside the model's, the same one each time.

    torch's allocator keeps what a stream has freed for that stream alone: with a new one each epoch every epoch would
    take its minibatches' memory anew.
    """
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _handed_over(batch: Minibatch, ready: torch.cuda.Event, device: torch.device) -> Minibatch:
    """Let the model's stream wait for a minibatch, and its memory for the model's stream."""
    current = torch.cuda.current_stream(device)
    current.wait_event(ready)
    for tensor in (*batch.streams, *(() if batch.targets is None else (batch.targets,))):
        tensor.record_stream(current)
    return batch


def _hold_back(asked: deque[torch.cuda.Event], device: torch.device) -> None:
    """Wait until the GPU is at most `AHEAD` steps behind the host."""
    asked.append(torch.cuda.current_stream(device).record_event())
    if len(asked) > AHEAD:
        asked.popleft().synchronize()
