"""What each of two processes does in test_torchrun.py: `torchrun --max-restarts 1 … two_processes.py FOLDER`.

In its first life the first process is killed while it writes a checkpoint; torchrun starts both anew.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinfast import launch, schema
from kinfast.cli import main as command
from kinfast.config import TrainConfig
from kinfast.data.composites import parse_composites
from kinfast.data.feed import LoaderSettings
from kinfast.data.loaders import make_loader
from kinfast.data.minibatch import Minibatch
from kinfast.data.shard import Shard
from kinfast.data.store import PreparedStore
from kinfast.models import StreamClassifier, build_model
from kinfast.progress import Silent
from kinfast.train import resume, train
from kinfast.train.inference import answer
from kinfast.train.processes.ranks import Ranks, joined_ranks
from kinfast.train.processes.sync_norms import synchronise_norms
from kinfast.train.stepping.losses import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, Loss
from kinfast.train.stepping.precision import Precision
from kinfast.train.stepping.step import Updater

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


ASKED = (
    *("backbone", "weights", "label", "split_by", "epochs", "steps_per_epoch", "batch_size", "input_size", "loader"),
    *("optimizer", "learning_rate", "dropout", "rotation_degrees", "noise", "device", "patience"),
)
"""Options of the command that make these settings."""
DRAWING = replace(CONFIG, dropout=0.3, optimizer="adam", learning_rate=1e-3, checkpoint_minutes=60.0)
DEADLY = 9
"""Checkpoint in the writing of which the first process dies: of four steps, validation and the end of the first epoch
are six or seven, so it is one within the second."""


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


class Agreeing(Silent):
    """Asks the other processes after each minibatch whether to stop, as training's own reporter of validation does."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks

    def advance(self, count: int = 1, note: str = "") -> None:
        """Find that nobody wishes to."""
        assert self._ranks.most(0) == 0


def train_until_killed(root: Path) -> None:
    """Train by command; the first process has written a checkpoint, and not yet named it, when it is killed."""
    left = DEADLY

    def die_at_last(file: int) -> None:
        nonlocal left
        left -= "/checkpoints/" in os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115 (a number, not a path)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = die_at_last
    names = {"rotation_degrees": "rotation"}
    asked = {field: getattr(DRAWING, field) for field in ASKED}
    words = [f"--{names.get(field, field).replace('_', '-')}={value}" for field, value in asked.items()]
    command.run(["train", str(root / "prepared"), f"--out={root / 'killed'}", *words, "--checkpoint-minutes=1e-9"])


def go_on(store: PreparedStore, run: Path, ranks: Ranks) -> None:
    """Go on with the run whose first process was killed, and tell what it left."""
    left = sorted(path.name for path in (run / "checkpoints/fold0").iterdir())
    ranks.each("")  # all have looked
    resume(store, run, ranks=ranks)
    if ranks.first:
        (run / "left.json").write_text(json.dumps(left), encoding="utf-8")


def answer_about(n_sites: int, store: PreparedStore, ranks: Ranks) -> Tensor:
    """Ask an untrained model about the first sites: with fewer than there are processes, one has none."""
    torch.manual_seed(0)
    settings = LoaderSettings(input_size=24, batch_size=8, shard=ranks.shard)
    loader = make_loader("torch", store, np.arange(n_sites), parse_composites(None, store), None, settings)
    model = build_model("lenet_alexnet", (3, 3), 2)
    said = answer(model, loader, Loss(CROSS_ENTROPY), Precision("cpu", None), Agreeing(ranks), ranks)
    return torch.from_numpy(said.logits)


def main(root: Path, ranks: Ranks) -> None:
    """Take steps, train, train with an interruption by a signal that one process hears, and go on."""
    for backbone in STEPS:
        state = take_steps(backbone, ranks)
        if ranks.first:
            torch.save(state, root / f"{backbone}.pt")
    store = PreparedStore.open(root / "prepared")
    go_on(store, root / "killed", ranks)
    lone = answer_about(1, store, ranks)
    if ranks.first:
        torch.save(lone, root / "lone.pt")
    train(store, CONFIG, root / "two", ranks=ranks)
    train(store, DRAWING, root / "undisturbed", ranks=ranks)
    try:
        train(store, DRAWING, root / "stopped", reporter=Signalling(6) if ranks.rank == 1 else None, ranks=ranks)
    except KeyboardInterrupt:
        if ranks.first:
            (root / "stopped/interrupted").touch()
    resume(store, root / "stopped", ranks=ranks)
    assert ranks.each("" if ranks.first else "é") == ["", "é"]
    assert ranks.shard == Shard(ranks.rank, 2, 2)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if launch.life() == 0:
        train_until_killed(Path(sys.argv[1]))
    with joined_ranks("cpu") as joined:
        main(Path(sys.argv[1]), joined)
