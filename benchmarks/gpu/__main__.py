"""`python -m benchmarks.gpu`: training on one GPU, in sites a second, in about eight minutes.

    python -m benchmarks.gpu --out results            # all of it, the important rows first
    python -m benchmarks.gpu --only dali,kernels      # some of it
    python -m benchmarks.gpu --tiny                   # on a CPU, in seconds: to see that it runs

It makes its own store of 12,300 sites of five channels of 224 x 224 random pixels, trains each backbone on it with two
streams in bfloat16, and prints a table. Each row is written to gpu.json and gpu.md as soon as it is measured. The
ceiling is the same model stepping on one minibatch that stays on the GPU. Nothing needs to be installed but what
kinfast imports; see setup.sh.
"""

import argparse
import contextlib
import gc
import itertools
import os
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from benchmarks.gpu.results import Results, Row, describe_machine
from benchmarks.gpu.stepping import Scene, endless, with_peak
from benchmarks.gpu.synthetic import write_store
from benchmarks.gpu.whole_run import ask_run, time_run

from kinfast.data.loaders import chosen_kind
from kinfast.train.stepping.kernels import fast_kernels

NVIDIA = "NVIDIA publishes 2,470 images/s (one A100, DALI, AMP)"
SMALL = "mobilenet_v2"
STREAMS = {1: "MiCoPh", 2: "MiCoPh,SyHoPh"}
EPOCHS = 15
SECONDS_LEFT = {"none": 25, "kernels": 110, "graphs": 110}
"""Below which a group is not begun: compiling takes one or two minutes."""


@dataclass(frozen=True, slots=True)
class Group:
    """One model, fed in several ways (loader, cache)."""

    backbone: str
    n_streams: int
    batch_size: int
    compiled: str
    feeds: tuple[tuple[str, str], ...]
    wanted: str = "bf16"

    @property
    def title(self) -> str:
        """The model in words."""
        streams = "two streams" if self.n_streams == 2 else "one stream"
        scaled = ", fp16 scaled" if self.wanted == "fp16" else ""
        return f"{self.backbone}, {streams}, batch {self.batch_size}{scaled}"


@dataclass(frozen=True, slots=True)
class Size:
    """How large everything is."""

    n_sites: int
    side: int
    batch_size: int
    seconds: float
    backbones: tuple[str, ...]
    epochs: int


FULL = Size(12_300, 224, 128, 2.5, ("resnet50", "mobilenet_v2", "vgg16"), EPOCHS)
TINY = Size(120, 32, 4, 0.0, ("lenet_alexnet",), 1)


def make_groups(size: Size, device: str) -> dict[str, list[Group]]:
    """Give the groups by name, in the order of their importance."""
    caches = ("gpu", "host", "none") if device.startswith("cuda") else ("host", "none")
    first, *_ = caches
    two = [(backbone, 2, size.batch_size) for backbone in size.backbones]
    one = (size.backbones[0], 1, 2 * size.batch_size)
    # of the most and smallest kernels: what launching costs shows there
    small = next((model for model in two if model[0] == SMALL), two[0])
    return {
        "eager": [Group(*model, "none", tuple(("torch", cache) for cache in caches)) for model in two],
        "one": [Group(*one, "none", (("torch", first),))],
        "run": [],
        "dali": [Group(*model, "none", tuple(("dali", cache) for cache in caches)) for model in two]
        + [Group(*one, "none", (("dali", first),))],
        "kernels": [Group(*model, "kernels", (("torch", first),)) for model in (*two, one)],
        "graphs": [Group(*model, "graphs", (("torch", first),)) for model in (small, one)],
        "fp16": [Group(*model, "none", (("torch", first),), wanted="fp16") for model in (two[0], small)],
        "asked": [],
    }


def measure(scene: Scene, group: Group) -> Iterator[Row]:
    """Measure a group: the ceiling stands before and after each way of feeding."""
    composites = STREAMS[group.n_streams]
    updater = scene.updater(group.backbone, group.n_streams, group.compiled)
    first = scene.loader(*group.feeds[0], composites, group.batch_size)
    fixed = next(iter(first.epoch(0)))
    began = time.perf_counter()
    before = scene.rate(updater, itertools.repeat(fixed))
    ready = time.perf_counter() - began - scene.seconds
    for kind, cache in group.feeds:
        loader = scene.loader(kind, cache, composites, group.batch_size)
        with contextlib.closing(endless(loader)) as batches:
            rate, peak = with_peak(scene.device, lambda batches=batches: scene.rate(updater, batches))
        after = scene.rate(updater, itertools.repeat(fixed))
        row = Row(group.title, kind, cache, group.compiled, rate, (before + after) / 2, peak)
        row.note = _note(group, rate, len(scene.store.sites), ready)
        yield row
        before = after


