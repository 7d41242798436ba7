"""The machine's limits: how many threads torch takes, and what is said when a memory is full."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let torch use so many threads on the CPU, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_in_words(device: str, what: str, remedy: str) -> Iterator[None]:
    """Turn torch's page about a full memory into one line that says what to change.

    Args:
        device: whose memory.
        what: it did not hold: "a minibatch of 32 sites".
        remedy: "lower --batch-size".

    Raises:
        MemoryError: in the place of torch's error.
    """
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; the CPU's allocator has no type of its own
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise MemoryError(f"the memory of {device} does not hold {what}: {remedy}") from error
