"""A run's models as one file for other programs: ONNX, or torch.export's. No file is there that was not compared."""

import copy
import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kinfast import __version__
from kinfast.data.composites import Composite
from kinfast.data.feed import LoaderSettings
from kinfast.data.store import PreparedStore
from kinfast.data.torch_loader import TorchLoader
from kinfast.data.views import fixed_views
from kinfast.errors import RunError, UsageError
from kinfast.models import StreamClassifier
from kinfast.progress import Reporter, Silent
from kinfast.train import folder
from kinfast.train.finished.apply import load_model, run_composites
from kinfast.train.finished.export_files import INPUT, OUTPUTS, Said, read_onnx, read_torch, write_onnx, write_torch
from kinfast.train.finished.whole_sites import WholeSites
from kinfast.train.inference import answer
from kinfast.train.limits import torch_threads
from kinfast.train.predictions import FoldAnswers, mean_answers
from kinfast.train.stepping.losses import Loss
from kinfast.train.stepping.precision import Precision

ONNX, TORCH = "onnx", "torch"
SUFFIXES = {ONNX: ".onnx", TORCH: ".pt2"}
CHECKED_SITES = 4
"""Enough to ask in batches of two sizes; a float64 pass of VGG16 takes seconds a site."""
MORE = 16
"""Times the error of PyTorch's own float32 that an exported model may err. Both add up the same products in float32,
each in its order: their errors are alike in size, and the largest of a few is never many times that of another few."""
PROTOBUF_BYTES = 2**31
"""What an ONNX file holds at most."""
INSTALL = "pip install 'kinfast[export]', or ask for --format torch"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: of the file.
        folds: whose models it averages.
        largest: of the differences to PyTorch: of logits and of probabilities; None where nothing could read it.
        allowed: of the two.
    """

    path: Path
    folds: tuple[int, ...]
    largest: tuple[float, float] | None
    allowed: tuple[float, float]


def export_run(
    run: Path,
    store: PreparedStore,
    path: Path,
    kind: str = ONNX,
    *,
    fold: int | None = None,
    threads: int = 1,
    reporter: Reporter | None = None,
) -> Exported:
    """Write a finished run's model as one file that takes sites as they lie in a store.

    Input `sites`, (batch, h, w, channels) uint8, the store's channels in its order; outputs `logits` and
    `probabilities`, (batch, n_classes) float32, those of `predict` in float32: views, composites, normalisation and the
    mean over the folds are inside. Class names, channels and hashes are in the file's metadata.

    Args:
        run: the folder of a finished run.
        store: whose image size and order of channels the file takes; some of its sites are what it is compared on.
        path: of the file.
        kind: onnx or torch.
        fold: whose model; None: the mean over all.
        threads: of torch.
        reporter: told what is done.

    Raises:
        UsageError: an unknown kind or fold, a package that is missing, or more than a file holds.
        RunError: the run is not finished, its network cannot be exported, or what was written says something else.
    """
    check_kind(kind)
    told = reporter or Silent()
    content = folder.read_config(run)
    numbers = _chosen_folds(fold, int(content["folds"]))
    composites = run_composites(content, store)
    every = folder.read_weights(run / folder.WEIGHTS, int(content["folds"]))
    models = [load_model(content, every[number], run).eval() for number in numbers]
    if kind == ONNX:
        _check_size(models)
    with torch_threads(threads), torch.no_grad():
        module = _whole(models, content, store, composites)
        rows = _spread_rows(len(store.sites))
        sites = torch.from_numpy(store.gather(rows, np.arange(len(store.channels)), threads=threads))
        told.line(f"{len(numbers)} of the run's folds as one model, in float32; compared on {len(rows)} sites")
        wanted = _asked(models, content, store, composites, rows, threads)
        allowed = _allowed(module, sites, wanted)
        metadata = json.dumps(describe(run, content, store, composites, numbers), ensure_ascii=False)
        largest = _write(module, sites, metadata, path, kind, partial(_differences, wanted=wanted, allowed=allowed))
    return Exported(path, numbers, largest, allowed)


def check_kind(kind: str) -> None:
    """Refuse a kind of file that is unknown or that a missing package would write.

    Raises:
        UsageError: it is.
    """
    if kind not in SUFFIXES:
        raise UsageError(f"format {kind!r} is unknown: wanted {', '.join(SUFFIXES)}")
    if kind == ONNX and importlib.util.find_spec("onnx") is None:
        raise UsageError(f"format onnx: the package onnx is not installed; {INSTALL}")


def describe(
    run: Path, content: dict[str, Any], store: PreparedStore, composites: Sequence[Composite], folds: Sequence[int]
) -> dict[str, Any]:
    """Describe an exported model: what it takes and gives, and what it came from."""
    height, width = store.image_size
    hashes = ("split_hash", "data_hash", "parameters_hash")
    return {
        "software_version": __version__,
        "run": run.resolve().name,
        "run_hash": run_hash(run),
        **{name: content.get(name) for name in hashes},
        "folds": list(folds),
        "backbone": content["backbone"],
        "task": content.get("task"),
        "classes": content["classes"],
        "several_labels": bool(content.get("several_labels")),
        "input": {
            "name": INPUT,
            "dtype": "uint8",
            "shape": ["batch", height, width, len(store.channels)],
            "channels": list(store.channels),
        },
        "streams": [{"name": stream.name, "channels": list(stream.channels)} for stream in composites],
        "input_size": content["input_size"],
        "views": _corners(content, store),
        "outputs": list(OUTPUTS),
    }


def run_hash(run: Path) -> str:
    """Tell a run from others by what it predicts with: SHA-256 of its settings and its weights."""
    digest = hashlib.sha256((run / folder.CONFIG).read_bytes())
    with (run / folder.WEIGHTS).open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()[:16]


def _chosen_folds(fold: int | None, n_folds: int) -> tuple[int, ...]:
    if fold is None:
        return tuple(range(n_folds))
    if not 0 <= fold < n_folds:
        raise UsageError(f"no fold {fold}: the run has {n_folds}, of which the first is 0")
    return (fold,)


def _check_size(models: Sequence[StreamClassifier]) -> None:
    n_bytes = sum(4 * value.numel() for model in models for value in model.state_dict().values())
    if n_bytes >= PROTOBUF_BYTES:
        raise UsageError(
            f"{len(models)} folds' models are {n_bytes / 2**30:.1f} GiB, and an ONNX file holds 2: give --fold, or "
            "--format torch"
        )


def _corners(content: dict[str, Any], store: PreparedStore) -> list[tuple[int, int]]:
    corners = fixed_views(store.image_size, int(content["input_size"]), content["views"])
    return [(int(y), int(x)) for y, x in corners]


def _whole(
    models: Sequence[StreamClassifier], content: dict[str, Any], store: PreparedStore, composites: Sequence[Composite]
) -> WholeSites:
    positions = [[store.channels.index(channel) for channel in composite.channels] for composite in composites]
    corners, side = _corners(content, store), int(content["input_size"])
    # without gradients tracing takes half the time
    return WholeSites(models, Loss(content["loss"]), corners, side, positions).eval().requires_grad_(False)


def _spread_rows(n_sites: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, n_sites - 1, CHECKED_SITES).round().astype(np.int64))


def _asked(
    models: Sequence[StreamClassifier],
    content: dict[str, Any],
    store: PreparedStore,
    composites: Sequence[Composite],
    rows: NDArray[np.int64],
    threads: int,
) -> Said:
    """Ask the models about sites the way `predict` does, through the loader, in float32 on the CPU."""
    settings = LoaderSettings(input_size=int(content["input_size"]), views=content["views"], threads=threads)
    loader = TorchLoader(store, rows, composites, None, settings)
    said = [answer(model, loader, Loss(content["loss"]), Precision("cpu", None)) for model in models]
    folds = [FoldAnswers(one.logits, one.probabilities) for one in said]
    whole = folds[0] if len(folds) == 1 else mean_answers(folds)
    return whole.logits, whole.probabilities


def _allowed(module: WholeSites, sites: torch.Tensor, wanted: Said) -> tuple[float, float]:
    """Give how far logits and probabilities may lie from PyTorch's: by what its float32 errs against float64."""
    # the copy of a traced network comes back in training mode
    exact = copy.deepcopy(module).eval().double()(sites)
    errors = [float(np.abs(one - true.numpy()).max()) for one, true in zip(wanted, exact, strict=True)]
    units = [float(np.finfo(np.float32).eps * max(1.0, np.abs(one).max())) for one in wanted]
    logits, probabilities = (MORE * max(error, unit) for error, unit in zip(errors, units, strict=True))
    return logits, probabilities


