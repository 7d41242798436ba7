"""Folders that one process at a time writes to."""

import fcntl
from typing import IO


def take_lock(file: IO[str]) -> bool:
    """Lock an open file until it is closed, or the process ends, however it does.

    Returns:
        False where another process holds it. On a file system without locks nobody can tell, and all may go on.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
