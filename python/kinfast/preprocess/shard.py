"""A plate's shard: what one plate's work leaves on disk, from which the global tables are merged.

images/<plate>.npy, illumination/<plate>/<channel>.npz     for everybody
.plates/<plate>/sites.parquet      the plate's rows, without labels and without what crosses plates
.plates/<plate>/plate.json         its shapes, windows, thresholds, fields' verdicts
.plates/<plate>/quarantine.json    files that could not be used
.plates/<plate>/inputs.json        what all that was made from; written last: where it is, the shard is whole
.plates/<plate>/work/              the same while it is being made
.plates/<plate>/levels.json        how bright its controls are, until the plate is finished; of windows set by batch
.plates/<plate>/labels.parquet, gaps.json      renewed by each run: labels of the wells, sites with gaps
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast.domain import QuarantineRow

IMAGES, ILLUMINATION, PLATES = "images", "illumination", ".plates"
SITES, PLATE, QUARANTINE, INPUTS, LABELS, GAPS, WORK = (
    "sites.parquet",
    "plate.json",
    "quarantine.json",
    "inputs.json",
    "labels.parquet",
    "gaps.json",
    "work",
)
LEVELS = "levels.json"
STATE, PARAMETERS, CONTROLS, REFERENCE, FILES, HASHES, UNREADABLE = (
    "state",
    "parameters_hash",
    "control_wells",
    "reference",
    "files",
    "hashes",
    "unreadable",
)


def folder_name(plate: str) -> str:
    """Spell a plate so that it can be a file's name."""
    name = plate.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")
    return f"%2E{name[1:]}" if name.startswith(".") else name


@dataclass(frozen=True, slots=True)
class ShardPaths:
    """Where one plate's files lie below the store's folder."""

    out: Path
    plate: str

    @property
    def shard(self) -> Path:
        """The hidden folder."""
        return self.out / PLATES / folder_name(self.plate)

    @property
    def work(self) -> Path:
        """Where files lie until they are whole; emptied before a plate is begun."""
        return self.shard / WORK

    @property
    def image_file(self) -> str:
        """The image file, relative to the store."""
        return f"{IMAGES}/{folder_name(self.plate)}.npy"

    @property
    def fields(self) -> Path:
        """The folder of the illumination fields."""
        return self.out / ILLUMINATION / folder_name(self.plate)


def begin_shard(paths: ShardPaths) -> Path:
    """Give an empty working folder."""
    shutil.rmtree(paths.work, ignore_errors=True)
    paths.work.mkdir(parents=True)
    return paths.work


def commit_shard(paths: ShardPaths) -> None:
    """Put a finished working folder's files in place. Killed in between, the plate counts as not done.

    The working folder holds images.npy (unless the plate has no site), fields/<channel>.npz, and the shard's files.
    """
    (paths.shard / INPUTS).unlink(missing_ok=True)
    images = paths.out / paths.image_file
    if (paths.work / "images.npy").exists():
        images.parent.mkdir(parents=True, exist_ok=True)
        (paths.work / "images.npy").replace(images)
    else:
        images.unlink(missing_ok=True)
    shutil.rmtree(paths.fields, ignore_errors=True)
    if (paths.work / "fields").exists():
        paths.fields.parent.mkdir(parents=True, exist_ok=True)
        (paths.work / "fields").replace(paths.fields)
    for name in (SITES, PLATE, QUARANTINE):
        (paths.work / name).replace(paths.shard / name)
    _sync(paths.shard)
    (paths.work / INPUTS).replace(paths.shard / INPUTS)
    shutil.rmtree(paths.work)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """A finished plate, read back.

    Attributes:
        plate: its name.
        sites: its rows.
        facts: plate.json.
        quarantine: files that could not be used, and gaps.
        labels: of its wells.
    """

    plate: str
    sites: pd.DataFrame
    facts: dict[str, Any]
    quarantine: tuple[QuarantineRow, ...]
    labels: pd.DataFrame


def read_facts(paths: ShardPaths) -> dict[str, Any]:
    """Read a finished shard's plate.json."""
    facts: dict[str, Any] = json.loads((paths.shard / PLATE).read_text(encoding="utf-8"))
    return facts


def read_shard(paths: ShardPaths) -> Shard:
    """Read a finished shard."""
    rows = (*read_rows(paths.shard / GAPS), *read_rows(paths.shard / QUARANTINE))
    return Shard(
        paths.plate,
        pd.read_parquet(paths.shard / SITES),
        read_facts(paths),
        rows,
        pd.read_parquet(paths.shard / LABELS),
    )


def read_inputs(paths: ShardPaths) -> dict[str, Any] | None:
    """Read what a shard was made from; None where there is no whole shard."""
    file = paths.shard / INPUTS
    return _read_json(file) if file.is_file() else None


def _read_json(file: Path) -> dict[str, Any] | None:
    """Read a JSON object; None where the file is gone or damaged."""
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content


def finished_plates(out: Path) -> list[str]:
    """Name the plates whose shards are whole, sorted; damaged ones are `find_damage`'s."""
    facts = [_read_json(file.parent / PLATE) for file in (out / PLATES).glob(f"*/{INPUTS}")]
    return sorted(str(of["plate"]) for of in facts if of)


def clear_remains(out: Path) -> None:
    """Remove what killed runs left half-written: of a plate that is begun no more it would stay for good."""
    for folder in (out / PLATES).glob(f"*/{WORK}"):
        shutil.rmtree(folder, ignore_errors=True)
    for place in (out, out / PLATES, *(out / PLATES).glob("*/")):
        for file in place.glob(".*.part"):
            file.unlink(missing_ok=True)


def read_rows(path: Path) -> list[QuarantineRow]:
    """Read quarantine rows; none where there is no file."""
    if not path.is_file():
        return []
    return [QuarantineRow(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


def rows_text(rows: list[QuarantineRow]) -> bytes:
    """Spell quarantine rows as JSON."""
    return (json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n").encode()
