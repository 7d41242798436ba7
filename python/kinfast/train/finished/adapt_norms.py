"""Control-stabilised batch normalisation: at test time each plate's negative controls say what is usual on it.

A network with batch normalisation carries the training plates' means and variances. On a plate that was stained or lit
differently these are wrong in every layer. Negative controls are the same cells on every plate, so their statistics
take the place of the training's, plate by plate; no weight is changed, and no label of a treated well is used.

Source: arXiv 2604.20824.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from kinfast import schema
from kinfast.data.minibatch import Minibatch
from kinfast.errors import InputError, UsageError
from kinfast.train.stepping.precision import Precision

NONE, CONTROLS = "none", "controls"
WAYS = (NONE, CONTROLS)
FEWEST_CONTROL_SITES = 8
"""With fewer a plate keeps the training's statistics: variances of so few sites would be noise."""


def control_rows(sites: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    """Give the rows of each plate's unflagged negative controls, for plates that have enough of them.

    Raises:
        InputError: no plate has.
    """
    flags = [name for name in (*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED) if name in sites]
    usable = ~sites[flags].fillna(False).astype(bool).to_numpy().any(axis=1)
    if schema.ROLE in sites:
        usable = usable & (sites[schema.ROLE].astype(object) == schema.ROLE_NEGATIVE).to_numpy(np.bool_)
    plates = sites[schema.PLATE].astype(str).to_numpy(np.str_)
    rows = {str(plate): np.flatnonzero(usable & (plates == plate)) for plate in np.unique(plates)}
    enough = {plate: found for plate, found in rows.items() if len(found) >= FEWEST_CONTROL_SITES}
    if schema.ROLE not in sites or not enough:
        raise InputError(
            f"--adapt-bn controls needs a plate with {FEWEST_CONTROL_SITES} unflagged sites of negative controls"
            f" ({schema.ROLE} is {schema.ROLE_NEGATIVE}): there is none; give preprocess --metadata, or leave it out"
        )
    return enough


def check_way(way: str) -> None:
    """Make sure that there is such a way.

    Raises:
        UsageError: there is not.
    """
    if way not in WAYS:
        raise UsageError(f"no --adapt-bn {way!r}: wanted one of {', '.join(WAYS)}")


@contextmanager
def control_statistics(model: nn.Module, controls: Iterable[Minibatch], precision: Precision) -> Iterator[None]:
    """Let a model normalise by some sites' statistics, inside the block; afterwards it is as before.

    Args:
        model: on the minibatches' device.
        controls: minibatches of about one size: means and variances are averaged over them.
        precision: as in training.

    Raises:
        UsageError: the model has no batch normalisation.
    """
    norms = _norms(model)
    kept = [{name: value.clone() for name, value in norm.named_buffers()} for norm in norms]
    momenta = [norm.momentum for norm in norms]
    try:
        _estimate(model, norms, controls, precision)
        yield
    finally:
        for norm, values, momentum in zip(norms, kept, momenta, strict=True):
            norm.momentum = momentum
            for name, value in norm.named_buffers():
                value.copy_(values[name])
        model.eval()


def ask_by_plate(
    sites: pd.DataFrame,
    adapted: dict[str, NDArray[np.int64]],
    ask: Callable[[NDArray[np.int64], NDArray[np.int64] | None], tuple[NDArray[np.float32], ...]],
) -> tuple[NDArray[np.float32], ...]:
    """Ask about each plate's sites and put the answers back in the table's order.

    Args:
        sites: the store's table.
        adapted: of `control_rows`.
        ask: takes a plate's rows and its controls' rows, None where it has too few; gives arrays, a row per site.
    """
    plates = sites[schema.PLATE].astype(str).to_numpy(np.str_)
    parts = [
        (rows := np.flatnonzero(plates == plate).astype(np.int64), ask(rows, adapted.get(str(plate))))
        for plate in np.unique(plates)
    ]
    back = np.argsort(np.concatenate([rows for rows, _ in parts]))
    return tuple(np.concatenate(blocks)[back] for blocks in zip(*(said for _, said in parts), strict=True))


def _norms(model: nn.Module) -> list[_BatchNorm]:
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm) and part.running_mean is not None]
    if not norms:
        raise UsageError(
            "the run's backbone has no batch normalisation to adapt: leave --adapt-bn out; embed --normalise tvn"
            " takes any backbone"
        )
    return norms


def _estimate(model: nn.Module, norms: list[_BatchNorm], controls: Iterable[Minibatch], precision: Precision) -> None:
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch then takes the plain mean over the minibatches
        norm.train()
    with torch.no_grad():
        for batch in controls:
            with precision.autocast():
                _: Tensor = model(batch.streams)
    model.eval()
