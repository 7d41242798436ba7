"""Batch normalisation over the sites of all processes, in the place of each process's own.

torch.nn.SyncBatchNorm does it on GPUs alone; on CPUs the layer below does, in two passes, which lose no digits.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Added(torch.autograd.Function):
    """A sum over all processes, through which gradients flow back to each."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        added = values.clone()
        dist.all_reduce(added)
        return added

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        added = gradients[0].clone()
        dist.all_reduce(added)
        return added


class SyncedBatchNorm(_BatchNorm):
    """Batch normalisation whose means and variances in training are those of all processes' sites together."""

    def _check_input_dim(self, input: Tensor) -> None:  # torch's name
        """Take maps of any number of dimensions."""

    def forward(self, input: Tensor) -> Tensor:  # torch's name
        if not self.training:
            return super().forward(input)
        values = input if input.dtype in (torch.float32, torch.float64) else input.float()
        axes = [axis for axis in range(values.ndim) if axis != 1]
        shape = [1, -1, *[1] * (values.ndim - 2)]
        n = _Added.apply(values.new_tensor(values.numel() // values.shape[1]))
        mean = _Added.apply(values.sum(axes)) / n
        centred = values - mean.view(shape)
        variance = _Added.apply(centred.square().sum(axes)) / n
        self._remember(mean.detach(), variance.detach() * n / (n - 1))
        normalised = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        typed: Tensor = normalised.to(input.dtype)
        return typed

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def has_batch_norms(model: nn.Module) -> bool:
    """Say whether any layer normalises over the minibatch."""
    return any(isinstance(layer, _BatchNorm) for layer in model.modules())


def synchronise_norms(model: nn.Module) -> None:
    """Exchange a model's batch normalisations, in place; names, values and devices stay."""
    if next(model.parameters()).device.type != "cpu":
        on_gpu: Any = nn.SyncBatchNorm.convert_sync_batchnorm
        on_gpu(model)  # in place, but for a model that is itself one
        return
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, _BatchNorm):
                setattr(parent, name, _synced(layer))


def _synced(layer: _BatchNorm) -> SyncedBatchNorm:
    synced = SyncedBatchNorm(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    for kind in ("_parameters", "_buffers"):
        getattr(synced, kind).update(getattr(layer, kind))
    return synced.train(layer.training)
