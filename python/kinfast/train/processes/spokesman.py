"""Which of several processes says why they end: one line for all, whoever of them is gone.

The first process speaks to the person, but it may be the one that was killed, or the last to hear of another's error.
So the right to speak is a counter in torchrun's own store, which outlives each of its processes: the first process
that counts has it, and the others end without a word.
"""

import time

import torch.distributed as dist
from torch._C._distributed_c10d import Store

from kinfast.errors import KinfastError, RankError
from kinfast.train.resuming.interruption import ignore_termination

EXIT_INPUT = 2
ALIKE_SECONDS = 0.5
"""That another process waits with an error of its own: where all meet it alike, the first is to tell of it."""
_KEY = "kinfast/end"


class Spokesman:
    """Settles, for process `rank` of `size`, what it ends with."""

    def __init__(self, store: Store, rank: int, size: int) -> None:
        self._store, self._rank, self._size = store, rank, size

    def ending(self, error: BaseException) -> BaseException:
        """Give what to raise in the place of what ended this process's work, or that itself."""
        if isinstance(error, SystemExit):  # it was told that it has nothing to add
            return error
        if isinstance(error, KeyboardInterrupt):
            if self._rank == 0:  # which says so
                self._may_speak()
            return error
        ignore_termination()
        lost = is_loss(error)
        if self._rank > 0 and not lost:
            time.sleep(ALIKE_SECONDS)
        if not self._may_speak():
            return SystemExit(getattr(error, "exit_code", EXIT_INPUT))
        if lost:
            return RankError(
                f"one of the {self._size} processes is gone without a word: killed, often for want of memory, or its "
                "machine is down (torchrun names it below); wanted all until the end"
            )
        if self._rank > 0 and isinstance(error, KinfastError | OSError | MemoryError):
            return RankError(f"process {self._rank} of {self._size}: {' '.join(str(error).split())}")
        return error

    def _may_speak(self) -> bool:
        try:
            return int(self._store.add(_KEY, 1)) == 1
        except RuntimeError:  # the machine that kept the counter is gone: better two lines than none
            return True


def is_loss(error: BaseException) -> bool:
    """Say whether an error is torch's, about another process that no longer answers."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))
