"""`kinfast preprocess` without the command line: plates in, a prepared store out."""

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast import schema
from kinfast.config import PreprocessConfig
from kinfast.domain import Plate, QuarantineRow
from kinfast.errors import InputError, StoreError
from kinfast.plate.labels import write_labels_csv
from kinfast.plate.plate_set import PlateSet
from kinfast.preprocess import atomic
from kinfast.preprocess.exclusions import keep_exclusions
from kinfast.preprocess.inputs import contents_changed, describe_inputs, explain_change, hash_json, parameters_of
from kinfast.preprocess.merge import (
    check_sizes,
    dataset_facts,
    ignored_table,
    merge_sites,
    quarantine_table,
    write_tables,
)
from kinfast.preprocess.plan import PlateTask, stored_shape
from kinfast.preprocess.plate_task import prepare_plate
from kinfast.preprocess.sampling import choose_sites, majority_shape
from kinfast.preprocess.shard import (
    GAPS,
    INPUTS,
    LABELS,
    PARAMETERS,
    PLATES,
    ShardPaths,
    begin_shard,
    commit_shard,
    finished_plates,
    read_inputs,
    read_shard,
    rows_text,
)
from kinfast.preprocess.thresholds import check_overrides
from kinfast.progress import Reporter, Silent

DATASET = "dataset.json"
SAFETY_BYTES = 16 * 2**20
"""Free space that must be left beside the images, for tables."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Attributes:
        out: the store.
        n_sites: sites in the store now.
        n_quarantined: rows of quarantine.csv; the command exits with 1 when there are any.
        n_processed: sites that this run processed.
        plates_done: plates that this run processed, with why.
        plates_kept: plates that were up to date, or not asked for.
        flags: flag -> sites that have it.
        notes: lines that a person should read.
    """

    out: Path
    n_sites: int
    n_quarantined: int
    n_processed: int
    plates_done: dict[str, str]
    plates_kept: tuple[str, ...]
    flags: dict[str, int]
    notes: tuple[str, ...]


def preprocess(
    plate_set: PlateSet,
    out: Path,
    config: PreprocessConfig,
    *,
    threads: int = 1,
    exclude: Path | None = None,
    verify: bool = False,
    reporter: Reporter | None = None,
) -> Outcome:
    """Bring a prepared store up to date with its plates.

    Args:
        plate_set: what to prepare; plates that the store has beyond it stay as they are.
        out: the store's folder; made where there is none.
        config: parameters; one store has one set of them.
        threads: threads; they do not change the bytes.
        exclude: a person's list of sites to leave out; it replaces the one that the store keeps.
        verify: read files again that look unchanged, and compare their content.
        reporter: told of the progress.

    Raises:
        InputError: the input, or `out`, cannot be used.
    """
    reporter = reporter or Silent()
    with _plain_disk_errors(out), _alone_in(out):
        tasks = make_tasks(plate_set, config)
        parameters = check_parameters(tasks, out)
        exclusions = keep_exclusions(out, exclude)
        todo = find_work(tasks, out, verify, threads, reporter)
        _check_room([task for task in tasks if task.plate.name in todo], out)
        for task in tasks:
            if task.plate.name in todo:
                _process(task, out, threads, reporter)
            _renew_labels(task, plate_set, out)
        return _merge(plate_set, out, parameters, exclusions, tasks, todo)


def make_tasks(plate_set: PlateSet, config: PreprocessConfig) -> list[PlateTask]:
    """Give one task a plate, also for plates of which no site is whole, sorted by name."""
    channels = plate_set.spec.channel_names
    quality = {name: float(value) for name, value in sorted(plate_set.spec.quality.items())}
    check_overrides(quality, channels)
    plates = {plate.name: plate for plate in plate_set.plates}
    gaps = {row.plate for row in plate_set.quarantine if row.plate}
    return [
        PlateTask(
            root=plate_set.root,
            plate=plates.get(name, Plate(name, ())),
            channels=channels,
            nuclei_channel=plate_set.spec.nuclei_channel,
            quality=quality,
            controls=_controls(plate_set.labels, name),
            pixel_um=plate_set.pixel_um.get(name),
            config=config,
        )
        for name in sorted(plates.keys() | gaps)
    ]


def _controls(labels: pd.DataFrame, plate: str) -> frozenset[str]:
    named = (labels[schema.PLATE] == plate) & (labels[schema.ROLE] == schema.ROLE_NEGATIVE).fillna(False)
    return frozenset(str(well) for well in labels.loc[named.to_numpy(bool), schema.WELL])


def check_parameters(tasks: Sequence[PlateTask], out: Path) -> dict[str, Any]:
    """Give the store's parameters, and check that plates which this run does not touch were made with the same.

    Raises:
        InputError: there is nothing to prepare.
        StoreError: the store holds a plate that was made with others.
    """
    if not tasks:
        raise InputError("no plate to prepare: kinfast inspect shows what was found")
    one = tasks[0]
    parameters = parameters_of(one.config, one.channels, one.nuclei_channel, one.quality)
    touched = {task.plate.name for task in tasks}
    for plate in finished_plates(out):
        before = read_inputs(ShardPaths(out, plate)) or {}
        if plate not in touched and before.get(PARAMETERS) != hash_json(parameters):
            raise StoreError(
                f"{out} holds plate {plate}, made with other parameters or channels, and this run leaves it out: "
                "use the same parameters, run without --plates, or choose another --out"
            )
    return parameters


