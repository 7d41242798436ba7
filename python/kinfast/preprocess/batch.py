"""Windows that are set by batch: what plates must know of one another before any of them is stored.

A batch's reference (see windows.py) is set once and then kept in .plates/.batches.json: a plate that is added later is
laid onto it, and the others, and models that were trained on them, stay as they are. It is set anew when every plate
of the batch is to be made anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kinfast.preprocess import atomic
from kinfast.preprocess.inputs import describe_inputs, hash_json, task_parameters
from kinfast.preprocess.intensity import Levels
from kinfast.preprocess.plan import PlatePlan, PlateTask, plan_plate
from kinfast.preprocess.shard import LEVELS, PARAMETERS, PLATES, STATE, ShardPaths, finished_plates, read_facts
from kinfast.preprocess.windows import BATCH, Reference, Window, fit_reference
from kinfast.progress import Reporter

_BATCHES = "batches"


@dataclass(frozen=True, slots=True)
class Settled:
    """Tasks with their batches' references, and plans of pass one that were made on the way, by plate."""

    tasks: list[PlateTask]
    plans: dict[str, PlatePlan] = field(default_factory=dict)


def read_references(out: Path) -> dict[str, Any]:
    """Read the references that a store keeps: {"parameters_hash", "batches": {name: {channel: [low, high]}}}."""
    file = _file(out)
    if not file.is_file():
        return {PARAMETERS: "", _BATCHES: {}}
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def with_kept_references(tasks: Sequence[PlateTask], out: Path) -> list[PlateTask]:
    """Give the tasks with the references that the store keeps; without, where it has none of these parameters."""
    if not tasks or tasks[0].config.intensity != BATCH:
        return list(tasks)
    kept = _kept(out, tasks[0])
    return [replace(task, reference=kept.get(task.batch, {})) for task in tasks]


def settle_batches(
    tasks: Sequence[PlateTask], todo: Mapping[str, str], out: Path, threads: int, reporter: Reporter
) -> Settled:
    """Set the references of batches that have none or are made anew as a whole: pass one of all their plates.

    Args:
        tasks: of this run, with the references that are kept.
        todo: plates that are to be done.
        out: the store.
        threads: threads; they do not change the result.
        reporter: told of each chunk of images.
    """
    if not tasks or tasks[0].config.intensity != BATCH:
        return Settled(list(tasks))
    others = _other_plates(out, tasks)
    inhabited = {*others.values(), *(task.batch for task in tasks)}
    kept = {name: of for name, of in _kept(out, tasks[0]).items() if name in inhabited}
    plans: dict[str, PlatePlan] = {}
    for batch in sorted({task.batch for task in tasks}):
        mine = [task for task in tasks if task.batch == batch]
        anew = {task.plate.name for task in mine} <= todo.keys()
        if anew and batch not in others.values():
            kept[batch] = _fit_batch(mine, out, plans, threads, reporter)
    content = {
        PARAMETERS: hash_json(task_parameters(tasks[0])),
        _BATCHES: {name: {c: list(window) for c, window in kept[name].items()} for name in sorted(kept)},
    }
    atomic.write_json(_file(out), content)
    return Settled([replace(task, reference=kept.get(task.batch, {})) for task in tasks], plans)


def forget_levels(tasks: Sequence[PlateTask], out: Path) -> None:
    """Remove what pass one left behind for a run that was killed; finished plates keep it in plate.json."""
    for task in tasks:
        (ShardPaths(out, task.plate.name).shard / LEVELS).unlink(missing_ok=True)


def _file(out: Path) -> Path:
    return out / PLATES / ".batches.json"


def _kept(out: Path, task: PlateTask) -> dict[str, Reference]:
    content = read_references(out)
    if content[PARAMETERS] != hash_json(task_parameters(task)):
        return {}
    return {name: {c: (low, high) for c, (low, high) in of.items()} for name, of in content[_BATCHES].items()}


def _other_plates(out: Path, tasks: Sequence[PlateTask]) -> dict[str, str]:
    """Give the batches of the store's plates that this run does not touch."""
    others = sorted(set(finished_plates(out)) - {task.plate.name for task in tasks})
    return {plate: str(read_facts(ShardPaths(out, plate))["batch"]) for plate in others}


def _fit_batch(
    tasks: Sequence[PlateTask], out: Path, plans: dict[str, PlatePlan], threads: int, reporter: Reporter
) -> Reference:
    levels, windows = [], []
    for task in tasks:
        found = _read_levels(task, out)
        if found is None:
            plan = plans[task.plate.name] = plan_plate(task, threads, reporter)
            found = {name: fit.levels for name, fit in plan.fits.items()}, {n: f.window for n, f in plan.fits.items()}
            _write_levels(task, out, plan)
        levels.append(found[0])
        windows.append(found[1])
    return fit_reference(levels, windows)


def _state(task: PlateTask) -> str:
    return str(describe_inputs(replace(task, reference={}))[STATE])


def _write_levels(task: PlateTask, out: Path, plan: PlatePlan) -> None:
    """Keep a plate's levels for a run that is killed before the batch is known.

    Not where a file could not be read: it may be readable by then, and levels would differ from an undisturbed run's.
    """
    if any(fit.n_sampled < len(task.sampled_sites()) for fit in plan.fits.values()):
        return
    facts = {name: {"levels": asdict(fit.levels), "window": list(fit.window)} for name, fit in plan.fits.items()}
    atomic.write_json(ShardPaths(out, task.plate.name).shard / LEVELS, {STATE: _state(task), "channels": facts})


def _read_levels(task: PlateTask, out: Path) -> tuple[dict[str, Levels], dict[str, Window]] | None:
    file = ShardPaths(out, task.plate.name).shard / LEVELS
    if not file.is_file():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    if content[STATE] != _state(task):
        return None
    facts = content["channels"]
    levels = {name: Levels(**of["levels"]) for name, of in facts.items()}
    return levels, {name: (of["window"][0], of["window"][1]) for name, of in facts.items()}
