"""A finished run's models on any store with the same channels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinfast import schema
from kinfast.data.composites import Composite
from kinfast.data.feed import LoaderSettings
from kinfast.data.loaders import Loader, make_loader
from kinfast.data.store import PreparedStore
from kinfast.errors import RunError, StoreError
from kinfast.metrics.labels import join_labels
from kinfast.models import StreamClassifier, build_shapes
from kinfast.progress import Reporter, Silent
from kinfast.train import folder
from kinfast.train.assemble import to_device
from kinfast.train.finished.adapt_norms import (
    CONTROLS,
    FEWEST_CONTROL_SITES,
    NONE,
    ask_by_plate,
    check_way,
    control_rows,
    control_statistics,
)
from kinfast.train.inference import answer, embed
from kinfast.train.limits import memory_in_words, torch_threads
from kinfast.train.predictions import FoldAnswers, answer_columns, mean_answers
from kinfast.train.processes.device import choose_device
from kinfast.train.stepping.kernels import fast_kernels
from kinfast.train.stepping.losses import Loss
from kinfast.train.stepping.precision import Precision, same_precision

PREDICTED = "predicted"


def predict(
    run: Path,
    store: PreparedStore,
    *,
    device: str = "auto",
    loader: str = "auto",
    threads: int = 1,
    adapt_bn: str = NONE,
    reporter: Reporter | None = None,
) -> pd.DataFrame:
    """Predict every site of a store: the mean of the probabilities over the run's folds.

    Args:
        run: the folder of a finished run.
        store: any prepared store that has the run's channels, made at the same pixel scale.
        device: auto, cpu, cuda, …
        loader: auto, dali or torch.
        threads: of torch on the CPU and of the loader.
        adapt_bn: "controls" normalises each plate by its negative controls; see `adapt_norms`.
        reporter: told of the progress, in sites.

    Returns:
        A row per site in the store's order: key, Metadata_*, probability_<class>, logit_<class>, predicted. A run of
        several folds has the mean's logarithm as logit.

    Raises:
        RunError: the run is not finished, or damaged.
        StoreError: the store lacks a channel.
    """
    how = {"device": device, "loader": loader, "adapt_bn": adapt_bn}
    return predict_folds(run, store, threads=threads, reporter=reporter, **how)[0]


def predict_folds(
    run: Path,
    store: PreparedStore,
    *,
    device: str = "auto",
    loader: str = "auto",
    threads: int = 1,
    adapt_bn: str = NONE,
    reporter: Reporter | None = None,
) -> tuple[pd.DataFrame, list[FoldAnswers]]:
    """Give the table of `predict`, and what each fold's model says, rows as in the table."""
    check_way(adapt_bn)
    ready, told = open_run(run, store, device, loader, threads), reporter or Silent()
    _say_other_scale(ready.content, store, told)
    told.stage("predict", len(ready.folds) * len(store.sites), "sites")
    loss = Loss(ready.content["loss"])

    def ask(model: StreamClassifier, served: Loader) -> tuple[NDArray[np.float32], ...]:
        one = answer(model, served, loss, ready.precision, told)
        return one.logits, one.probabilities

    folds = [FoldAnswers(*said) for said in _ask_folds(ready, store, threads, told, adapt_bn, ask)]
    return _table(store, ready.content, folds[0] if len(folds) == 1 else mean_answers(folds)), folds


def embed_sites(
    run: Path,
    store: PreparedStore,
    *,
    device: str = "auto",
    loader: str = "auto",
    threads: int = 1,
    adapt_bn: str = NONE,
    reporter: Reporter | None = None,
) -> list[NDArray[np.float32]]:
    """Give what each fold's head sees of every site: (n_sites, n_features) a fold, rows in the store's order.

    The arguments and errors are those of `predict`.
    """
    check_way(adapt_bn)
    ready, told = open_run(run, store, device, loader, threads), reporter or Silent()
    told.stage("embed", len(ready.folds) * len(store.sites), "sites")

    def ask(model: StreamClassifier, served: Loader) -> tuple[NDArray[np.float32], ...]:
        return (embed(model, served, ready.precision, told),)

    return [features for (features,) in _ask_folds(ready, store, threads, told, adapt_bn, ask)]


def _ask_folds(
    ready: "OpenRun",
    store: PreparedStore,
    threads: int,
    told: Reporter,
    adapt_bn: str,
    ask: Callable[[StreamClassifier, Loader], tuple[NDArray[np.float32], ...]],
) -> Iterator[tuple[NDArray[np.float32], ...]]:
    """Ask each fold's model about all sites at once; adapted, plate by plate, normalised by its negative controls."""
    if adapt_bn != CONTROLS:
        yield from (ask(model, ready.loader) for model in ready.models(threads))
        return
    controls = control_rows(store.sites)
    lacking = sorted(set(store.sites[schema.PLATE].astype(str)) - set(controls))
    if lacking:
        told.line(f"{len(lacking)} plates have too few negative controls and are not adapted: {', '.join(lacking[:5])}")
    for model in ready.models(threads):

        def ask_plate(
            rows: NDArray[np.int64], known: NDArray[np.int64] | None, model: StreamClassifier = model
        ) -> tuple[NDArray[np.float32], ...]:
            if known is None:
                return ask(model, ready.serve(rows, 1))
            with control_statistics(model, ready.serve(known, FEWEST_CONTROL_SITES).epoch(0), ready.precision):
                return ask(model, ready.serve(rows, 1))

        yield ask_by_plate(store.sites, controls, ask_plate)


