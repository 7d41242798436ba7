"""Stores of simulated plates, for benchmarks that train."""

import os
from pathlib import Path

from kinfast.config import PreprocessConfig
from kinfast.data.store import PreparedStore
from kinfast.plate.open import open_plates
from kinfast.preprocess.run import preprocess
from kinfast.simulate.run import simulate_plates
from kinfast.simulate.settings import SimulationSettings


def prepared_plates(
    folder: Path, settings: SimulationSettings, config: PreprocessConfig, threads: int | None = None
) -> PreparedStore:
    """Simulate into `plates` and preprocess into `prepared` of a folder, unless it was done before.

    Args:
        folder: of both.
        settings, config: what is simulated, and how it is prepared.
        threads: None: as many as there are cores.
    """
    threads = threads or os.cpu_count() or 1
    if not (folder / "prepared" / "dataset.json").is_file():
        simulate_plates(folder / "plates", settings, threads)
        preprocess(open_plates(folder / "plates"), folder / "prepared", config, threads=threads)
    return PreparedStore.open(folder / "prepared")
