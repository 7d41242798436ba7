"""Train from a store twice as large as the memory that a control group allows.

python -m benchmarks.limited_memory --limit-mb 1024

Its images are sparse files of zeros: to read them takes page cache like any others. A child process enters a group with
the limit (version 1 or 2), trains an epoch and predicts every site. A second one is asked to keep all images in memory,
which must not end well (the kernel ends it, or it waits for memory for ever):
so the limit is one. Needs permission to make a control group; says so and ends with 3
where there is none.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.controls_store import write_controls

from kinfast.control_groups import groups_of_version_1, groups_of_version_2

SIDE, CHANNELS = 1024, ["DNA", "RNA", "ER"]
MB = 2**20
TIMES = 2
NO_GROUP = 3
LONGEST_SECONDS = 60.0
"""That the second process may wait for memory."""
FILES = {1: ("memory.limit_in_bytes", "memory.max_usage_in_bytes"), 2: ("memory.max", "memory.peak")}


@dataclass(frozen=True, slots=True)
class Group:
    """A control group with a limit: its folder, and its version."""

    folder: Path
    version: int

    def peak_mb(self) -> float:
        """Give the most memory that it had, files that were read included."""
        path = self.folder / FILES[self.version][1]
        return int(path.read_text()) / MB if path.is_file() else float("nan")


@contextmanager
def limited(n_bytes: int) -> Iterator[Group | None]:
    """Make a group below this process's own; None where that is not allowed."""
    own = {1: [*groups_of_version_1("memory")][-1], 2: [*groups_of_version_2()][-1]}
    for version, above in own.items():
        folder = above / f"kinfast-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / FILES[version][0]).write_text(str(n_bytes))
        except OSError:
            folder.rmdir()
            continue
        try:
            yield Group(folder, version)
        finally:
            with suppress(OSError):
                folder.rmdir()
        return
    yield None


def write_store(root: Path, n_bytes: int) -> int:
    """Write a store of so many bytes, two sites a well; give its number of sites."""
    n = 2 * (n_bytes // (2 * SIDE * SIDE * len(CHANNELS)) + 1)
    images = write_controls(root, n, SIDE, {"one": CHANNELS})
    np.lib.format.open_memmap(images, "w+", np.uint8, (n, SIDE, SIDE, len(CHANNELS)))
    return n


TRAIN = """
import sys
from pathlib import Path
import torch
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.cli.progress import PlainReporter
from kinfast.train import train
torch.set_num_threads(1)
store, out, cache = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
config = TrainConfig(backbone="lenet_alexnet", weights="none", label="Metadata_Role", split_by="well", epochs=1,
                     batch_size=8, input_size=64, views=1, loader="torch", device="cpu", cache=cache)
train(PreparedStore.open(store), config, out, reporter=PlainReporter())
"""


def train_within(group: Group, store: Path, out: Path, cache: str, patience: float | None = None) -> int | None:
    """Train in a process that enters the group before it imports anything; give its exit code, None for no end."""
    enter = f"import os; open({str(group.folder / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", enter + TRAIN, str(store), str(out), cache]
    try:
        return subprocess.run(command, env=environment, check=False, timeout=patience).returncode
    except subprocess.TimeoutExpired:  # run() has ended it
        return None


def measure(limit_mb: int, root: Path) -> str:
    """Train twice under the limit; what was found, in a line. Empty where no group can be made."""
    with limited(limit_mb * MB) as group:
        if group is None:
            return ""
        n_sites = write_store(root / "prepared", TIMES * limit_mb * MB)
        began = time.perf_counter()
        code = train_within(group, root / "prepared", root / "mapped", "none")
        seconds, peak = time.perf_counter() - began, group.peak_mb()
        kept = train_within(group, root / "prepared", root / "kept", "host", min(2 * seconds, LONGEST_SECONDS))
    if code != 0 or not (root / "mapped/predictions.parquet").is_file():
        raise RuntimeError(f"training from the mapped store ended with {code}")
    if kept == 0:
        raise RuntimeError("all images were kept in memory: the group limits nothing")
    size = n_sites * SIDE * SIDE * len(CHANNELS) / MB
    return (
        f"cgroup v{group.version}, {limit_mb} MB: an epoch and all predictions from {size:.0f} MB ({n_sites} sites) in "
        f"{seconds:.0f} s, peak {peak:.0f} MB with files read; with all images kept in memory it "
        f"{'gets nowhere' if kept is None else f'is ended ({kept})'}"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit-mb", type=int, default=1024)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked.limit_mb, Path(folder))
    print(found or "no control group can be made here: neither version 1 nor 2 is writable")
    return 0 if found else NO_GROUP


if __name__ == "__main__":
    sys.exit(main())
