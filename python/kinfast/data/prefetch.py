"""Prepares things ahead in a background thread, whose errors reach the caller."""

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Closes the queue; carries the error that ended the source, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetched(source: Iterator[T], depth: int) -> Generator[T, None, None]:
    """Yield what the source yields, up to `depth` items ahead. Depth 0 works in the caller's thread.

    The thread ends when the caller stops early. An error in the source is raised where its item was awaited.
    """
    if depth < 1:
        yield from source
        return
    items: queue.Queue[T | _End] = queue.Queue()
    room = threading.Semaphore(depth)
    stop = threading.Event()
    worker = threading.Thread(target=_fill, args=(source, items, room, stop), name="kinfast-prefetch", daemon=True)
    worker.start()
    try:
        while not isinstance(item := items.get(), _End):
            room.release()
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        room.release()
        worker.join()


def _fill(
    source: Iterator[T], items: "queue.Queue[T | _End]", room: threading.Semaphore, stop: threading.Event
) -> None:
    try:
        room.acquire()
        while not stop.is_set():
            items.put(next(source))
            room.acquire()
    except StopIteration:
        items.put(_End(None))
    except BaseException as error:  # whatever it is, the caller must see it
        items.put(_End(error))
