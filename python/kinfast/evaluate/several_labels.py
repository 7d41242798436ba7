"""Evaluates runs of several labels a site (`targets`, `target-profile`): per label and together, beside the prior."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kinfast import config, schema
from kinfast.evaluate.levels import LEVELS, Level, Units, find_units, make_level
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import Entries, Entry, draw_clusters, entry, number, undefined
from kinfast.evaluate.verdicts import FEW_CLUSTERS, Kind, Verdict
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.bootstrap import interval
from kinfast.metrics.labels import HALF, LabelScores, macro_area, score_labels, soft_errors
from kinfast.metrics.permutation import make_shuffler, p_value
from kinfast.metrics.scores import METRICS as SCORES
from kinfast.progress import Reporter

PRIOR, PERMUTED = "prior", "permuted"
EXPLANATIONS = {
    PRIOR: "each label's frequency in the training parts, the same for every row",
    PERMUTED: "the same predictions against rows of truths permuted among the groups of each fold; mean ROC area alone",
}
PERMUTATIONS = 200
FEWEST_COMPOUNDS = 2
"""A label of one compound (or well) says only how that one repeats itself; it is not judged."""
MACRO = "roc_auc_macro"


@dataclass(frozen=True, slots=True)
class _Test:
    """The test rows: folds, truths (n, k) with NaN, probabilities (n, k), and the prior's; aligned with the units."""

    folds: Codes
    truths: Float
    probabilities: Probabilities
    prior: Probabilities
    units: Units


def measure_several(run: Run, draws: int, reporter: Reporter) -> dict[str, Any]:
    """Measure a run of several labels; the same shape as for one class a site, what has no meaning there undefined."""
    test = _read(run)
    reporter.stage("evaluating", len(LEVELS), "steps")
    metrics: dict[str, Any] = {
        "test": {name: undefined() for name in LEVELS},
        "baselines": {baseline: {name: undefined() for name in LEVELS} for baseline in EXPLANATIONS},
        "differences": {PRIOR: {name: undefined() for name in LEVELS}},
        "permutation_p": {name: dict.fromkeys(SCORES) for name in LEVELS},
        "per_class": {name: [] for name in LEVELS},
        "soft": {},
    }
    for order, name in enumerate(LEVELS):
        level = make_level(name, test.folds, np.zeros(test.folds.size, np.int64), test.units, run.split_by)
        if level is not None:
            _measure_level(metrics, run, test, level, draws, order)
        reporter.advance(note=f"{name}s")
    metrics["folds"], metrics["fold_mean"] = [], {name: undefined() for name in LEVELS}
    metrics["dose_response"] = None
    metrics["about"] = _about(run, test, draws)
    return metrics


def several_verdicts(metrics: dict[str, Any]) -> list[Verdict]:
    """Say in words what the scores of several labels mean, the most important first."""
    about = metrics["about"]
    level = about["level"]
    model, lead = metrics["test"][level][MACRO], metrics["differences"][PRIOR][level][MACRO]
    chance, p = metrics["baselines"][PERMUTED][level][MACRO], metrics["permutation_p"][level][MACRO]
    judged = [row for row in metrics["per_class"][level] if row["judged"]]
    verdicts = [
        Verdict(
            Kind.FINDING,
            f"In held-out {level}s, {len(about['classes'])} labels, {len(judged)} with compounds enough to judge: "
            f"mean ROC AUC {_shown(model)}.",
            "headline",
            model["value"] is not None,
        )
    ]
    if lead["low"] is not None:
        better = lead["low"] > 0
        text = f"{'Better' if better else 'No better'} than label frequencies alone: difference {_shown(lead)}."
        verdicts.append(_supports(better, text, "better_than_prior"))
    if p is not None:
        better = p <= 1 - about["interval"]
        text = f"rows of labels permuted among {about['clusters']} give {_shown(chance)} (p = {p:.2g})"
        text = f"{'Better' if better else 'No better'} than chance: {text}."
        verdicts.append(_supports(better, text, "better_than_chance"))
    verdicts += _soft_verdicts(metrics["soft"].get(level))
    if about["n_clusters"] < FEW_CLUSTERS:
        few = f"The test part holds {about['n_clusters']} {about['clusters']} only: the intervals are too narrow."
        verdicts.append(Verdict(Kind.CAUTION, few, "few_clusters"))
    if about["unknown_share"] > 0:
        text = f"{about['unknown_share']:.1%} of the test rows' labels are not known and count neither way."
        verdicts.append(Verdict(Kind.FINDING, text, "labels_not_known"))
    return verdicts


def _soft_verdicts(soft: dict[str, dict[str, float | None]] | None) -> list[Verdict]:
    if not soft:
        return []
    model, prior = soft["model"]["rmse"] or 0.0, soft[PRIOR]["rmse"] or 0.0
    words = f"root mean square error {model:.3f}; the mean profile of the training part gives {prior:.3f}"
    return [_supports(model < prior, f"Selectivity: {words}.", "better_than_mean_profile")]


def _supports(better: bool, text: str, name: str) -> Verdict:
    return Verdict(Kind.SUPPORT if better else Kind.CAUTION, text, name, better)


