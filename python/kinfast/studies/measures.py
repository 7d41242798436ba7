"""What a finished run says, from its stored predictions and its history: no network is run."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinfast import config, schema
from kinfast.evaluate.baselines import predict_prior
from kinfast.evaluate.levels import find_units, make_level
from kinfast.evaluate.run_folder import Run, read_run
from kinfast.evaluate.scoring import Entries, draw_clusters, score_level
from kinfast.metrics.arrays import Float
from kinfast.metrics.learning_curves import STILL_FALLING, late_fall
from kinfast.metrics.scores import METRICS, score

LOSS = "loss"
VALIDATION_METRICS = (*METRICS, LOSS)


UNLEARNED = 2.0
"""A training loss that ends above so many times that of the class frequencies has not learned even these."""


@dataclass(frozen=True, slots=True)
class Convergence:
    """Whether training came to an end of its own.

    Attributes:
        late_fall: share of the whole fall that the last fifth of the epochs brought; None: too few epochs to say.
        loss: of the last epoch, the least converged fold's.
        prior_loss: what the class frequencies alone give; NaN where a site has several labels.
    """

    late_fall: float | None
    loss: float
    prior_loss: float

    @property
    def above_prior(self) -> bool:
        """Whether the loss ends far above what the class frequencies alone give: flat or not, it cannot be the end."""
        return self.loss > UNLEARNED * self.prior_loss

    @property
    def flat(self) -> bool | None:
        """True, False, or None where nobody can say."""
        if self.above_prior:
            return False
        return None if self.late_fall is None else self.late_fall <= STILL_FALLING

    @property
    def word(self) -> str:
        """A word or two for a table."""
        if self.above_prior:
            return "not converged (above the prior's)"
        return {None: "too few epochs", True: "flat", False: "not converged"}[self.flat]


def judge_convergence(run: Run) -> Convergence:
    """Judge a run's training loss, the least converged fold's."""
    folds = sorted({int(row.get("fold", 0)) for row in run.history})
    falls, ends = [], []
    for fold in folds:
        losses = [row["train_loss"] for row in run.history if int(row.get("fold", 0)) == fold and "train_loss" in row]
        falls.append(late_fall(np.array(losses, dtype=np.float64)))
        ends += losses[-1:]
    known = [fall for fall in falls if fall is not None]
    return Convergence(max(known) if known else None, max(ends, default=float("nan")), prior_loss(run))


LOSS_CHANGES = ("class_weights", "label_smoothing", "focal", "logit_adjustment", "balanced_sampling", "mixup", "cutmix")
"""Options of training that make its loss another one than the plain mean over the train part's sites."""


def prior_loss(run: Run) -> float:
    """Give the training loss of a predictor that knows the train part's class frequencies alone.

    NaN where sites have several labels or classes have weights, which the frequencies do not tell.
    """
    codes = run.codes(run.part(schema.PART_TRAIN))
    # in each of these the loss of the class frequencies is another one
    weighted = any(run.config.get(name) for name in LOSS_CHANGES)
    if weighted or codes.size == 0 or (codes < 0).any():
        return float("nan")
    shares = np.bincount(codes, minlength=len(run.classes)) / codes.size
    if run.config.get("head") == "thesis":  # a sigmoid a class; the loss is a mean over them
        return float((_self_information(shares) + _self_information(1 - shares)).mean())
    return float(_self_information(shares).sum())


def _self_information(shares: Float) -> Float:
    return -shares * np.log(np.where(shares > 0, shares, 1.0))


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
    from kinfast.train.stopping import Best, unripe_epochs

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
