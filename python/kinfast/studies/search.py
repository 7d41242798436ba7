"""Optuna's part in a sweep: it proposes the next trials from the finished ones, the same for the same past."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kinfast.errors import UsageError
from kinfast.studies.space import Changes, Choices, Range

if TYPE_CHECKING:
    import optuna


def propose(
    space: Sequence[Choices | Range],
    past: Sequence[tuple[Changes, float]],
    count: int,
    *,
    maximise: bool,
    seed: int,
) -> list[Changes]:
    """Propose the next trials (tree-structured Parzen estimator).

    The sampler is seeded by the number of past trials, so that a sweep that was killed proposes what it would have.

    Args:
        space: what varies.
        past: changes and scores so far, NaN for a trial that failed.
        count: trials to propose at once.
        maximise: whether a larger score is better.
        seed: of the sweep.

    Raises:
        UsageError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise UsageError("--trials needs Optuna: pip install 'kinfast[sweep]'; --grid does without it") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed * 100_003 + len(past), constant_liar=True)
        study = optuna.create_study(sampler=sampler, direction="maximize" if maximise else "minimize")
        for changes, score in past:
            study.add_trial(_told(changes, score, space))
        return [_read(study.ask(_distributions(space)).params, space) for _ in range(count)]


def _told(changes: Changes, score: float, space: Sequence[Choices | Range]) -> "optuna.trial.FrozenTrial":
    import optuna

    known = math.isfinite(score)
    return optuna.trial.create_trial(
        params={part.name: _spell(changes[part.name], part) for part in space},
        distributions=_distributions(space),
        value=score if known else None,
        state=optuna.trial.TrialState.COMPLETE if known else optuna.trial.TrialState.FAIL,
    )


def _distributions(space: Sequence[Choices | Range]) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {}
    for part in space:
        if isinstance(part, Choices):
            found[part.name] = CategoricalDistribution(tuple(range(len(part.values))))
        elif part.whole:
            found[part.name] = IntDistribution(int(part.low), int(part.high), log=part.logarithmic)
        else:
            found[part.name] = FloatDistribution(part.low, part.high, log=part.logarithmic)
    return found


def _spell(value: Any, part: Choices | Range) -> Any:
    """Give Optuna's word for a value: a choice is known by its place."""
    return part.values.index(value) if isinstance(part, Choices) else value


def _read(params: Mapping[str, Any], space: Sequence[Choices | Range]) -> Changes:
    return {p.name: p.values[params[p.name]] if isinstance(p, Choices) else params[p.name] for p in space}
