"""The one place that changes a model: forward, scale, backward, unscale, clip, step, update, zero."""

import torch
from torch import Tensor, nn

from kinfast.data.minibatch import Minibatch
from kinfast.train.processes.ranks import ALONE, Ranks
from kinfast.train.stepping.averaging import WeightAverage
from kinfast.train.stepping.kernels import UNCOMPILED, compile_passes
from kinfast.train.stepping.losses import Loss
from kinfast.train.stepping.optimizers import SHARE
from kinfast.train.stepping.precision import Precision


class Updater:
    """Takes training steps. Nothing else in kinfast steps an optimiser.

    It is made of a model and its optimiser, the loss, the precision, the largest norm of a gradient (0: any), how the
    model's passes are compiled (see `kernels.compile_passes`), the processes that share each minibatch, the pieces that
    a process's part goes through the model in, and the average of the weights that follows them, if there is one.
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
        ranks: Ranks = ALONE,
        pieces: int = 1,
        average: WeightAverage | None = None,
    ) -> None:
        self.model = model
        self.ranks = ranks
        self._compiled = compiled
        self._trained: list[bool] = []
        self._joined = model
        if ranks.size == 1:
            self._passes = compile_passes(model, compiled)
        self.join()
        self.optimizer = optimizer
        self.scaler = torch.amp.GradScaler(precision.device_type, enabled=precision.scaled)
        self.average = average
        self.loss = loss
        self.precision = precision
        self._clip_norm = clip_norm
        self._pieces = pieces

    def join(self) -> None:
        """Join the processes' gradients anew where other parameters are trained than before."""
        trained = [parameter.requires_grad for parameter in self.model.parameters()]
        if self.ranks.size > 1 and trained != self._trained:
            self._trained = trained
            self._joined = self.ranks.joined(self.model)
            self._passes = compile_passes(self._joined, self._compiled)

    def step(self, batch: Minibatch, learning_rate: float) -> tuple[Tensor, Tensor, Tensor]:
        """Take one step, of all processes together: the loss is that of their sites as one minibatch, so that however
        they are shared out each site weighs what it would in one process.

        Args:
            batch: with targets, none of them -1.
            learning_rate: of this step.

        Returns:
            The loss (a scalar), the logits, (B, n_classes), and the targets, before the step, of the sites of all
            processes; still on the device.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate * group.get(SHARE, 1.0)
        loss, logits, targets = self._gradient(batch)
        if self._clip_norm > 0:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.follow()
        return loss, logits, targets

    def _gradient(self, batch: Minibatch) -> tuple[Tensor, Tensor, Tensor]:
        """Turn a minibatch into the gradient of its mean loss, piece by piece: each weighs by its true share."""
        assert batch.targets is not None
        targets = self.ranks.whole(batch.targets, batch.first, batch.of)
        mass = self.loss.mass(targets)
        # as many in each process, however their parts differ: they add up and normalise together
        pieces = batch.pieces(min(self._pieces, max(1, (batch.of or len(batch)) // self.ranks.size)))
        losses, logits = [], []
        for left, piece in zip(reversed(range(len(pieces))), pieces, strict=True):
            with self.ranks.adding_up(self._joined, now=left == 0):
                with self.precision.autocast():
                    outputs = self._passes(piece.streams)  # (b, n_classes) float32
                loss = self.loss.total(outputs, piece.targets) / mass  # type: ignore[arg-type]
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
            logits.append(outputs.detach())
        own = (losses[0], logits[0]) if len(losses) == 1 else (torch.stack(losses).sum(), torch.cat(logits))
        return self.ranks.added(own[0]), self.ranks.whole(own[1], batch.first, batch.of), targets
