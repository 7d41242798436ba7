"""Evaluates a run from its stored predictions: scores, intervals, baselines, verdicts, into metrics.json."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from kinfast import config, schema
from kinfast.evaluate.baselines import (
    BASELINES,
    INTENSITY,
    PERMUTED,
    POSITION,
    PRIOR,
    explain_baselines,
    position_measures,
    predict_boosted,
    predict_prior,
    quality_measures,
)
from kinfast.evaluate.breakdown import (
    fold_levels,
    judge_classes,
    judged_unit,
    scores_by_dose,
    scores_by_plate,
    spread_of_classes,
    spread_of_compounds,
)
from kinfast.evaluate.confidence import measure_confidence
from kinfast.evaluate.confidence_verdicts import confidence_verdicts
from kinfast.evaluate.dose_response import DoseResponse, measure_dose_response
from kinfast.evaluate.levels import LEVELS, Level, find_units
from kinfast.evaluate.operating_points import operating_points, validated_limits
from kinfast.evaluate.per_class import count_support, score_classes
from kinfast.evaluate.run_activity import activity_verdicts, measure_activity
from kinfast.evaluate.run_folder import METRICS, Run, read_run
from kinfast.evaluate.scoring import Entry, draw_clusters, entry, number, permute_level, score_level, undefined
from kinfast.evaluate.several_labels import LABEL_PERMUTATIONS, about_labels, label_verdicts, measure_soft
from kinfast.evaluate.test_part import TestPart, read_test
from kinfast.evaluate.traps import measure_log_loss, measure_training, trap_verdicts
from kinfast.evaluate.verdicts import said, write_verdicts
from kinfast.metrics.arrays import Probabilities
from kinfast.metrics.scores import METRICS as SCORES
from kinfast.progress import Reporter, Silent


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluated run.

    Attributes:
        path: the run's folder.
        metrics: what stands in metrics.json.
        verdicts: what the numbers mean, a sentence each, the most important first.
    """

    path: Path
    metrics: dict[str, Any]
    verdicts: tuple[str, ...]


def evaluate_run(
    run: Path,
    *,
    draws: int = config.BOOTSTRAP_DRAWS,
    threshold: float = config.DECISION_THRESHOLD,
    reporter: Reporter | None = None,
) -> Evaluation:
    """Evaluate a run's folder and write metrics.json into it.

    Args:
        run: the folder; predictions.parquet in it is enough, config.json gives the split's name.
        draws: bootstrap draws, and permutations.
        threshold: probability from which a class counts as given, in the table of sensitivities.
        reporter: told of the progress.

    Raises:
        RunError: the folder holds no usable predictions.
    """
    loaded, teller = read_run(run), reporter or Silent()
    # One thread: products of this size gain little from more, and lose much where other work holds the processors.
    with threadpool_limits(1, user_api="blas"):
        metrics = _measure(loaded, draws, threshold, teller)
    verdicts = [
        *write_verdicts(metrics),
        *label_verdicts(metrics),
        *trap_verdicts(metrics),
        *confidence_verdicts(metrics),
        *activity_verdicts(metrics),
    ]
    metrics["verdicts"] = [verdict.entry() for verdict in verdicts]
    _write_json(run / METRICS, metrics)
    return Evaluation(run, metrics, said(verdicts))


def _measure(loaded: Run, draws: int, threshold: float, teller: Reporter) -> dict[str, Any]:
    test = read_test(loaded)
    n_folds = np.unique(test.folds).size
    teller.stage("evaluating", 2 + 2 * len(LEVELS) + n_folds, "steps")
    predictions, notes = _predict_baselines(loaded, teller)
    metrics = _score_levels(loaded, test, predictions, draws, teller)
    metrics["folds"] = _score_folds(loaded, test, draws, teller)
    metrics["fold_mean"] = _fold_means(metrics["folds"])
    metrics["dose_response"] = None if loaded.several else _dose_entries(measure_dose_response(loaded))
    metrics["activity"] = measure_activity(loaded)
    metrics["confidence"] = measure_confidence(loaded, draws)
    metrics["about"] = _about(loaded, test, draws, notes)
    metrics["training"] = measure_training(loaded)
    metrics["soft"] = measure_soft(loaded, test, predictions[PRIOR])
    metrics |= _details(loaded, test, predictions[PRIOR], metrics, draws, threshold)
    return metrics


