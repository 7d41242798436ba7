"""Which work there is: a task for each plate, and which of them are not up to date."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast import schema
from kinfast.config import PreprocessConfig
from kinfast.domain import Plate
from kinfast.errors import InputError, StoreError, UsageError
from kinfast.plate.plate_set import PlateSet
from kinfast.preprocess.damage import find_damage
from kinfast.preprocess.illumination.estimate import METHODS, NONE
from kinfast.preprocess.illumination.parts import KINDS, PLATE
from kinfast.preprocess.inputs import (
    contents_changed,
    describe_inputs,
    explain_change,
    hash_json,
    parameters_of,
    readable_again,
)
from kinfast.preprocess.plan import PlateTask
from kinfast.preprocess.shard import PARAMETERS, ShardPaths, finished_plates, read_inputs
from kinfast.preprocess.thresholds import check_overrides
from kinfast.preprocess.windows import BATCH, settle_windows
from kinfast.progress import Reporter
from kinfast.words import counted

ALL_PLATES = "all plates"
"""The batch of plates of which no table says one."""


def make_tasks(plate_set: PlateSet, config: PreprocessConfig) -> list[PlateTask]:
    """Give one task a plate, also for plates of which no site is whole, sorted by name."""
    channels = plate_set.spec.channel_names
    quality = {name: float(value) for name, value in sorted(plate_set.spec.quality.items())}
    check_overrides(quality, channels)
    if config.illumination not in METHODS:
        raise UsageError(f"illumination {config.illumination!r}: wanted one of {', '.join(METHODS)}")
    if config.illumination_group not in KINDS:
        raise UsageError(f"illumination group {config.illumination_group!r}: wanted one of {', '.join(KINDS)}")
    if config.illumination == NONE and config.illumination_group != PLATE:
        raise UsageError("illumination none corrects nothing: there is no field to group")
    config = settle_windows(config, channels, plate_set.spec.intensity)
    batches = _batches(plate_set.labels) if config.intensity == BATCH else {}
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
            batch=batches.get(name, ALL_PLATES) if config.intensity == BATCH else "",
        )
        for name in sorted(plates.keys() | gaps)
    ]


def _controls(labels: pd.DataFrame, plate: str) -> frozenset[str]:
    named = (labels[schema.PLATE] == plate) & (labels[schema.ROLE] == schema.ROLE_NEGATIVE).fillna(False)
    return frozenset(str(well) for well in labels.loc[named.to_numpy(bool), schema.WELL])


def _batches(labels: pd.DataFrame) -> dict[str, str]:
    """Give each plate's batch, where a table names them.

    Raises:
        InputError: a plate is in two.
    """
    if schema.BATCH not in labels.columns:
        return {}
    named = labels[[schema.PLATE, schema.BATCH]].dropna()
    spelled = [f"{batch:g}" if isinstance(batch, float) else str(batch) for batch in named[schema.BATCH]]
    named = named.astype(str).assign(**{schema.BATCH: spelled}).drop_duplicates()
    batches = dict(zip(named[schema.PLATE], named[schema.BATCH], strict=True))
    if len(batches) < len(named):
        plate = named[schema.PLATE][named[schema.PLATE].duplicated()].iloc[0]
        of = ", ".join(sorted(named[schema.BATCH][named[schema.PLATE] == plate]))
        raise InputError(f"{schema.BATCH}: plate {plate} has more than one ({of}), and its window is set by one batch")
    return batches


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
        before = read_inputs(ShardPaths(out, plate))
        if plate not in touched and before and before.get(PARAMETERS) != hash_json(parameters):
            raise StoreError(
                f"{out} holds plate {plate}, made with other parameters or channels, and this run leaves it out: "
                "use the same parameters, run without --plates, or choose another --out"
            )
    return parameters


def find_work(tasks: Sequence[PlateTask], out: Path, verify: bool, threads: int, reporter: Reporter) -> dict[str, str]:
    """Tell which plates are to be done, and why in words."""
    todo: dict[str, str] = {}
    damaged = find_damage(tasks, out)
    for task in tasks:
        before = read_inputs(ShardPaths(out, task.plate.name))
        reason = damaged.get(task.plate.name, "") or explain_change(before, describe_inputs(task))
        if not reason and before is not None and (again := readable_again(task, before)):
            reason = f"{counted(len(again), 'file')} can be read again ({again[0]})"
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
    if not changed:
        return ""
    which = f"{changed[0]}, …" if len(changed) > 1 else changed[0]
    return f"{counted(len(changed), 'image')} changed without a change of time or size ({which})"