def _note(group: Group, rate: float, n_sites: int, ready: float) -> str:
    said = []
    if group.n_streams == 1:
        said.append(f"images/s; {NVIDIA}")
    else:
        said.append(f"{EPOCHS} epochs of {n_sites:,} sites: {EPOCHS * n_sites / rate / 60:.1f} min")
    if group.compiled != "none":
        said.append(f"first steps {ready:.0f} s")
    return "; ".join(said)


def run_all(size: Size, device: str, out: Path, work: Path, budget: float, only: Sequence[str]) -> Results:
    """Measure what the budget allows, in order; what is left out or fails is a row that says so."""
    end = time.monotonic() + budget
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    results = Results(out, describe_machine(device, threads))
    began = time.perf_counter()
    store = write_store(work / "prepared", size.n_sites, size.side, device)
    print(f"the store took {time.perf_counter() - began:.1f} s", flush=True)
    scene = Scene(store, size.side, device, threads, size.seconds)
    for name, groups in make_groups(size, device).items():
        if name not in only:
            continue
        if name == "run":
            _time_run(results, scene, size, work, end - time.monotonic())
        elif name == "asked":
            for backbone in size.backbones:
                _ask_run(results, scene, backbone, work, end - time.monotonic())
        elif name == "dali" and chosen_kind("auto", device) != "dali":
            results.add(Row("all", "dali", note="not measured: nvidia-dali is not installed"))
        else:
            for group in groups:
                _measure_group(results, replace(scene, wanted=group.wanted), group, end - time.monotonic())
    return results


def _measure_group(results: Results, scene: Scene, group: Group, left: float) -> None:
    empty = Row(group.title, group.feeds[0][0], compile=group.compiled)
    if scene.seconds and left < SECONDS_LEFT[group.compiled]:
        results.add(replace(empty, note="not measured: no time left"))
        return
    with _failures_as_rows(results, scene, empty):
        for row in measure(scene, group):
            results.add(row)


@contextlib.contextmanager
def _failures_as_rows(results: Results, scene: Scene, empty: Row) -> Iterator[None]:
    """Let one row's failure not take the others with it; the tiny run fails as a whole."""
    try:
        yield
    except Exception as error:
        if not scene.seconds:
            raise
        traceback.print_exc()
        results.add(replace(empty, note=f"failed: {' '.join(str(error).split())[:160]}"))
    gc.collect()
    if scene.device.startswith("cuda"):
        torch.cuda.empty_cache()


def _time_run(results: Results, scene: Scene, size: Size, work: Path, left: float) -> None:
    """Time `kinfast train` as it is, in fewer epochs where there is no time for all."""
    backbone = SMALL if SMALL in size.backbones else size.backbones[0]
    with tempfile.TemporaryDirectory(dir=work) as folder:
        results.add(time_run(scene, backbone, size.batch_size, size.epochs, left / 2, Path(folder) / "run"))


def _ask_run(results: Results, scene: Scene, backbone: str, work: Path, left: float) -> None:
    """Let `kinfast train` find its batch size and say what bounds it."""
    empty = Row(f"{backbone}, two streams", "torch")
    if scene.seconds and left < SECONDS_LEFT["none"]:
        results.add(replace(empty, note="not measured: no time left"))
        return
    with _failures_as_rows(results, scene, empty), tempfile.TemporaryDirectory(dir=work) as folder:
        results.add(ask_run(scene, backbone, Path(folder) / "run"))


def main() -> None:
    """Read the options, measure, and print the table last."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(".benchmarks") / "gpu", help="folder of gpu.json and gpu.md")
    parser.add_argument("--work", type=Path, help="folder of the store, 3.1 GB; a store in it is used again")
    parser.add_argument("--seconds", type=float, default=480.0, help="budget: rows that would end later are left out")
    parser.add_argument("--only", default="eager,one,run,dali,kernels,graphs,fp16,asked", help="some of the groups")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="see that it runs, on any machine")
    asked = parser.parse_args()
    only = asked.only.split(",")
    if asked.tiny and "cuda" not in asked.device:
        only = [name for name in only if name not in ("kernels", "graphs", "fp16")]
    with contextlib.ExitStack() as stack:
        work = asked.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(fast_kernels(asked.device))
        results = run_all(TINY if asked.tiny else FULL, asked.device, asked.out, work, asked.seconds, only)
    print(f"\n{results.markdown()}")


if __name__ == "__main__":
    main()
