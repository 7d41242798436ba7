"""What each of two processes does in test_torchrun.py: `torchrun … two_processes.py FOLDER`."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.minibatch import Minibatch
from kinfast.data.shard import Shard
from kinfast.data.store import PreparedStore
from kinfast.models import StreamClassifier, build_model
from kinfast.progress import Silent
from kinfast.train import resume, train
from kinfast.train.losses import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, Loss
from kinfast.train.precision import Precision
from kinfast.train.ranks import Ranks, joined_ranks
from kinfast.train.step import Updater
from kinfast.train.sync_norms import synchronise_norms

N_SITES, N_STEPS, FROZEN = 7, 3, 1
PIECES = {"lenet_alexnet": 2, "mobilenet_v2": 1}
STEPS = {
    "lenet_alexnet": Loss(CROSS_ENTROPY, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64), 0.1),
    "mobilenet_v2": Loss(BINARY_CROSS_ENTROPY, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)),
}
"""Classes weigh unlike, and 7 sites make 4 and 3: a step that averages the processes' own means is another."""
CONFIG = TrainConfig(
    backbone="lenet_alexnet",
    weights="none",
    label=schema.ROLE,
    split_by="well",
    epochs=3,
    steps_per_epoch=4,
    batch_size=7,
    input_size=24,
    optimizer="sgd",
    learning_rate=0.02,
    dropout=0.0,
    rotation_degrees=20.0,
    noise=0.01,
    loader="torch",
    device="cpu",
    patience=0,
)


class InFloat64(nn.Module):
    """A model without the rounding of its logits to float32."""

    def __init__(self, model: StreamClassifier) -> None:
        super().__init__()
        self.model = model.double()

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        logits: Tensor = self.model.head(self.model.embed(streams))
        return logits


def take_steps(backbone: str, ranks: Ranks) -> dict[str, torch.Tensor]:
    """Take steps in float64, in which a sum's order is far below anything else; give losses and the final state."""
    torch.manual_seed(0)
    model = InFloat64(build_model(backbone, (3, 3), 3, dropout=0.0))
    if ranks.size > 1:
        synchronise_norms(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    pieces = PIECES[backbone] if ranks.size > 1 else 1
    updater = Updater(model, optimizer, STEPS[backbone], Precision("cpu", None), 1.0, ranks=ranks, pieces=pieces)
    model.train()
    losses = []
    for step in range(N_STEPS):
        model.model.freeze_backbones(step == FROZEN)
        updater.join()
        streams = [torch.randn(N_SITES, 3, 64, 64, dtype=torch.float64) for _ in range(2)]
        own = ranks.shard.part(N_SITES)
        rows = torch.arange(N_SITES)[own]
        batch = Minibatch(
            tuple(stream[own] for stream in streams), (rows + step) % 3, rows, first=own.start, of=N_SITES
        )
        losses.append(updater.step(batch, 0.01)[0])
    return {"losses": torch.stack(losses), **model.state_dict()}


class Signalling(Silent):
    """Sends its own process SIGTERM after some steps."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count a step."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGTERM)


def main(root: Path, ranks: Ranks) -> None:
    """Take steps, train, train with an interruption by a signal that one process hears, and go on."""
    for backbone in STEPS:
        state = take_steps(backbone, ranks)
        if ranks.first:
            torch.save(state, root / f"{backbone}.pt")
    store = PreparedStore.open(root / "prepared")
    train(store, CONFIG, root / "two", ranks=ranks)
    drawing = replace(CONFIG, dropout=0.3, optimizer="adam", learning_rate=1e-3, checkpoint_minutes=60.0)
    train(store, drawing, root / "undisturbed", ranks=ranks)
    try:
        train(store, drawing, root / "stopped", reporter=Signalling(6) if ranks.rank == 1 else None, ranks=ranks)
    except KeyboardInterrupt:
        if ranks.first:
            (root / "stopped/interrupted").touch()
    resume(store, root / "stopped", ranks=ranks)
    assert ranks.each("" if ranks.first else "é") == ["", "é"]
    assert ranks.shard == Shard(ranks.rank, 2, 2)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined_ranks("cpu") as joined:
        main(Path(sys.argv[1]), joined)
