"""Kill one run at random steps, by SIGKILL, and compare its curve and weights with an undisturbed run's, bit for bit.

python -m benchmarks.resume --kills 20 --loader torch --loader dali

Every life is a forked process that trains on a small simulated set (CPU, one thread) until it kills itself, in a
step or while it writes a checkpoint. Exit code 1 where anything differs.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from benchmarks.controls_store import control_roles, write_controls
from safetensors.torch import load_file

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.progress import Silent
from kinfast.train import resume, train

SIDE, WELLS, CHANNELS = 32, 24, ["DNA", "RNA", "ER"]
EPOCHS, STEPS = 8, 6
DIES_WITHIN = 4
"""Steps of a life, fewer than this: 20 lives of 2 on average pass through most of the 48 steps of the run."""


class Dying(Silent):
    """Ends its process after so many steps, or so many milliseconds later, which may be within a checkpoint."""

    def __init__(self, steps: int, milliseconds: float) -> None:
        self._steps, self._later = steps, milliseconds / 1000

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count a step."""
        self._steps -= 1
        if self._steps == 0:
            if self._later == 0:
                _die()
            threading.Timer(self._later, _die).start()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Run and print a line a loader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--loader", action="append", choices=["torch", "dali"])
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_store(root / "prepared")
        for loader in asked.loader or ["torch", "dali"]:
            equal, kills, restarts = _judge(root, loader, asked.kills, asked.seed)
            differing += not equal
            print(f"{loader}: {kills} kills ({restarts} more lives), {'bit-identical' if equal else 'DIFFERENT'}")
    return int(differing > 0)


def _judge(root: Path, loader: str, kills: int, seed: int) -> tuple[bool, int, int]:
    store = PreparedStore.open(root / "prepared")
    config = TrainConfig(
        backbone="lenet_alexnet",
        weights="none",
        label=schema.ROLE,
        split_by="well",
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        batch_size=4,
        input_size=24,
        dropout=0.3,
        rotation_degrees=20.0,
        noise=0.01,
        loader=loader,
        device="cpu",
        patience=0,
        checkpoint_minutes=1e-9,
    )
    whole, killed = root / f"{loader}-whole", root / f"{loader}-killed"
    _life(lambda: train(store, replace(config, checkpoint_minutes=60.0), whole))
    rng = np.random.default_rng(seed)
    died = others = 0
    while not (killed / "predictions.parquet").exists():
        steps = int(rng.integers(1, DIES_WITHIN)) if died < kills else 10**9
        dying = Dying(steps, float(rng.choice([0.0, rng.uniform(0, 20)])))
        begun = (killed / "config.json").exists()
        work = partial(resume, store, killed) if begun else partial(train, store, config, killed)
        ended = _life(partial(work, reporter=dying))
        died, others = died + (ended == -signal.SIGKILL), others + (ended == 0)
    return _same(whole, killed), died, others


def _life(work: Callable[[], object]) -> int:
    """Do something in a forked process. Returns its exit code, negative for a signal."""
    sys.stdout.flush()
    if "nvidia.dali" in sys.modules:
        raise RuntimeError("DALI's threads do not survive a fork: only the lives may import it")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            torch.set_num_threads(1)
            work()
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"a life ended with {code}")
    return code


def _same(ours: Path, theirs: Path) -> bool:
    curves = [
        [
            {key: value for key, value in json.loads(line).items() if key not in ("seconds", "sites_per_second")}
            for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        for run in (ours, theirs)
    ]
    first, second = (load_file(run / "model.safetensors") for run in (ours, theirs))
    return (
        curves[0] == curves[1]
        and len(curves[0]) == EPOCHS
        and first.keys() == second.keys()
        and all(torch.equal(first[name], second[name]) for name in first)
    )


def _write_store(root: Path) -> None:
    """Write a store whose negative controls are dark and whose positive controls are bright."""
    rng = np.random.default_rng(0)
    n = 2 * WELLS
    path = write_controls(root, n, SIDE, {"one": CHANNELS, "two": CHANNELS[::-1]})
    images = rng.normal(100, 15, (n, SIDE, SIDE, len(CHANNELS)))
    images[..., 0] += np.where(control_roles(n) == "negcon", -60, 60)[:, None, None]
    np.save(path, images.clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    sys.exit(main())
