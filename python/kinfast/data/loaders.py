"""Choosing a loader, and making one from a DataFrame."""

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.composites import Composite, parse_composites
from kinfast.data.feed import LoaderSettings
from kinfast.data.labels import LabelledSites, select_labels
from kinfast.data.minibatch import Minibatch
from kinfast.data.multilabel import select_multi_labels
from kinfast.data.store import PreparedStore
from kinfast.data.torch_loader import TorchLoader
from kinfast.errors import InputError, UsageError

KINDS = ("auto", "dali", "torch")


class Loader(Protocol):
    """Serves the same minibatches for the same settings, whichever library does the work.

    Where a run stands is two numbers, the epoch and the next minibatch in it: `epoch(3, first_batch=5)` goes on there.
    """

    kind: str
    cache: str
    labels: LabelledSites | None
    views: int
    n_sites: int

    def __len__(self) -> int:
        """Count the minibatches of an epoch."""

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Minibatch]:
        """Yield an epoch's minibatches: every site exactly once."""


def make_loader(
    kind: str,
    store: PreparedStore,
    rows: NDArray[np.int64],
    composites: Sequence[Composite],
    labels: LabelledSites | None = None,
    settings: LoaderSettings | None = None,
) -> Loader:
    """Make a loader of some of a store's sites.

    Args:
        kind: `dali`, `torch`, or `auto`: DALI where it is installed and the device is a CUDA one or the CPU.
        store: where the images are.
        rows: (n,) int64 positions in `store.sites`.
        composites: one for each stream.
        labels: aligned with `store.sites`; None for minibatches without targets.
        settings: how.

    Raises:
        UsageError: an unknown kind, DALI where it is not installed, or nothing to load.
    """
    settings = settings or LoaderSettings()
    if kind not in KINDS:
        raise UsageError(f"loader {kind!r} is unknown: wanted {', '.join(KINDS)}")
    if chosen_kind(kind, settings.device) == "torch":
        return TorchLoader(store, rows, composites, labels, settings)
    from kinfast.data.dali_loader import DaliLoader

    return DaliLoader(store, rows, composites, labels, settings)


def chosen_kind(kind: str, device: str) -> str:
    """Say which loader `kind` means on a device.

    Raises:
        UsageError: DALI is asked for and cannot be used here.
    """
    installed = importlib.util.find_spec("nvidia") is not None and importlib.util.find_spec("nvidia.dali") is not None
    usable = installed and not device.startswith("mps")
    if kind == "dali" and not usable:
        raise UsageError("loader dali: nvidia-dali is not installed, or the device is Apple's; wanted --loader torch")
    return "dali" if kind != "torch" and usable else "torch"


def from_frame(
    frame: pd.DataFrame,
    store: PreparedStore,
    *,
    label: str | Sequence[str] | None = None,
    multi_label: bool = False,
    separator: str | None = None,
    classes: Sequence[str] | None = None,
    composites: str | Sequence[str] | None = None,
    kind: str = "auto",
    settings: LoaderSettings | None = None,
) -> Loader:
    """Make a loader from a DataFrame, as Keras' flow_from_dataframe does (K-18).

    Args:
        frame: a row per site: `Metadata_Plate`, `Metadata_Well`, `Metadata_Site` (and `Metadata_Timepoint`, else 1),
            and the labels. Its own columns are used, not the store's; sites without a label are left out.
        store: where the images are.
        label: one column, or several for several labels a site; None for minibatches without targets.
        multi_label: one column holds sets, lists, or text with a `separator`.
        separator: what divides the names of a text.
        classes: the values that count; by default all.
        composites: one for each stream; by default the data set's.
        kind: as in `make_loader`.
        settings: as in `make_loader`.

    Raises:
        InputError: rows that are no sites of the store, or a site named twice.
    """
    positions = _positions(frame, store)
    streams = parse_composites(composites, store)
    if label is None:
        return make_loader(kind, store, positions, streams, None, settings)
    if multi_label or not isinstance(label, str):
        own = select_multi_labels(frame, label, classes=classes, separator=separator)
    else:
        own = select_labels(frame, label=label, classes=classes)
    labels = own.spread(positions, len(store.sites))
    return make_loader(kind, store, positions[own.labelled], streams, labels, settings)


def _positions(frame: pd.DataFrame, store: PreparedStore) -> NDArray[np.int64]:
    missing = [column for column in schema.KEY[:3] if column not in frame.columns]
    if missing:
        raise InputError(f"the frame lacks {', '.join(missing)}, which tell its sites")
    keys = frame.reindex(columns=schema.KEY).fillna({schema.TIMEPOINT: 1})
    keys = keys.astype({schema.SITE: np.int64, schema.TIMEPOINT: np.int64})
    index = pd.MultiIndex.from_frame(store.sites[schema.KEY])
    positions = index.get_indexer(pd.MultiIndex.from_frame(keys))
    if (positions < 0).any():
        first = " ".join(map(str, keys[positions < 0].iloc[0]))
        raise InputError(f"{(positions < 0).sum()} of the frame's sites are not in {store.root}, first {first}")
    if len(np.unique(positions)) < len(positions):
        raise InputError("the frame names a site twice; several labels of one site belong into one row")
    return positions.astype(np.int64)