def find_work(tasks: Sequence[PlateTask], out: Path, verify: bool, threads: int, reporter: Reporter) -> dict[str, str]:
    """Tell which plates are to be done, and why in words."""
    todo: dict[str, str] = {}
    for task in tasks:
        before = read_inputs(ShardPaths(out, task.plate.name))
        reason = explain_change(before, describe_inputs(task))
        if not reason and verify and before is not None:
            reason = _verify(task, before, threads, reporter)
        if reason:
            todo[task.plate.name] = reason
    return todo


def _verify(task: PlateTask, before: dict[str, Any], threads: int, reporter: Reporter) -> str:
    if not task.plate.sites:
        return ""
    reporter.stage(f"{task.plate.name}: verify", len(task.plate.sites), "sites")
    changed = contents_changed(task, before, threads, reporter)
    return f"{len(changed)} images changed without their time or size ({changed[0]}, …)" if changed else ""


def _check_room(tasks: Sequence[PlateTask], out: Path) -> None:
    """Check that plates to be done go together and fit on the disk, before hours of work."""
    sizes = {
        plate: tuple(shard.facts["stored"])
        for plate in finished_plates(out)
        if (shard := read_shard(ShardPaths(out, plate))).facts["stored"]
    }
    needed = SAFETY_BYTES
    for task in tasks:
        sizes.pop(task.plate.name, None)
        chosen = choose_sites(task.plate.name, len(task.plate.sites), task.config.sample_sites, task.config.seed)
        raw = majority_shape(task.root, task.plate, chosen)
        if raw is not None:
            height, width = stored_shape(raw, task.config.shorter_side)
            sizes[task.plate.name] = (height, width)
            needed += height * width * len(task.channels) * len(task.plate.sites)
    check_sizes(dict(sorted(sizes.items())))
    status = os.statvfs(out)
    free = status.f_bavail * status.f_frsize
    if tasks and needed > free:
        raise InputError(
            f"{out}: {needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free: "
            "make room, choose another --out or a smaller --size"
        )


def _process(task: PlateTask, out: Path, threads: int, reporter: Reporter) -> None:
    paths = ShardPaths(out, task.plate.name)
    work = begin_shard(paths)
    prepare_plate(task, work, paths.image_file, threads, reporter)
    if (paths.shard / INPUTS).exists():
        (out / DATASET).unlink(missing_ok=True)  # until the tables are made again, nobody reads old rows of new images
    commit_shard(paths)


def _renew_labels(task: PlateTask, plate_set: PlateSet, out: Path) -> None:
    name = task.plate.name
    shard = ShardPaths(out, name).shard
    labels = plate_set.labels[(plate_set.labels[schema.PLATE] == name).to_numpy(bool)]
    atomic.write_parquet(shard / LABELS, labels.sort_values(schema.WELL, kind="stable", ignore_index=True))
    atomic.write_bytes(shard / GAPS, rows_text([row for row in plate_set.quarantine if row.plate == name]))


def _merge(
    plate_set: PlateSet,
    out: Path,
    parameters: dict[str, Any],
    exclusions: pd.DataFrame,
    tasks: Sequence[PlateTask],
    todo: dict[str, str],
) -> Outcome:
    shards = [read_shard(ShardPaths(out, plate)) for plate in finished_plates(out)]
    sites, unmatched = merge_sites(shards, plate_set.spec.channel_names, exclusions)
    loose: list[QuarantineRow] = [row for row in plate_set.quarantine if not row.plate]
    quarantine = quarantine_table(shards, loose)
    spec = plate_set.spec.model_dump(mode="json")
    facts = dataset_facts(spec, parameters, plate_set.convention, shards)
    write_tables(out, {"quarantine.csv": quarantine, "ignored.csv": ignored_table(plate_set.ignored)})
    _write_labels(sites, out)
    write_tables(out, {"sites.parquet": sites})
    atomic.write_json(out / DATASET, facts)
    notes = [f"--exclude: {unmatched} rows name no site of the store"] if unmatched else []
    notes += _gone(shards, plate_set, tasks)
    return Outcome(
        out,
        len(sites),
        len(quarantine),
        sum(len(task.plate.sites) for task in tasks if task.plate.name in todo),
        dict(todo),
        tuple(shard.plate for shard in shards if shard.plate not in todo),
        {flag: int(sites[flag].sum()) for flag in (*schema.FLAGS, schema.FLAG_EXCLUDED, schema.FLAG_ANY)},
        tuple(notes),
    )


def _write_labels(sites: pd.DataFrame, out: Path) -> None:
    """Write labels.csv by way of the hidden folder, so that an equal file is left alone."""
    draft = out / PLATES / ".labels.csv"
    write_labels_csv(sites, draft)
    atomic.write_bytes(out / "labels.csv", draft.read_bytes())
    draft.unlink()


def _gone(shards: Sequence[Any], plate_set: PlateSet, tasks: Sequence[PlateTask]) -> list[str]:
    asked = {task.plate.name for task in tasks}
    others = [shard.plate for shard in shards if shard.plate not in asked]
    return [f"kept as they are: {', '.join(others)} (in the store, not among the plates of this run)"] if others else []


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Keep a second run out of the same store."""
    folder = out / PLATES
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{out}: another kinfast preprocess is writing here; wait for it to end") from None
        except OSError:  # a file system without locks: go on without
            pass
        yield


@contextmanager
def _plain_disk_errors(out: Path) -> Iterator[None]:
    """Say in words what a full or read-only disk means."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"{out}: the disk is full; finished plates are kept: make room and run the same command again"
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM) and str(error.filename or "").startswith(str(out)):
            raise InputError(f"{error.filename}: cannot be written ({error.strerror}): choose another --out") from error
        raise
