"""A sweep: many runs that differ in some options, chosen between by the validation part, never by the test part."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kinfast.config import TrainConfig
from kinfast.errors import UsageError
from kinfast.evaluate.convergence import judge_convergence
from kinfast.progress import Reporter, Silent
from kinfast.report.tables import write_text
from kinfast.studies.cells import Cell, Failures, Outcome, train_cell, train_cells
from kinfast.studies.claim import RUNS, claim_folder, has_runs
from kinfast.studies.measures import LOSS, VALIDATION_METRICS, open_run, validation_score
from kinfast.studies.search import propose
from kinfast.studies.space import Changes, Choices, Range, all_combinations, name_changes

SWEEP, TRIALS = "sweep.json", "trials.json"


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What a sweep asks.

    Attributes:
        base: what every run is trained with, but for the changes.
        space: what varies.
        trials: how many Optuna chooses; None: every combination of the choices.
        metric: of the validation part.
        seed: of Optuna.
    """

    base: TrainConfig
    space: tuple[Choices | Range, ...]
    trials: int | None
    metric: str
    seed: int = 0

    @property
    def maximise(self) -> bool:
        """Whether a larger score is better."""
        return self.metric != LOSS


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a sweep.

    Attributes:
        number: from 1, in the order of beginning.
        name: of its folder.
        changes: of the base.
        score: of the validation part; NaN where the run failed, or has none.
        loss_curve: whether the loss is flat at the end, in a word.
        error: why it failed, or empty.
    """

    number: int
    name: str
    changes: Changes
    score: float = math.nan
    loss_curve: str = ""
    error: str = ""


def run_sweep(
    prepared: Path,
    plan: SweepPlan,
    out: Path,
    *,
    threads: int = 1,
    processes: int = 1,
    reporter: Reporter | None = None,
    trainer: Callable[..., Outcome] = train_cell,
) -> list[Trial]:
    """Run a sweep, or go on with it: finished runs stay, an interrupted one resumes from its checkpoint.

    Args:
        prepared: the store.
        plan: what is asked.
        out: the sweep's folder.
        threads: of all processes together.
        processes: runs at once.
        reporter: told of the progress.
        trainer: trains one run.

    Returns:
        The trials, in the order of beginning.

    Raises:
        UsageError: nothing varies, no such metric, or every run failed.
        RunError: the folder holds another sweep.
    """
    reporter = reporter or Silent()
    failures = Failures(reporter)
    _check(plan)
    _claim(out, plan, prepared)

    def train(trials: Sequence[Trial]) -> list[Trial]:
        cells = [Cell(trial.name, replace(plan.base, **trial.changes)) for trial in trials]
        outcomes = train_cells(
            prepared,
            cells,
            out / RUNS,
            threads=threads,
            processes=processes,
            reporter=reporter,
            trainer=trainer,
            failures=failures,
        )
        return [_measured(trial, outcome, plan.metric) for trial, outcome in zip(trials, outcomes, strict=True)]

    if plan.trials is None:
        every = all_combinations([part for part in plan.space if isinstance(part, Choices)])
        done = train([Trial(n, name_changes(changes), changes) for n, changes in enumerate(every, 1)])
    else:
        done = _search(plan, out, processes, train)
    if all(trial.error for trial in done):
        raise UsageError(f"every run of the sweep failed, first {done[0].name}: {done[0].error}")
    return done


def best_trial(trials: Sequence[Trial], *, maximise: bool) -> Trial | None:
    """Give the best finished trial by the validation part; None where none has a score."""
    known = [trial for trial in trials if math.isfinite(trial.score)]
    return (max if maximise else min)(known, key=lambda trial: trial.score) if known else None


def _claim(out: Path, plan: SweepPlan, prepared: Path) -> None:
    """Make the folder this sweep's own; a sweep of Optuna's may ask for more trials than before."""
    if not has_runs(out):
        (out / TRIALS).unlink(missing_ok=True)  # proposals that were not begun, maybe of another question
    claim_folder(out, SWEEP, {"prepared": str(prepared.resolve()), **asdict(plan)}, grows="trials")


def _check(plan: SweepPlan) -> None:
    if not plan.space:
        raise UsageError("nothing varies: give --grid lr=1e-4,1e-3, or --trials 20 --range lr=1e-5..1e-2")
    if plan.trials is None and any(isinstance(part, Range) for part in plan.space):
        raise UsageError("--range is drawn from by Optuna: say how often with --trials, or name values with --grid")
    if plan.metric not in VALIDATION_METRICS:
        raise UsageError(f"no metric {plan.metric!r}: wanted one of {', '.join(VALIDATION_METRICS)}")


def _search(plan: SweepPlan, out: Path, processes: int, train: Callable[[Sequence[Trial]], list[Trial]]) -> list[Trial]:
    """Let Optuna choose, as many at once as there are processes; what was begun before is finished first."""
    assert plan.trials is not None
    done: list[Trial] = []
    begun = _read_trials(out / TRIALS, plan)
    while len(done) < plan.trials:
        batch = begun[len(done) : len(done) + processes]
        if not batch:
            past = [(trial.changes, trial.score) for trial in done]
            count = min(processes, plan.trials - len(done))
            asked = propose(plan.space, past, count, maximise=plan.maximise, seed=plan.seed)
            batch = [
                Trial(number, f"{number:03d}-{name_changes(changes)}", changes)
                for number, changes in enumerate(asked, len(done) + 1)
            ]
            begun = [*begun, *batch]
            _write_trials(begun, out / TRIALS)
        done += train(batch)
    return done


def _write_trials(trials: Sequence[Trial], path: Path) -> None:
    rows = [{"number": trial.number, "name": trial.name, "changes": trial.changes} for trial in trials]
    write_text(json.dumps(rows, indent=1) + "\n", path)


def _read_trials(path: Path, plan: SweepPlan) -> list[Trial]:
    if not path.is_file():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return [Trial(row["number"], row["name"], _values(row["changes"], plan)) for row in rows]


def _values(changes: Mapping[str, Any], plan: SweepPlan) -> Changes:
    """Turn JSON's lists back into the choices that they were."""
    choices = {part.name: part.values for part in plan.space if isinstance(part, Choices)}
    return {
        name: next((known for known in choices.get(name, ()) if known == value or _listed(known) == value), value)
        for name, value in changes.items()
    }


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _measured(trial: Trial, outcome: Outcome, metric: str) -> Trial:
    if outcome.error:
        return replace(trial, error=outcome.error)
    run = open_run(outcome.run)
    return replace(trial, score=validation_score(run, metric), loss_curve=judge_convergence(run).word)
