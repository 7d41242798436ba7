"""Finished plates whose files in the store were lost or cut short since: they are made anew, and nobody reads them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from pyarrow import ArrowInvalid

from kinfast.errors import StoreError
from kinfast.preprocess.plan import PlateTask
from kinfast.preprocess.rows import HEADER_BYTES
from kinfast.preprocess.shard import INPUTS, PLATE, PLATES, QUARANTINE, SITES, ShardPaths, folder_name


def find_damage(tasks: Sequence[PlateTask], out: Path) -> dict[str, str]:
    """Tell which of this run's plates are damaged in the store, and why in words.

    Sizes and headers are looked at, not every byte: what a deleted or half-copied store lacks is found.

    Raises:
        StoreError: a plate is damaged that this run leaves out, and so cannot make anew.
    """
    plates = {folder_name(task.plate.name): task.plate.name for task in tasks}
    damaged: dict[str, str] = {}
    for file in sorted((out / PLATES).glob(f"*/{INPUTS}")):
        folder = file.parent
        problem = _problem(out, folder)
        if problem and folder.name not in plates:
            raise StoreError(
                f"{out}: {problem}, and its plate {folder.name} is not among those of this run: run with its images "
                f"too, or remove {folder} to have the store without it"
            )
        if problem:
            damaged[plates[folder.name]] = f"{problem}: made anew"
    return damaged


def _problem(out: Path, shard: Path) -> str:
    try:
        for name in (INPUTS, QUARANTINE):
            json.loads((shard / name).read_text(encoding="utf-8"))
        facts: dict[str, Any] = json.loads((shard / PLATE).read_text(encoding="utf-8"))
        if pq.read_metadata(shard / SITES).num_rows != facts["n_sites"]:
            return f"{SITES} of the plate has other rows than it should"
    except (OSError, ValueError, KeyError, ArrowInvalid) as error:
        missing = isinstance(error, FileNotFoundError)
        return f"a file in {shard.relative_to(out)} is {'gone' if missing else 'damaged'}"
    return _lost(out, ShardPaths(out, str(facts["plate"])), facts)


def _lost(out: Path, paths: ShardPaths, facts: dict[str, Any]) -> str:
    """Name the first of the files for everybody that is gone, or has another size than it must."""
    wanted: list[tuple[Path, int | None]] = []
    if facts["n_sites"]:
        n_bytes = HEADER_BYTES + int(np.prod([facts["n_sites"], *facts["stored"], len(facts["windows"])]))
        wanted.append((out / paths.image_file, n_bytes))
    if facts["shape"] is not None:
        wanted += [(paths.fields / f"{channel}.npz", None) for channel in facts["illumination"]]
    for file, size in wanted:
        if not file.is_file():
            return f"{file.relative_to(out)} is gone"
        found = file.stat().st_size
        if found != size if size is not None else not found:
            return f"{file.relative_to(out)} has {found:,} bytes, wanted {size or 'some'}"
    return ""