def _read(run: Run) -> _Test:
    mask = (run.table[schema.PART] == schema.PART_TEST).to_numpy()
    rows = run.table[mask]
    train = run.truths(run.table[(run.table[schema.PART] == schema.PART_TRAIN).to_numpy()])
    known = ~np.isnan(train)
    mean = np.where(known, train, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    truths = run.truths(rows)
    return _Test(
        rows[schema.FOLD].to_numpy(dtype=np.int64),
        truths,
        run.probabilities(rows),
        np.broadcast_to(mean, truths.shape).copy(),
        find_units(run.table).of(mask),
    )


def _measure_level(metrics: dict[str, Any], run: Run, test: _Test, level: Level, draws: int, order: int) -> None:
    truths, said, prior = _mean_truths(level, test.truths), level.average(test.probabilities), level.average(test.prior)
    multiplicities = draw_clusters(level, draws, [config.SEED, order])
    model = score_labels(truths, said, level.clusters, multiplicities)
    other = score_labels(truths, prior, level.clusters, multiplicities)
    metrics["test"][level.name] = _entries(model)
    metrics["baselines"][PRIOR][level.name] = _entries(other)
    metrics["differences"][PRIOR][level.name] = {
        name: entry(
            model.values[name] - other.values[name], *interval(model.draws[name] - other.draws[name], config.INTERVAL)
        )
        for name in SCORES
    }
    null = _permuted(level, truths, said, min(draws, PERMUTATIONS), order)
    chance = (
        entry(float(np.mean(null)), *interval(null, config.INTERVAL)) if null.size else entry(np.nan, np.nan, np.nan)
    )
    metrics["baselines"][PERMUTED][level.name][MACRO] = chance
    if null.size:
        metrics["permutation_p"][level.name][MACRO] = number(p_value(model.values[MACRO], null))
    metrics["per_class"][level.name] = _label_rows(run, test, level, model)
    if run.config.get("soft_targets"):
        metrics["soft"][level.name] = {
            name: {key: number(value) for key, value in soft_errors(truths, values).items()}
            for name, values in (("model", said), (PRIOR, prior))
        }


def _mean_truths(level: Level, truths: Float) -> Float:
    """Average what is known of a well's or compound's sites: NaN where nothing is."""
    known = ~np.isnan(truths)
    shape = (level.n_rows, truths.shape[1])
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, level.member, np.where(known, truths, 0.0))
    np.add.at(count, level.member, known)
    means: Float = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means


def _permuted(level: Level, truths: Float, said: Probabilities, permutations: int, order: int) -> Float:
    """Score rows of truths handed round among the clusters of a fold, whole: labels that go together stay together."""
    patterns, codes = np.unique(np.nan_to_num(truths, nan=-1.0), axis=0, return_inverse=True)
    patterns = np.where(patterns < 0, np.nan, patterns)
    shuffler = make_shuffler(codes.reshape(-1).astype(np.int64), level.clusters, level.strata)
    rng = np.random.default_rng([config.SEED, len(LEVELS) + order])
    areas = np.array([macro_area(patterns[shuffler.permute(rng)], said) for _ in range(permutations)])
    known: Float = areas[~np.isnan(areas)]
    return known


def _label_rows(run: Run, test: _Test, level: Level, scores: LabelScores) -> list[dict[str, Any]]:
    rows = []
    for code, name in enumerate(run.classes):
        member = test.truths[:, code] >= HALF
        compounds = set(test.units.compounds[member].tolist()) - {""}
        wells = np.unique(test.units.wells[member]).size
        judged = len(compounds or range(wells)) >= FEWEST_COMPOUNDS and not np.isnan(scores.labels[code][MACRO])
        low, high = interval(scores.areas[:, code], config.INTERVAL) if judged else (np.nan, np.nan)
        own = scores.labels[code]
        rows.append(
            {
                "class": name,
                "n_compounds": len(compounds),
                "n_wells": wells,
                "n_sites": int(member.sum()),
                "n_unknown": int(np.isnan(test.truths[:, code]).sum()),
                "roc_auc": number(own[MACRO]),
                "low": number(low),
                "high": number(high),
                "average_precision": number(own["average_precision_macro"]),
                "balanced_accuracy": number(own["balanced_accuracy"]),
                "judged": bool(judged),
            }
        )
    return rows


def _entries(scores: LabelScores) -> Entries:
    return {name: entry(scores.values[name], *interval(scores.draws[name], config.INTERVAL)) for name in SCORES}


def _about(run: Run, test: _Test, draws: int) -> dict[str, Any]:
    by_compound = run.split_by == "compound" and bool((test.units.compounds != "").any())
    clusters = test.units.groups if by_compound else test.units.wells
    return {
        "classes": list(run.classes),
        "several_labels": True,
        "soft_targets": bool(run.config.get("soft_targets")),
        "positive_class": None,
        "classes_without_test_members": [
            name for code, name in enumerate(run.classes) if not (test.truths[:, code] >= HALF).any()
        ],
        "split_by": run.split_by,
        "clusters": "compounds" if by_compound else "wells",
        "level": "compound" if by_compound else "well",
        "n_clusters": int(np.unique(clusters).size),
        "n_folds": int(np.unique(test.folds).size),
        "sites": int(test.folds.size),
        "wells": int(np.unique(test.units.wells).size),
        "compounds": int(np.unique(test.units.compounds[test.units.compounds != ""]).size),
        "unknown_share": float(np.isnan(test.truths).mean()),
        "draws": draws,
        "permutations": min(draws, PERMUTATIONS),
        "interval": config.INTERVAL,
        "baselines": EXPLANATIONS,
        "notes": [],
    }


def _shown(one: Entry) -> str:
    if one["value"] is None:
        return "undefined"
    if one["low"] is None or one["high"] is None:
        return f"{one['value']:.3f} (no interval)"
    return f"{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