def _details(
    run: Run, test: TestPart, prior: Probabilities, metrics: dict[str, Any], draws: int, threshold: float
) -> dict[str, Any]:
    """Look closer at the split's own level: loss, thresholds, plates, doses, folds, compounds, small classes."""
    name = metrics["about"]["level"]
    level = test.level(name, run.split_by)
    assert level is not None
    multiplicities = draw_clusters(level, draws, [config.SEED, LEVELS.index(name)])
    model = score_level(level, test.probabilities, multiplicities)
    validation = read_test(run, schema.PART_VALIDATION)
    fewer = min(draws, config.PARTIAL_DRAWS)
    judged, heterogeneity = judge_classes(metrics["per_class"][name], model.draws.areas, metrics["about"]["judged_by"])
    folds = list(fold_levels(test, name, run.split_by))
    return {
        "log_loss": measure_log_loss(level, test.probabilities, prior, multiplicities),
        "operating_points": operating_points(
            level,
            test.probabilities,
            multiplicities,
            run.classes,
            threshold,
            validated_limits(test, validation, name, run.split_by),
        ),
        "by_plate": scores_by_plate(run, test, fewer),
        "by_dose": scores_by_dose(run, test, fewer),
        "class_spread": spread_of_classes(folds, run.classes) if len(folds) > 1 else [],
        "compound_spread": spread_of_compounds(run, test),
        "repeats": _score_repeats(run, test),
        "judged_classes": judged,
        "class_differences": heterogeneity,
    }


def _score_repeats(run: Run, test: TestPart) -> list[dict[str, Any]]:
    """Score each repetition of the cross-validation by itself, without intervals; empty for one."""
    repeats = int(run.config.get("repeats") or 1)
    if repeats < 2:
        return []
    of_row = test.folds // max(1, int(run.config["folds"]) // repeats)
    found = []
    for number_ in np.unique(of_row):
        part = test.of(of_row == number_)
        levels = {name: part.level(name, run.split_by) for name in LEVELS}
        found.append(
            {
                name: undefined()
                if level is None
                else score_level(level, part.probabilities, _no_draws(level)).entries()
                for name, level in levels.items()
            }
        )
    return found


def _no_draws(level: Level) -> Any:
    return draw_clusters(level, 0, [config.SEED])


def _predict_baselines(run: Run, reporter: Reporter) -> tuple[dict[str, Probabilities], list[str]]:
    predictions, notes = {PRIOR: predict_prior(run)}, []
    for name, measures, reason in (
        (INTENSITY, quality_measures(run.table), "predictions.parquet holds no Quality_* measure that varies"),
        (POSITION, position_measures(run.table), "a well's name is not a position"),
    ):
        if measures is None:
            notes.append(f"the {name} baseline is missing: {reason}")
        else:
            predictions[name] = predict_boosted(run, measures, per_well=name == POSITION)
        reporter.advance(note=name)
    return predictions, notes


def _score_levels(
    run: Run, test: TestPart, predictions: dict[str, Probabilities], draws: int, reporter: Reporter
) -> dict[str, Any]:
    """Score model and baselines at each level, on the same draws."""
    metrics: dict[str, Any] = {
        "test": {name: undefined() for name in LEVELS},
        "baselines": {baseline: {name: undefined() for name in LEVELS} for baseline in BASELINES},
        "differences": {baseline: {name: undefined() for name in LEVELS} for baseline in predictions},
        "permutation_p": {name: dict.fromkeys(SCORES) for name in LEVELS},
        "per_class": {name: [] for name in LEVELS},
    }
    support = count_support(test)
    for order, name in enumerate(LEVELS):
        level = test.level(name, run.split_by)
        if level is not None:
            multiplicities = draw_clusters(level, draws, [config.SEED, order])
            model = score_level(level, test.probabilities, multiplicities)
            metrics["test"][name] = model.entries()
            metrics["per_class"][name] = score_classes(level, test.probabilities, model.draws, run.classes, support)
            for baseline, probabilities in predictions.items():
                scored = score_level(level, probabilities, multiplicities)
                metrics["baselines"][baseline][name] = scored.entries()
                metrics["differences"][baseline][name] = model.difference(scored)
            reporter.advance(note=f"{name}s")
            seed, permutations = [config.SEED, len(LEVELS) + order], _permutations(run, draws)
            chance = permute_level(level, test.probabilities, model.values, permutations, seed)
            metrics["baselines"][PERMUTED][name], metrics["permutation_p"][name] = chance
            reporter.advance(note=f"{name}s, permuted")
        else:
            reporter.advance(2)
    return metrics


