"""What a plate's shard was made from, so that a second run does only what changed."""

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kinfast import _native
from kinfast.config import STORE_FORMAT_VERSION, PreprocessConfig
from kinfast.domain import QuarantineRow
from kinfast.preprocess.plan import NO_SHAPE, PlateTask
from kinfast.preprocess.sampling import site_paths
from kinfast.preprocess.shard import CONTROLS, FILES, HASHES, PARAMETERS, REFERENCE, STATE, UNREADABLE
from kinfast.progress import Reporter
from kinfast.words import counted

BATCH = 64
"""Sites a native call."""
METHOD_VERSION = 10
"""Raised whenever the same input and parameters would give other bytes than before."""
SYSTEM_ERRORS = tuple(os.strerror(code) for code in sorted(errno.errorcode))
"""How the reason of a file ends that the system refused."""


def parameters_of(
    config: PreprocessConfig, channels: Sequence[str], nuclei_channel: str | None, quality: dict[str, float]
) -> dict[str, Any]:
    """Give everything but the images that decides a store's bytes, as JSON's types."""
    return {
        "store_format": STORE_FORMAT_VERSION,
        "method": METHOD_VERSION,
        **{name: list(v) if isinstance(v, tuple) else v for name, v in asdict(config).items()},
        "channels": list(channels),
        "nuclei_channel": nuclei_channel,
        "quality": dict(sorted(quality.items())),
    }


def hash_json(content: object) -> str:
    """Hash a value of JSON's types, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def task_parameters(task: PlateTask) -> dict[str, Any]:
    """Give a task's parameters: those of the whole store."""
    return parameters_of(task.config, task.channels, task.nuclei_channel, task.quality)


def describe_inputs(task: PlateTask) -> dict[str, Any]:
    """Describe a task: a hash of all that decides its bytes, and its files with size and time of modification."""
    sites = [
        [s.key.well, s.key.site, s.key.timepoint, [[p.path for p in c] for c in s.channels]] for s in task.plate.sites
    ]
    files = {
        image.path: [image.size_bytes, image.mtime_ns]
        for site in task.plate.sites
        for planes in site.channels
        for image in planes
    }
    reference = {name: list(window) for name, window in task.reference.items()}
    parts = [task_parameters(task), task.plate.name, sorted(task.controls), task.pixel_um, sites, sorted(files.items())]
    return {
        STATE: hash_json([*parts, task.batch, reference]),
        PARAMETERS: hash_json(task_parameters(task)),
        CONTROLS: len(task.controls),
        REFERENCE: [task.batch, reference],
        FILES: files,
    }


def explain_change(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    """Say in words why a plate is to be done; empty where it is up to date."""
    if before is None:
        return "new"
    if before[STATE] == now[STATE]:
        return ""
    old, new = before[FILES], now[FILES]
    added, gone = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    changed = sum(old[path] != new[path] for path in old.keys() & new.keys())
    kinds = ((added, "added"), (gone, "gone or set aside"), (changed, "changed"))
    words = [f"{counted(n, 'file')} {word}" for n, word in kinds if n]
    if before[PARAMETERS] != now[PARAMETERS]:
        words.append("other parameters")
    if before[CONTROLS] != now[CONTROLS]:
        hint = "" if now[CONTROLS] else ": is --metadata missing?"
        words.append(f"{counted(now[CONTROLS], 'control well')}, were {before[CONTROLS]}{hint}")
    if not words and before.get(REFERENCE) != now[REFERENCE]:
        words.append("its batch has other windows")
    return ", ".join(words) or "files of other sites or channels, other control wells or pixel size"


def unreadable_files(rows: Iterable[QuarantineRow]) -> list[str]:
    """Give the files that the system refused: a right, a disk or a share that may be mended without a trace.

    By the reason at the time: a share that is back a second later would otherwise leave its sites out for good.
    """
    return [row.path for row in rows if row.path and row.reason.endswith(SYSTEM_ERRORS)]


def readable_again(task: PlateTask, before: dict[str, Any]) -> list[str]:
    """Give the files that could not be opened when the shard was made, and can be now."""
    return [path for path in before[UNREADABLE] if _opens(task.root / path)]


def _opens(path: Path) -> bool:
    try:
        _native.read_info(str(path), 0)
    except OSError:
        return False
    except (_native.TiffError, IndexError):  # it can be read, whatever it is
        return True
    return True


def contents_changed(task: PlateTask, before: dict[str, Any], threads: int, reporter: Reporter) -> list[str]:
    """Read a plate's files again and name the images whose content is not what it was.

    Args:
        task: the plate's work.
        before: inputs.json of the shard.
        threads: threads of the reading.
        reporter: told of each batch.
    """
    raw = task.headers().shape or NO_SHAPE
    one = np.ones((1, 1), np.float32)
    plain = _native.ChannelPlan(flatfield=one, darkfield=0 * one, low=0, high=1, saturation_value=65535)
    plans = [plain] * len(task.channels)
    changed: list[str] = []
    for start in range(0, len(task.plate.sites), BATCH):
        sites = task.plate.sites[start : start + BATCH]
        out = np.empty((len(sites), 1, 1, len(task.channels)), np.uint8)
        results = _native.process_sites([site_paths(task.root, site) for site in sites], plans, raw, out, threads)
        for site, result, hashes in zip(sites, results, before[HASHES][start : start + BATCH], strict=True):
            found = [f"{channel.file_hash:016x}" for channel in result]
            pairs = zip(task.channels, found, hashes, strict=True)
            changed += [f"{site.key} {name}" for name, now, then in pairs if now != then]
        reporter.advance(len(sites))
    return changed
