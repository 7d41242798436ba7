"""What a finished run says, from its stored predictions and its history: no network is run."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinfast import config, schema
from kinfast.evaluate.baselines import predict_prior
from kinfast.evaluate.levels import find_units, make_level
from kinfast.evaluate.run_folder import Run, read_run
from kinfast.evaluate.scoring import Entries, draw_clusters, score_level
from kinfast.metrics.scores import METRICS, score

LOSS = "loss"
VALIDATION_METRICS = (*METRICS, LOSS)


def validation_score(run: Run, metric: str) -> float:
    """Give a score of the validation part, the mean over folds: what a choice may rest on. Never the test part.

    Args:
        run: finished.
        metric: one of `VALIDATION_METRICS`; `loss` is that of the epoch whose weights were kept.

    Returns:
        NaN where it does not exist.
    """
    if metric == LOSS:
        return _kept_loss(run)
    return part_score(run, schema.PART_VALIDATION, metric)


def _kept_loss(run: Run) -> float:
    """Give the validation loss of the weights that were kept, the mean over folds."""
    from kinfast.train.watching.stopping import Best, unripe_epochs

    unripe = unripe_epochs(int(run.config.get("epochs", 1)), config.UNRIPE_SHARE)
    best: dict[int, Best] = {}
    for row in run.history:
        if (loss := row.get("validation_loss")) is not None:
            before = best.get(int(row["fold"]), Best(unripe))
            best[int(row["fold"])] = before.after(int(row["epoch"]) - 1, float(loss))
    return float(np.mean([one.loss for one in best.values()])) if best else float("nan")


def part_score(run: Run, part: str, metric: str) -> float:
    """Give a score of one part's sites, the mean over folds; NaN where it does not exist."""
    rows = run.part(part)
    values = []
    for fold in np.unique(rows[schema.FOLD]):
        mine = rows[rows[schema.FOLD] == fold]
        values.append(score(run.probabilities(mine), run.codes(mine))[metric])
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def part_log_loss(run: Run, part: str) -> float:
    """Give the mean negative logarithm of the true class's share of the probabilities, over one part's sites."""
    rows = run.part(part)
    if rows.empty:
        return float("nan")
    probabilities = run.probabilities(rows)
    shares = probabilities / probabilities.sum(axis=1, keepdims=True)
    true = shares[np.arange(len(rows)), run.codes(rows)]
    return float(-np.log(np.maximum(true, np.finfo(np.float64).tiny)).mean())


@dataclass(frozen=True, slots=True)
class TestScores:
    """A run's test part at one level: the model's scores and those of the class frequencies, with intervals."""

    model: Entries
    prior: Entries
    n_rows: int


def test_scores(run: Run, level: str, draws: int) -> TestScores:
    """Score a run's test part, and the prior's answer to it, on the same draws.

    Raises:
        ValueError: the level does not exist in the run.
    """
    rows = run.part(schema.PART_TEST)
    mask = (run.table[schema.PART] == schema.PART_TEST).to_numpy()
    folds = run.table[schema.FOLD].to_numpy(dtype=np.int64)[mask]
    grouped = make_level(level, folds, run.codes(rows), find_units(run.table).of(mask), run.split_by)
    if grouped is None:
        raise ValueError(f"{run.path} has no {level}s")
    multiplicities = draw_clusters(grouped, draws, [config.SEED, 0])
    model = score_level(grouped, run.probabilities(rows), multiplicities)
    prior = score_level(grouped, predict_prior(run), multiplicities)
    return TestScores(model.entries(), prior.entries(), grouped.n_rows)


def open_run(path: Path) -> Run:
    """Read a finished run."""
    return read_run(path)