def _permutations(run: Run, draws: int) -> int:
    return min(draws, LABEL_PERMUTATIONS) if run.several else draws


def _score_folds(run: Run, test: TestPart, draws: int, reporter: Reporter) -> list[dict[str, Any]]:
    folds = []
    for index, fold in enumerate(np.unique(test.folds)):
        part, scores = test.fold(int(fold)), {}
        for order, name in enumerate(LEVELS):
            level = part.level(name, run.split_by)
            if level is None:
                scores[name] = undefined()
                continue
            multiplicities = draw_clusters(level, draws, [config.SEED, 100 + index, order])
            scores[name] = score_level(level, part.probabilities, multiplicities).entries()
        folds.append(scores)
        reporter.advance(note=f"fold {fold}")
    return folds


def _fold_means(folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Average over folds, where the score exists; low and high are the lowest and the highest fold, no interval."""
    return {level: {name: _fold_mean([fold[level][name] for fold in folds]) for name in SCORES} for level in LEVELS}


def _fold_mean(entries: list[Entry]) -> Entry:
    values = [scored["value"] for scored in entries if scored["value"] is not None]
    return entry(float(np.mean(values)), min(values), max(values)) if values else entry(np.nan, np.nan, np.nan)


def _dose_entries(response: DoseResponse | None) -> dict[str, Any] | None:
    if response is None:
        return None
    return {
        "response": response.response,
        "dose": response.dose,
        "compounds": _numbers(response.compounds),
        "doses": _numbers(response.doses),
    }


def _numbers(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): _plain(value) for name, value in row.items()} for row in frame.astype(object).to_dict("records")
    ]


def _plain(value: Any) -> Any:
    """Give a cell as JSON has it: null for what is undefined."""
    return None if pd.isna(value) else number(value) if isinstance(value, float) else value


def _about(run: Run, test: TestPart, draws: int, notes: list[str]) -> dict[str, Any]:
    """Say what was evaluated and how: everything a verdict or a reader needs beside the scores."""
    absent = sorted(set(range(len(run.classes))) - set(test.held()[1].tolist()))
    by_compound = run.split_by == "compound" and bool((test.units.compounds != "").any())
    return {
        "classes": list(run.classes),
        "positive_class": run.positive if len(run.classes) == 2 and not run.several else None,
        **about_labels(run, test),
        "classes_without_test_members": [run.classes[code] for code in absent],
        "split_by": str(run.config.get("split_by", run.split_by)),
        "clusters": "compounds" if by_compound else "wells",
        "level": "compound" if by_compound else "well",
        "n_clusters": int(np.unique(test.units.groups if by_compound else test.units.wells).size),
        "n_folds": int(np.unique(test.folds).size),
        "judged_by": judged_unit(run),
        "sites": int(test.codes.size),
        "wells": int(np.unique(test.units.wells).size),
        "compounds": int(np.unique(test.units.compounds[test.units.compounds != ""]).size),
        "compounds_also_trained_on": _shared_compounds(run),
        "draws": draws,
        "permutations": _permutations(run, draws),
        "interval": config.INTERVAL,
        "baselines": explain_baselines(run.several),
        "notes": notes,
    }


def _shared_compounds(run: Run) -> int:
    """Count compounds that stand in train and test of one fold."""
    units, part, fold = find_units(run.table), run.table[schema.PART].to_numpy(), run.table[schema.FOLD].to_numpy()
    shared: set[str] = set()
    for number_ in np.unique(fold):
        train = units.compounds[(part == schema.PART_TRAIN) & (fold == number_)]
        test = units.compounds[(part == schema.PART_TEST) & (fold == number_)]
        shared |= set(np.intersect1d(train, test).tolist())
    return len(shared - {""})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    temporary.replace(path)
