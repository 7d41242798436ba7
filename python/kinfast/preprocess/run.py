"""`kinfast preprocess` without the command line: plates in, a prepared store out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast import schema
from kinfast.config import PreprocessConfig
from kinfast.domain import QuarantineRow
from kinfast.plate.discovery import TIFF_ENDINGS
from kinfast.plate.labels import write_labels_csv
from kinfast.plate.plate_set import PlateSet
from kinfast.preprocess import atomic
from kinfast.preprocess.batch import forget_levels, settle_batches, with_kept_references
from kinfast.preprocess.disk import alone_in, check_place, check_room, plain_disk_errors
from kinfast.preprocess.exclusions import keep_exclusions, read_exclusions
from kinfast.preprocess.merge import dataset_facts, ignored_table, merge_sites, quarantine_table, write_tables
from kinfast.preprocess.over_plates import OverPlates
from kinfast.preprocess.plan import PlatePlan, PlateTask
from kinfast.preprocess.plate_task import prepare_plate
from kinfast.preprocess.shard import (
    GAPS,
    INPUTS,
    LABELS,
    PLATES,
    Shard,
    ShardPaths,
    begin_shard,
    clear_remains,
    commit_shard,
    finished_plates,
    read_shard,
    rows_text,
)
from kinfast.preprocess.tasks import check_parameters, find_work, make_tasks
from kinfast.progress import Reporter, Silent

DATASET = "dataset.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Attributes:
        out: the store.
        n_sites: sites in the store now.
        n_quarantined: rows of quarantine.csv; the command exits with 1 when there are any.
        n_left_out: TIFF files in ignored.csv.
        n_processed: sites that this run processed.
        plates_done: plates that this run processed, with why.
        plates_kept: plates that were up to date, or not asked for.
        flags: flag -> sites that have it.
        notes: lines that a person should read.
        windows: plate -> channel -> corrected counts that became 0 and 255.
        checks: plate -> what dataset.json says of it.
    """

    out: Path
    n_sites: int
    n_quarantined: int
    n_left_out: int
    n_processed: int
    plates_done: dict[str, str]
    plates_kept: tuple[str, ...]
    flags: dict[str, int]
    notes: tuple[str, ...]
    windows: dict[str, dict[str, tuple[float, float]]]
    checks: dict[str, dict[str, Any]]


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
    tasks = make_tasks(plate_set, config)
    parameters = check_parameters(tasks, out)
    check_place(tasks, out)
    listed = None if exclude is None else read_exclusions(exclude)  # a wrong list must not leave an empty store behind
    with plain_disk_errors(out), alone_in(out):
        clear_remains(out)
        exclusions = keep_exclusions(out, listed)
        tasks = with_kept_references(tasks, out)
        todo = find_work(tasks, out, verify, threads, reporter)
        notes = check_room([task for task in tasks if task.plate.name in todo], out)
        if verify:
            forget_levels(tasks, out)
        settled = settle_batches(tasks, todo, out, threads, reporter)
        told = OverPlates(reporter, [len(task.plate.sites) for task in settled.tasks if task.plate.name in todo])
        for task in settled.tasks:
            if task.plate.name in todo:
                told.next_plate()
                _process(task, settled.plans.pop(task.plate.name, None), out, threads, told)
            _renew_labels(task, plate_set, out)
        forget_levels(tasks, out)
        done = _merge(plate_set, out, parameters, exclusions, tasks, todo)
        return replace(done, notes=(*notes, *done.notes))


def _process(task: PlateTask, plan: PlatePlan | None, out: Path, threads: int, reporter: Reporter) -> None:
    paths = ShardPaths(out, task.plate.name)
    work = begin_shard(paths)
    prepare_plate(task, work, paths.image_file, threads, reporter, plan)
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
    facts = dataset_facts(spec, parameters, plate_set.convention, shards, sites)
    write_tables(out, {"quarantine.csv": quarantine, "ignored.csv": ignored_table(plate_set.ignored)})
    _write_labels(sites, out)
    write_tables(out, {"sites.parquet": sites})
    atomic.write_json(out / DATASET, facts)
    notes = [f"--exclude: rows that name no site of the store: {unmatched}"] if unmatched else []
    notes += _gone(shards, tasks)
    return Outcome(
        out,
        len(sites),
        len(quarantine),
        sum(file.path.lower().endswith(TIFF_ENDINGS) for file in plate_set.ignored),
        sum(len(task.plate.sites) for task in tasks if task.plate.name in todo),
        dict(todo),
        tuple(shard.plate for shard in shards if shard.plate not in todo),
        {flag: int(sites[flag].sum()) for flag in (*schema.FLAGS, schema.FLAG_EXCLUDED, schema.FLAG_ANY)},
        tuple(notes),
        {shard.plate: {name: (low, high) for name, (low, high) in shard.facts["windows"].items()} for shard in shards},
        facts["plates"],
    )


def _write_labels(sites: pd.DataFrame, out: Path) -> None:
    """Write labels.csv by way of the hidden folder, so that an equal file is left alone."""
    draft = out / PLATES / ".labels.csv"
    write_labels_csv(sites, draft)
    atomic.write_bytes(out / "labels.csv", draft.read_bytes())
    draft.unlink()


def _gone(shards: Sequence[Shard], tasks: Sequence[PlateTask]) -> list[str]:
    asked = {task.plate.name for task in tasks}
    others = [shard.plate for shard in shards if shard.plate not in asked]
    return [f"kept as they are: {', '.join(others)} (in the store, not among the plates of this run)"] if others else []
