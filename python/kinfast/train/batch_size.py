"""The batch size that fits (`--batch-size auto`): on a GPU found by real steps, elsewhere by a rule on free memory."""

import gc
import math
import os
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from kinfast import launch, schema
from kinfast.config import BATCH_GPU_SHARE, BATCH_HOST_SHARE, BATCH_LEAST_STEPS, BATCH_LIMIT, BATCH_SIZE
from kinfast.data.ahead import AHEAD
from kinfast.data.cache import open_source
from kinfast.data.composites import used_channels
from kinfast.data.memory import available_bytes
from kinfast.data.minibatch import Minibatch
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError
from kinfast.models import StreamClassifier
from kinfast.train.assemble import assemble_updater, empty_model
from kinfast.train.limits import is_full
from kinfast.train.planning.plan import Plan
from kinfast.train.stepping.kernels import UNCOMPILED

_FIRST = 8
"""The first size that is tried; from 16 on all are multiples of 8, which a GPU's matrix units take whole."""


def find_batch_size(store: PreparedStore, plan: Plan, threads: int, at_once: int = 1) -> tuple[int, str]:
    """Find the sites of a minibatch that a run's memory holds.

    Args:
        store: of the run.
        plan: with any batch size.
        threads: of copying the images into the cache, which is filled first.
        at_once: folds that share the device.

    Returns:
        The size, and a line that says how it was found.

    Raises:
        UsageError: several processes train together: each might find another size.
        MemoryError: the device's memory does not hold one site.
    """
    if int(os.environ.get(launch.WORLD, "1")) > 1:
        raise UsageError("--batch-size auto is of one process: with torchrun give a number, of all processes together")
    sites = min(len(plan.split.rows(fold, schema.PART_TRAIN)) for fold in range(plan.split.n_folds))
    limit = max(1, min(BATCH_LIMIT, sites // BATCH_LEAST_STEPS))
    if plan.precision.device_type == "cuda":
        open_source(
            plan.config.cache,
            store,
            used_channels(plan.composites, store),
            torch.device(plan.precision.device),
            threads,
        )
        size = _try_sizes(plan, limit, at_once)
        return size, f"batch size {size}: tried on the device, {BATCH_GPU_SHARE:.0%} of whose free memory may be taken"
    each = activation_bytes(empty_model(plan), plan.stream_channels, plan.input_size)
    size = size_by_rule(available_bytes() // at_once, each // plan.config.accumulate, min(limit, BATCH_SIZE))
    return size, (
        f"batch size {size}: a power of two up to {BATCH_SIZE} whose activations, {each / 2**20:.0f} MiB a site, take "
        f"at most {BATCH_HOST_SHARE:.0%} of the free memory, and at least {BATCH_LEAST_STEPS} steps an epoch"
    )


def size_by_rule(free_bytes: int, each_bytes: int, limit: int) -> int:
    """Give the largest power of two of sites within the limit whose activations take their share of the free memory.

    Args:
        free_bytes: 0: not known, and the limit alone counts.
        each_bytes: of a site's activations.
        limit: sites.
    """
    room = limit if free_bytes == 0 else min(limit, int(BATCH_HOST_SHARE * free_bytes) // max(1, each_bytes))
    return int(2 ** math.floor(math.log2(max(1, room))))


def activation_bytes(model: StreamClassifier, stream_channels: tuple[int, ...], pixels: int) -> int:
    """Count what one site keeps for the backward pass, by shapes alone, in float32: bytes."""
    shapes: nn.Module = model.to("meta").train()
    own = {value.untyped_storage()._cdata for value in (*shapes.parameters(), *shapes.buffers())}
    kept: dict[int, tuple[Tensor, int]] = {}

    def keep(value: Tensor) -> Tensor:
        place = value.untyped_storage()._cdata
        if place not in own:
            kept[place] = value, value.untyped_storage().nbytes()  # held: its place must not be given anew
        return value

    images = [torch.empty(2, channels, pixels, pixels, device="meta") for channels in stream_channels]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        shapes(images)
    return sum(size for _, size in kept.values()) // 2


def _try_sizes(plan: Plan, limit: int, at_once: int) -> int:
    device = torch.device(plan.precision.device)
    room = torch.cuda.memory_reserved(device) + BATCH_GPU_SHARE * torch.cuda.mem_get_info(device)[0] / at_once
    found = largest_size(lambda size: _fits(plan, size, room), limit)
    if found == 0:
        raise MemoryError(
            f"the memory of {device} does not hold one site: give --checkpoint-activations, a smaller --input-size or "
            "another --backbone"
        )
    return found


def largest_size(fits: Callable[[int], bool], limit: int) -> int:
    """Double from `_FIRST` until it no longer fits, then try half as many more; below it, halve.

    Args:
        fits: tries a size.
        limit: the largest that is tried.

    Returns:
        0 where not even one site fits.
    """
    size, found = int(2 ** math.floor(math.log2(min(_FIRST, limit)))), 0
    while size <= limit and fits(size):
        found, size = size, 2 * size
    while found == 0 and size > 1:
        size //= 2
        found = size if fits(size) else 0
    more = 3 * found // 2
    return more if found >= 2 * _FIRST and more <= limit and fits(more) else found


def _fits(plan: Plan, size: int, room: float) -> bool:
    """Take two steps on a made-up minibatch, beside as many as a loader holds ready."""
    device = torch.device(plan.precision.device)
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    try:
        _take_steps(plan, size, device)
        return torch.cuda.max_memory_reserved(device) <= room
    except RuntimeError as error:
        if not is_full(error):
            raise
        return False
    finally:
        gc.collect()
        torch.cuda.empty_cache()


def _take_steps(plan: Plan, size: int, device: torch.device) -> None:
    # not compiled: that takes longer than all tries, anew for each size
    config = replace(plan.config, accumulate=min(plan.config.accumulate, size), compile=UNCOMPILED)
    model, updater = assemble_updater(replace(plan, config=config), None, 0)
    model.train()
    batches = [_made_up(plan, size, device) for _ in range(1 + AHEAD)]
    for batch in batches[:2]:
        updater.step(batch, 1e-9)
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _made_up(plan: Plan, size: int, device: torch.device) -> Minibatch:
    dtype = plan.precision.dtype or torch.float32
    streams = tuple(
        torch.randn(size, channels, plan.input_size, plan.input_size, device=device, dtype=dtype).contiguous(
            memory_format=torch.channels_last
        )
        for channels in plan.stream_channels
    )
    classes = torch.arange(size, device=device) % len(plan.labels.class_names)
    hot = nn.functional.one_hot(classes, len(plan.labels.class_names)).float()
    return Minibatch(streams, classes if plan.labels.multi_hot is None else hot, torch.arange(size))