def _write(
    module: WholeSites,
    sites: torch.Tensor,
    metadata: str,
    path: Path,
    kind: str,
    judge: Callable[[Said], tuple[float, float]],
) -> tuple[float, float] | None:
    """Write under a temporary name, read again, ask in two batches, and only then give the file its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{SUFFIXES[kind]}")
    write, read = (write_onnx, read_onnx) if kind == ONNX else (write_torch, read_torch)
    try:
        try:
            # batches of one are a case of their own to a tracer: two or more stand for any number
            write(module, sites[:2] if len(sites) > 1 else sites.repeat(2, 1, 1, 1), metadata, unfinished)
        except (RuntimeError, ValueError, NotImplementedError) as error:
            said = " ".join(str(error).split())[:200]
            raise RunError(f"this network cannot be written as {kind} ({said}): try the other --format") from error
        ask = read(unfinished)
        largest = None
        if ask is not None:
            parts = [ask(part.numpy()) for part in (sites[:1], sites[1:]) if len(part)]
            logits, probabilities = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
            largest = judge((logits, probabilities))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return largest


def _differences(said: Said, *, wanted: Said, allowed: tuple[float, float]) -> tuple[float, float]:
    logits, probabilities = (float(np.abs(one - other).max()) for one, other in zip(said, wanted, strict=True))
    if not (logits <= allowed[0] and probabilities <= allowed[1]):
        raise RunError(
            f"what was written differs from PyTorch by {logits:.3g} in logits, {probabilities:.3g} in probabilities; "
            f"float32 explains {allowed[0]:.3g} and {allowed[1]:.3g}: no file was left; try the other --format"
        )
    return logits, probabilities
