"""The one place that changes a model: forward, scale, backward, unscale, clip, step, update, zero."""

import torch
from torch import Tensor, nn

from kinfast.data.minibatch import Minibatch
from kinfast.train.averaging import WeightAverage
from kinfast.train.kernels import UNCOMPILED, compile_passes
from kinfast.train.losses import Loss
from kinfast.train.optimizers import SHARE
from kinfast.train.precision import Precision


class Updater:
    """Takes training steps. Nothing else in kinfast steps an optimiser.

    It is made of a model and its optimiser, the loss, the precision, the largest norm of a gradient (0: any), how the
    model's passes are compiled (see `kernels.compile_passes`), the pieces that a minibatch goes through the model in,
    and the average of the weights that follows them, if there is one.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        precision: Precision,
        clip_norm: float,
        compiled: str = UNCOMPILED,
        *,
        pieces: int = 1,
        average: WeightAverage | None = None,
    ) -> None:
        self.model = model
        self._passes = compile_passes(model, compiled)
        self.optimizer = optimizer
        self.scaler = torch.amp.GradScaler(precision.device_type, enabled=precision.scaled)
        self.average = average
        self._loss = loss
        self._precision = precision
        self._clip_norm = clip_norm
        self._pieces = pieces

    def step(self, batch: Minibatch, learning_rate: float) -> tuple[Tensor, Tensor]:
        """Take one step.

        Args:
            batch: with targets, none of them -1.
            learning_rate: of this step.

        Returns:
            The loss (a scalar) and the logits, (B, n_classes), before the step; both still on the device.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate * group.get(SHARE, 1.0)
        loss, logits = self._gradient(batch)
        if self._clip_norm > 0:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.follow()
        return loss, logits

    def _gradient(self, batch: Minibatch) -> tuple[Tensor, Tensor]:
        """Turn a minibatch into the gradient of its mean loss, piece by piece: each weighs by its true share."""
        mass = self._loss.mass(batch.targets)  # type: ignore[arg-type]
        losses, logits = [], []
        for piece in batch.pieces(self._pieces):
            with self._precision.autocast():
                outputs = self._passes(piece.streams)  # (b, n_classes) float32
            loss = self._loss.total(outputs, piece.targets) / mass  # type: ignore[arg-type]
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
            logits.append(outputs.detach())
        return (losses[0], logits[0]) if len(losses) == 1 else (torch.stack(losses).sum(), torch.cat(logits))
