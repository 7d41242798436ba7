"""The machine's limits: how many threads torch takes, and what is said when a memory is full."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_FULL = ("allocate memory", "out of memory", "ALLOC_FAILED")
"""Of the CPU's allocator; of CUDA's driver and Apple's GPUs; of cuBLAS and cuDNN, whose workspaces come last."""


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
    except RuntimeError as error:
        if not is_full(error):
            raise
        raise MemoryError(f"the memory of {device} does not hold {what}: {remedy}") from error


def is_full(error: RuntimeError) -> bool:
    """Say whether an error is of a full memory: torch's allocator has a type for it, the libraries below only words."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _FULL)
