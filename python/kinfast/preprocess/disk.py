"""The store's disk: room for the work, one run at a time, and what a full or read-only disk means, in words."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kinfast.errors import InputError
from kinfast.locks import take_lock
from kinfast.preprocess.merge import check_sizes
from kinfast.preprocess.plan import PlateTask, stored_shape
from kinfast.preprocess.shard import PLATES, ShardPaths, finished_plates, read_facts

SAFETY_BYTES = 16 * 2**20
"""Free space that must be left beside the images, for tables."""


def check_place(tasks: Sequence[PlateTask], out: Path) -> None:
    """Check that a store would not lie among images: a folder with a store in it is no plate to the next run.

    Raises:
        InputError: it would.
    """
    root, place = tasks[0].root, out.resolve()
    if place != root and root not in place.parents:
        return
    below = "" if place == root else f"{place.relative_to(root).as_posix()}/"
    paths = (planes[0].path for task in tasks for site in task.plate.sites for planes in site.channels)
    if any(path.startswith(below) for path in paths):
        raise InputError(f"{out}: the plates' images lie in this folder: choose another --out, such as prepared")


def check_room(tasks: Sequence[PlateTask], out: Path) -> list[str]:
    """Check that plates to be done go together and fit on the disk, before hours of work.

    Headers are read again when a plate's turn comes: hours later a share may hold other files.

    Returns:
        Lines that a person should read, on what the headers tell.
    """
    notes = []
    sizes = {
        plate: tuple(stored)
        for plate in finished_plates(out)
        if (stored := read_facts(ShardPaths(out, plate))["stored"])
    }
    needed = SAFETY_BYTES
    for task in tasks:
        sizes.pop(task.plate.name, None)
        headers = task.headers()
        notes += [headers.say_paged(task.plate.name)] if headers.paged else []
        if headers.shape is not None:
            height, width = stored_shape(headers.shape, task.config.shorter_side)
            sizes[task.plate.name] = (height, width)
            needed += height * width * len(task.channels) * len(task.plate.sites)
    check_sizes(dict(sorted(sizes.items())))
    status = os.statvfs(out)
    free = status.f_bavail * status.f_frsize
    if tasks and needed > free:
        raise InputError(
            f"{out}: {needed / 2**20:,.0f} MiB are needed and {free / 2**20:,.0f} MiB are free: "
            "make room, choose another --out or a smaller --size"
        )
    return notes


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Keep a second run out of the same store."""
    folder = out / PLATES
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made a folder ({error.strerror}): choose another --out") from error
    with (folder / ".lock").open("w") as lock:
        if not take_lock(lock):
            raise InputError(f"{out}: another kinfast preprocess is writing here; wait for it to end")
        yield


@contextmanager
def plain_disk_errors(out: Path) -> Iterator[None]:
    """Say in words what a full, read-only or failing disk means."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"{out}: the disk is full; finished plates are kept: make room and run the same command again"
            ) from error
        file = str(error.filename or out)  # a write to an open file does not say to which
        if not error.errno or not file.startswith(str(out)):
            raise
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise InputError(f"{file}: cannot be written ({error.strerror}): choose another --out") from error
        raise InputError(
            f"{file}: the disk fails ({os.strerror(error.errno)}); finished plates are kept: mend it and run the same "
            "command again, or choose another --out"
        ) from error
