"""A trace of some training steps, and in words what bounds them."""

import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from kinfast.train.stepping.precision import Precision
from kinfast.train.watching.watch import WAITING

TRACE = "trace"
"""Folder in a run."""
WARM_UP, TRACED = 2, 8
"""Steps that are left out, since they allocate and choose kernels, and steps that are looked at."""
WAITS, LAUNCHES, CONVOLUTION, OPTIMISER, COPIES, OTHER = (
    "waiting for data",
    "launching kernels",
    "convolution",
    "optimiser",
    "copies between host and device",
    "other layers and the loss",
)
REMEDIES = {
    WAITS: "--cache host or gpu, more --threads, or a faster disk; less free rotation, shear and scaling",
    LAUNCHES: "a larger --batch-size, or --compile graphs",
    CONVOLUTION: "a smaller --input-size or backbone, or more processors or GPUs",
    OPTIMISER: "a larger --batch-size: fewer steps an epoch",
    COPIES: "--cache gpu",
    OTHER: "--compile kernels",
}
AMP = {CONVOLUTION: "--amp, ", OTHER: "--amp or "}
"""Before the remedy, where the device is faster in fewer bits."""
_KINDS = {COPIES: re.compile("memcpy", re.IGNORECASE), CONVOLUTION: re.compile("conv", re.IGNORECASE)}
"""What operations are called, in torch and in the device's libraries."""


class Trace:
    """Records `TRACED` steps after `WARM_UP` of one epoch, then writes what it saw and says it; once."""

    def __init__(self, run: Path, precision: Precision) -> None:
        self.lines: list[str] = []
        self._folder, self._device = run / TRACE, torch.device(precision.device)
        self._amp = precision.amp_helps
        self._steps = 0
        self._profiler: Any = None
        self._began = 0.0

    def step(self) -> None:
        """Count a step that was taken."""
        self._steps += 1
        if self._steps == WARM_UP:
            self._begin()
        elif self._steps == WARM_UP + TRACED:
            self.finish()

    def finish(self) -> None:
        """End it, where the epoch has fewer steps too."""
        if self._profiler is None:
            return
        self._wait_for_device()
        seconds, profiler = time.perf_counter() - self._began, self._profiler
        self._profiler = None
        profiler.__exit__(None, None, None)
        n_steps = min(self._steps, WARM_UP + TRACED) - WARM_UP
        if n_steps < 1:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "steps.json"
        profiler.export_chrome_trace(str(path))
        shares = divide(profiler.events(), profiler.key_averages(), seconds, on_gpu=self._device.type == "cuda")
        sentence = in_words(shares, n_steps, seconds, amp=self._amp)
        content = {"steps": n_steps, "seconds": round(seconds, 6), "shares": shares, "text": sentence}
        (self._folder / "bound.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        self.lines = [sentence, f"the steps as a trace, for ui.perfetto.dev or chrome://tracing: {path}"]

    def _begin(self) -> None:
        activities = [torch.profiler.ProfilerActivity.CPU]
        if self._device.type == "cuda":
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        self._wait_for_device()
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's library else says on stderr that it begins
        self._profiler = torch.profiler.profile(activities=activities)
        self._profiler.__enter__()
        self._began = time.perf_counter()

    def _wait_for_device(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def divide(events: Iterable[Any], averages: Iterable[Any], seconds: float, *, on_gpu: bool) -> dict[str, float]:
    """Divide the time of some steps among what it went to: shares of 0 to 1 that add up to 1.

    Args:
        events: the profiler's.
        averages: its events by name.
        seconds: that the steps took.
        on_gpu: then what counts is the device's time; the part of it in which it did nothing and the host did not wait
            for data either went to launching.
    """
    whole = 1e6 * seconds
    listed, named = list(events), list(averages)
    waited = sum(event.time_range.elapsed_us() for event in listed if event.name == WAITING and _on_host(event))
    parts = dict.fromkeys((CONVOLUTION, OPTIMISER, COPIES), 0.0)
    optimising = [one for one in named if one.key.startswith("Optimizer.step")]
    inside = "device_time_total" if on_gpu else "cpu_time_total"
    own = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    parts[OPTIMISER] = sum(getattr(one, inside) for one in optimising)
    for one in named:
        kind = next((kind for kind, pattern in _KINDS.items() if pattern.search(one.key)), None)
        if kind is not None:
            parts[kind] += getattr(one, own)
    idle = max(0.0, whole - _busy([event for event in listed if _on_device(event)])) if on_gpu else 0.0
    waits = min(waited, idle) if on_gpu else waited
    parts |= {WAITS: waits, LAUNCHES: max(0.0, idle - waits)}
    shares = {name: min(1.0, value / whole) for name, value in parts.items()}
    known = sum(shares.values())
    if known > 1:  # streams that overlap count twice
        shares = {name: value / known for name, value in shares.items()}
    return {name: round(value, 4) for name, value in (shares | {OTHER: max(0.0, 1 - known)}).items()}


def in_words(shares: Mapping[str, float], n_steps: int, seconds: float, *, amp: bool) -> str:
    """Say what bounds some steps, the other parts in falling order, and what would help; amp: whether it would."""
    first, *others = sorted(shares, key=lambda name: -shares[name])
    rest = ", ".join(f"{name} {shares[name]:.0%}" for name in others if shares[name] >= 0.005)
    return (
        f"{n_steps} steps of {1e3 * seconds / n_steps:.0f} ms are bound by {first}, {shares[first]:.0%} of the time"
        f"{f' ({rest})' if rest else ''}: give {AMP.get(first, '') if amp else ''}{REMEDIES[first]}"
    )


def _on_device(event: Any) -> bool:
    # named stretches of the host are drawn over the device's time too, and are no work of it
    named = bool(getattr(event, "is_user_annotation", False))
    return bool(event.device_type.name == "CUDA") and not named


def _on_host(event: Any) -> bool:
    return bool(event.device_type.name == "CPU")


def _busy(events: Iterable[Any]) -> float:
    """Give the microseconds in which at least one of the device's events ran."""
    spans = sorted((event.time_range.start, event.time_range.end) for event in events)
    total, until = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
