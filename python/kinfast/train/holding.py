"""A run's folder while it is trained: nobody else writes there, and what a full or failing disk means is said."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinfast.errors import RunError
from kinfast.locks import take_lock
from kinfast.train.folder import CHECKPOINTS

_LOCK = ".lock"


@contextmanager
def held_folder(run: Path) -> Iterator[None]:
    """Hold a run's folder until the region is left, or the process ends, however it does.

    Raises:
        RunError: another process holds it, or the disk is full, fails or cannot be written to.
    """
    try:
        (run / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
        with (run / CHECKPOINTS / _LOCK).open("w") as lock:
            if not take_lock(lock):
                raise RunError(f"another process trains {run}: wait for it to end, or stop it first")
            yield
    except OSError as error:
        if words := _disk_words(error, run):
            raise RunError(words) from error
        raise


def _disk_words(error: OSError, run: Path) -> str:
    """Say what an error of the run's disk means; empty for one of anything else."""
    file = str(error.filename or run)  # a write to an open file does not say to which
    if not error.errno or not file.startswith(str(run)):
        return ""
    again = f"kinfast train --resume {run} goes on from the last checkpoint"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{run}: the disk is full ({os.strerror(error.errno)}): make room; {again}"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"{file}: cannot be written ({os.strerror(error.errno)}): choose another --out, or let it be written to"
    return f"{file}: the disk fails ({os.strerror(error.errno)}): mend it; {again}" if error.errno == errno.EIO else ""
