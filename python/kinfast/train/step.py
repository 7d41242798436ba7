"""The one place that changes a model: forward, scale, backward, unscale, clip, step, update, zero."""

import torch
from torch import Tensor, nn

from kinfast.data.minibatch import Minibatch
from kinfast.train.kernels import UNCOMPILED, compile_passes
from kinfast.train.losses import Loss
from kinfast.train.precision import Precision


class Updater:
    """Takes training steps. Nothing else in kinfast steps an optimiser.

    It is made of a model and its optimiser, the loss, the precision, the largest norm of a gradient (0: any), and how
    the model's passes are compiled (see `kernels.compile_passes`).
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        precision: Precision,
        clip_norm: float,
        compiled: str = UNCOMPILED,
    ) -> None:
        self.model = model
        self._passes = compile_passes(model, compiled)
        self.optimizer = optimizer
        self.scaler = torch.amp.GradScaler(precision.device_type, enabled=precision.scaled)
        self._loss = loss
        self._precision = precision
        self._clip_norm = clip_norm

    def step(self, batch: Minibatch, learning_rate: float) -> tuple[Tensor, Tensor]:
        """Take one step.

        Args:
            batch: with targets, none of them -1.
            learning_rate: of this step.

        Returns:
            The loss (a scalar) and the logits, (B, n_classes), before the step; both still on the device.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        with self._precision.autocast():
            logits = self._passes(batch.streams)  # (B, n_classes) float32
        loss = self._loss(logits, batch.targets)  # type: ignore[arg-type]
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self._clip_norm > 0:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach(), logits.detach()