@dataclass(frozen=True, slots=True, eq=False)
class OpenRun:
    """A finished run, ready to be asked about a store.

    Attributes:
        path: its folder.
        content: its config.json.
        folds: each fold's values.
        loader: of all sites of the store.
        serve: makes a loader of some rows, in minibatches of about one size, of at least so many sites where there are.
        precision: as in training.
    """

    path: Path
    content: dict[str, Any]
    folds: list[dict[str, Tensor]]
    loader: Loader
    serve: Callable[[NDArray[np.int64], int], Loader]
    precision: Precision

    def models(self, threads: int) -> Iterator[StreamClassifier]:
        """Yield the folds' models one after the other, on the device."""
        remedy = "close what else uses it, or ask for --device cpu"
        device = self.precision.device
        with torch_threads(threads), fast_kernels(device), memory_in_words(device, "a model and a minibatch", remedy):
            for values in self.folds:
                yield to_device(load_model(self.content, values, self.path), device)


def open_run(run: Path, store: PreparedStore, device: str, loader: str, threads: int) -> OpenRun:
    """Open a finished run for a store; arguments and errors as in `predict`."""
    content = folder.read_config(run)
    folds = folder.read_weights(run / folder.WEIGHTS, int(content["folds"]))
    precision = same_precision(choose_device(device), content["precision"])
    settings = LoaderSettings(
        input_size=int(content["input_size"]),
        batch_size=int(content["batch_size"]),
        views=content["views"],
        device=precision.device,
        dtype=precision.dtype or torch.float32,
        threads=threads,
    )
    rows = np.arange(len(store.sites), dtype=np.int64)
    composites = run_composites(content, store)

    def serve(some: NDArray[np.int64], least: int) -> Loader:
        batches = -(-len(some) // max(settings.batch_size, least))
        even = replace(settings, batch_size=-(-len(some) // batches))
        return make_loader(loader, store, some, composites, None, even)

    serving = make_loader(loader, store, rows, composites, None, settings)
    return OpenRun(run, content, folds, serving, serve, precision)


def load_model(content: dict[str, Any], values: dict[str, Tensor], run: Path) -> StreamClassifier:
    """Build one fold's model from a run's config.json and its weights.

    Raises:
        RunError: the two do not belong together.
    """
    model = build_shapes(
        content["backbone"],
        [len(stream["channels"]) for stream in content["streams"]],
        len(content["classes"]),
        head=content["head"],
        dropout=content["dropout"],
        hidden_units=content["hidden_units"],
    )
    try:
        model.load_state_dict(values, assign=True)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:160]
        raise RunError(f"{run}: {folder.WEIGHTS} does not fit {folder.CONFIG} ({first}): train again") from None
    return model


def run_composites(content: dict[str, Any], store: PreparedStore) -> tuple[Composite, ...]:
    """Build a run's streams from another store's channels, by their names.

    Raises:
        StoreError: the store lacks some.
    """
    streams = content["streams"]
    wanted = dict.fromkeys(channel for stream in streams for channel in stream["channels"])
    missing = [channel for channel in wanted if channel not in store.channels]
    if missing:
        raise StoreError(
            f"{store.root} has no channel {', '.join(missing)}, which the run was trained on; it has "
            f"{', '.join(store.channels)}: preprocess with --channels, so that they have the same names"
        )
    return tuple(Composite(stream["name"], tuple(stream["channels"])) for stream in streams)


def _say_other_scale(content: dict[str, Any], store: PreparedStore, reporter: Reporter) -> None:
    before, now = (" × ".join(map(str, size)) for size in (content["image_size"], store.image_size))
    if before != now:
        reporter.line(f"the run was trained on images of {before} pixels, these have {now}: is a pixel as large?")


def _predicted(names: list[str], probabilities: NDArray[np.float32], several: bool) -> NDArray[np.object_]:
    """Name the likeliest class of each site, or of several labels all that are likelier than not."""
    if several:
        return np.array([join_labels(names, row) for row in probabilities], dtype=object)
    likeliest: NDArray[np.object_] = np.array(names, dtype=object)[probabilities.argmax(axis=1)]
    return likeliest


def _table(store: PreparedStore, content: dict[str, Any], said: FoldAnswers) -> pd.DataFrame:
    names = [str(name) for name in content["classes"]]
    others = [str(name) for name in store.sites.columns if str(name).startswith("Metadata_")]
    carried = store.sites[[*schema.KEY, *(name for name in others if name not in schema.KEY)]].reset_index(drop=True)
    own = pd.DataFrame(answer_columns(names, said, np.arange(len(carried), dtype=np.int64)))
    best = pd.array(_predicted(names, said.probabilities, bool(content.get("several_labels"))), dtype="string")
    return pd.concat([carried, own, pd.DataFrame({PREDICTED: best})], axis=1)
