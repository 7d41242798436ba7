"""What training shows while it runs: how it does, and how long the model waits for its data."""

import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import torch

from kinfast.train.watching.sums import Sums

WAITING = "kinfast: waiting for data"
"""Name of such a stretch in a trace."""
REFRESH_SECONDS = 2.0
"""From one look at the loss to the next: to read it, the host must wait for the device."""
GIB = 2**30
T = TypeVar("T")


class Watch:
    """Watches one epoch's steps: the time that they wait for minibatches, and a note for beside the progress bar."""

    def __init__(self, device: str, history: list[dict[str, Any]]) -> None:
        self.waited = 0.0
        self._device = torch.device(device)
        self._said = f", {last_score(history)}" if last_score(history) else ""
        self._began = self._looked = time.perf_counter()
        self._note = ""

    def over(self, batches: Iterable[T]) -> Iterator[T]:
        """Yield minibatches, and add up the time until each of them is there."""
        iterator = iter(batches)
        while True:
            began = time.perf_counter()
            with torch.profiler.record_function(WAITING):
                batch = next(iterator, None)
            self.waited += time.perf_counter() - began
            if batch is None:
                return
            yield batch

    def note(self, sums: Sums) -> str:
        """Give what is shown: loss of this epoch, the last validation's score, waiting, memory; new now and then."""
        now = time.perf_counter()
        if now - self._looked >= REFRESH_SECONDS or not self._note:
            self._looked = now
            memory = "" if self._device.type != "cuda" else f", {used_memory(self._device) / GIB:.1f} GiB of the GPU"
            loss = float(sums.loss) / max(1, sums.sites)
            self._note = f"loss {loss:.3f}{self._said}, {self.share:.0%} waiting for data{memory}"
        return self._note

    @property
    def share(self) -> float:
        """The part of the time so far that was spent waiting for data, 0 to 1."""
        return self.waited / max(time.perf_counter() - self._began, 1e-9)


def last_score(history: list[dict[str, Any]]) -> str:
    """Say how the last epoch's validation went; empty before the first, and without a validation part."""
    last = history[-1] if history else {}
    for name, words in (("validation_balanced_accuracy", "balanced accuracy"), ("validation_loss", "validation loss")):
        if last.get(name) is not None:
            return f"{words} {last[name]:.3f}"
    return ""


def used_memory(device: torch.device) -> int:
    """Give the most bytes of a GPU that torch has held, its cache included."""
    return int(torch.cuda.max_memory_reserved(device))
