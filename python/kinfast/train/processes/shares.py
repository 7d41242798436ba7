"""How several processes share a run's minibatches: what is refused, and what a person should know."""

import math
from collections.abc import Sequence

from torch import nn

from kinfast.config import TrainConfig
from kinfast.errors import UsageError
from kinfast.train.processes.ranks import Ranks
from kinfast.train.processes.sync_norms import has_batch_norms

FEW_SITES = 8
"""Of a process's part of a minibatch: means of fewer are noisy. Source: Wu & He 2018, arXiv:1803.08494, figure 1."""


def share_lines(config: TrainConfig, ranks: Ranks) -> list[str]:
    """Say how a minibatch is shared.

    Raises:
        UsageError: options that several processes cannot have.
    """
    if ranks.size == 1:
        return []
    if config.compile == "graphs":
        raise UsageError(f"--compile graphs for {ranks.size} processes: CUDA graphs are of one; wanted kernels or none")
    least, over = divmod(config.batch_size, ranks.size)
    each = f"{least} or {least + 1}" if over else f"{least}"
    return [f"{ranks.size} processes share each minibatch of {config.batch_size} sites: {each} each"]


def check_shares(fold_sites: Sequence[int], batch_size: int, ranks: Ranks) -> None:
    """See that each process has a site of every minibatch, else it could not take part in the step.

    Args:
        fold_sites: sites of an epoch, for each fold.
        batch_size: of all processes together.
        ranks: the processes.

    Raises:
        UsageError: it has not.
    """
    for fold, n_sites in enumerate(fold_sites):
        smallest = n_sites // math.ceil(n_sites / batch_size)
        if smallest < ranks.size:
            raise UsageError(
                f"fold {fold}: {n_sites} sites in minibatches of {smallest} for {ranks.size} processes, and each needs "
                "one of every minibatch: wanted a larger --batch-size, or fewer processes"
            )


def norm_lines(model: nn.Module, config: TrainConfig, ranks: Ranks) -> list[str]:
    """Say where synchronised batch normalisation has no effect, and where it is missing."""
    normalised = has_batch_norms(model)
    if config.sync_bn and ranks.size == 1:
        return ["--sync-bn has no effect: one process trains"]
    if config.sync_bn and not normalised:
        return [f"--sync-bn has no effect: {config.backbone} has no batch normalisation"]
    if normalised and not config.sync_bn and config.batch_size // ranks.size < FEW_SITES < config.batch_size:
        few = config.batch_size // ranks.size
        return [f"batch normalisation is of {few} sites of each process: --sync-bn takes the whole minibatch's"]
    return []
