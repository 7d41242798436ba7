"""A study: arms compared over seeds, each at its best learning rate, which is chosen on a seed of its own."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kinfast.errors import UsageError
from kinfast.evaluate.convergence import judge_convergence
from kinfast.progress import Reporter, Silent
from kinfast.studies.arms import Arm, choose_rates, with_rate
from kinfast.studies.cells import Cell, Failures, Outcome, train_cell, train_cells
from kinfast.studies.claim import RUNS, claim_folder
from kinfast.studies.gap import SeedScores, measure_seed
from kinfast.studies.measures import open_run, validation_score

STUDY = "study.json"


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study asks.

    Attributes:
        arms: what is compared.
        seeds: how many, besides seed 0, which chooses the rates.
        metric: compared, and chosen by.
    """

    arms: tuple[Arm, ...]
    seeds: int
    metric: str


@dataclass(frozen=True, slots=True)
class Study:
    """A finished study.

    Attributes:
        plan: what was asked.
        rates: (arm, rate) -> validation score, NaN where the run failed.
        best: arm -> the rate chosen.
        scores: arm -> a seed's scores each, aligned between arms.
        converged: arm -> runs whose loss is flat at the end, of those that can be judged.
    """

    plan: StudyPlan
    rates: Mapping[tuple[str, float], float]
    best: Mapping[str, float]
    scores: Mapping[str, tuple[SeedScores, ...]]
    converged: Mapping[str, tuple[int, int]]


def run_study(
    prepared: Path,
    plan: StudyPlan,
    out: Path,
    *,
    threads: int = 1,
    processes: int = 1,
    reporter: Reporter | None = None,
    trainer: Callable[..., Outcome] = train_cell,
) -> Study:
    """Run a study, or go on with it.

    Args:
        prepared: the store.
        plan: what is asked.
        out: the study's folder.
        threads: of all processes together.
        processes: runs at once.
        reporter: told of the progress.
        trainer: trains one run.

    Raises:
        UsageError: a run failed that a comparison needs.
        RunError: the folder holds another study.
    """
    reporter = reporter or Silent()
    failures = Failures(reporter)
    question = {"prepared": str(prepared.resolve()), **asdict(plan)}
    claim_folder(out, STUDY, question, grows="seeds")  # more seeds than before are welcome

    def train(cells: Sequence[Cell]) -> dict[str, Outcome]:
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
        return {outcome.cell.name: outcome for outcome in outcomes}

    searched = [arm for arm in plan.arms if arm.rates]
    rates = _search(searched, plan, train)
    best = choose_rates(searched, rates, maximise=True)
    for name, rate in best.items():
        reporter.line(f"{name}: learning rate {rate:g} by the validation part of seed 0")
    cells = {
        (arm.name, seed): Cell(f"{_stem(arm)}-seed{seed}", replace(with_rate(arm, best), seed=seed))
        for arm in plan.arms
        for seed in range(1, plan.seeds + 1)
    }
    done = train(list(cells.values()))
    runs = {key: done[cell.name] for key, cell in cells.items()}
    if failed := [outcome for outcome in runs.values() if outcome.error]:
        raise UsageError(f"{len(failed)} of {len(runs)} runs failed, first {failed[0].cell.name}: {failed[0].error}")
    opened = {key: open_run(outcome.run) for key, outcome in runs.items()}
    scores, converged = {}, {}
    for arm in plan.arms:
        mine = [opened[arm.name, seed] for seed in range(1, plan.seeds + 1)]
        scores[arm.name] = tuple(measure_seed(run, plan.metric) for run in mine)
        flat = [judge_convergence(run).flat for run in mine]
        converged[arm.name] = sum(one is True for one in flat), sum(one is not None for one in flat)
    return Study(plan, rates, best, scores, converged)


def _search(
    arms: Sequence[Arm], plan: StudyPlan, train: Callable[[Sequence[Cell]], dict[str, Outcome]]
) -> dict[tuple[str, float], float]:
    """Score every rate of every arm by the validation part of seed 0, which no comparison uses."""
    cells = {
        (arm.name, rate): Cell(f"{_stem(arm)}-lr={rate:g}", replace(arm.config, learning_rate=rate, seed=0))
        for arm in arms
        for rate in arm.rates
    }
    if not cells:
        return {}
    done = train(list(cells.values()))
    outcomes = {key: done[cell.name] for key, cell in cells.items()}
    for arm in arms:
        tried = [outcomes[arm.name, rate] for rate in arm.rates]
        if all(outcome.error for outcome in tried):
            raise UsageError(f"{arm.name}: every rate failed, first {tried[0].cell.name}: {tried[0].error}")
    return {
        key: math.nan if outcome.error else validation_score(open_run(outcome.run), plan.metric)
        for key, outcome in outcomes.items()
    }


def _stem(arm: Arm) -> str:
    return "".join(letter if letter.isalnum() or letter in "+-" else "_" for letter in arm.name)
