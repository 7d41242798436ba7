"""Traps that a run may stand in, beyond those that its scores show: each is looked for, and named when met."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.stats import binomtest

from kinfast import config, schema
from kinfast.evaluate.convergence import UNLEARNED, Convergence, fold_convergence, least_converged
from kinfast.evaluate.levels import Level
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import Entry, entry, number
from kinfast.evaluate.verdicts import Kind, Verdict
from kinfast.metrics.arrays import Float, Probabilities, ratio
from kinfast.metrics.bootstrap import interval
from kinfast.metrics.learning_curves import find_overfitting

DEAD_SHARE = 0.1
"""Share of a layer's ReLU units that never fire from which it is worth a word."""
SMALLEST = 1e-7
"""Probabilities are kept off 0 and 1 by this. Source: Keras' backend epsilon."""


def measure_log_loss(
    level: Level, model: Probabilities, prior: Probabilities, multiplicities: np.ndarray[Any, np.dtype[np.int64]]
) -> dict[str, Entry]:
    """Compare the test rows' log loss with that of the class frequencies, which is the label entropy: nats.

    Args:
        level: groups the sites.
        model: (n_sites, n_classes).
        prior: the class frequencies, of the same shape.
        multiplicities: (n_draws, n_clusters).
    """
    everyone = np.ones(level.n_rows, np.bool_)
    known = everyone if level.truths is None else ~np.isnan(level.truths).all(axis=1)  # of nothing known: no loss
    losses = {name: _row_losses(level, level.average(given)) for name, given in (("m", model), ("p", prior))}
    clusters = level.clusters[known]
    rows = np.bincount(clusters, minlength=level.n_clusters)

    def draws(values: Float) -> Float:
        sums = np.bincount(clusters, weights=values, minlength=level.n_clusters)
        return ratio(multiplicities @ sums, multiplicities @ rows)

    lead = losses["p"] - losses["m"]
    return {
        "model": entry(float(losses["m"].mean()), *interval(draws(losses["m"]), config.INTERVAL)),
        "label_entropy": entry(float(losses["p"].mean()), *interval(draws(losses["p"]), config.INTERVAL)),
        "lead": entry(float(lead.mean()), *interval(draws(lead), config.INTERVAL)),
    }


def _row_losses(level: Level, probabilities: Probabilities) -> Float:
    """Give each row's loss; of several labels the mean over those that are known, of the rows where one is."""
    kept = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    if level.truths is not None:
        known = ~np.isnan(level.truths)
        truths = np.nan_to_num(level.truths)
        cells = -(truths * np.log(kept) + (1 - truths) * np.log1p(-kept)) * known
        some = known.any(axis=1)
        means: Float = cells[some].sum(axis=1) / known[some].sum(axis=1)
        return means
    kept /= kept.sum(axis=1, keepdims=True)  # a sigmoid head's rows need not sum to 1
    losses: Float = -np.log(kept[np.arange(level.n_rows), level.codes])
    return losses


def measure_training(run: Run) -> dict[str, Any]:
    """Read from the history what traps need: per fold the late fall, overfitting and dead units; leaky validation."""
    folds, ends = [], fold_convergence(run)
    for fold in sorted({int(row.get("fold", 0)) for row in run.history}):
        rows = [row for row in run.history if int(row.get("fold", 0)) == fold]
        train, validation = _series(rows, "train_loss"), _series(rows, "validation_loss")
        over = find_overfitting(train, validation) if train.size == validation.size else None
        end = ends.get(fold) or least_converged(())
        folds.append(
            {
                "fold": fold,
                "epochs": len(rows),
                "late_fall": None if end.late_fall is None else number(end.late_fall),
                "train_loss": number(end.loss),
                "prior_loss": number(end.prior_loss),
                "flat": end.flat,
                "overfits_from_epoch": over.epoch + 1 if over else None,
                "validation_rise": number(over.rise) if over else None,
                "dead_relus": rows[-1].get("dead_relus"),
                "dead_relus_at_first": rows[0].get("dead_relus"),
            }
        )
    return {"folds": folds, "validation_also_tested": _reused(run)}


def _series(rows: list[Any], name: str) -> Float:
    return np.array([row[name] for row in rows if isinstance(row.get(name), int | float)], dtype=np.float64)


def _reused(run: Run) -> int:
    """Count the test rows whose site is in the validation part of the same fold."""
    keys = [schema.FOLD, *schema.KEY]
    validation, test = (run.part(name)[keys] for name in (schema.PART_VALIDATION, schema.PART_TEST))
    return len(test.merge(validation.drop_duplicates(), on=keys))


def trap_verdicts(metrics: dict[str, Any]) -> Iterator[Verdict]:
    """Say which traps the run stands in; those that it does not are `clear`."""
    yield from _entropy(metrics)
    yield from _scatter(metrics)
    yield from _small_classes(metrics)
    yield from _partition(metrics)
    yield from training_verdicts(metrics["training"])


def training_verdicts(training: dict[str, Any]) -> Iterator[Verdict]:
    """Say what the history tells of the training, and whether its validation part was tested on."""
    if training["folds"]:
        yield from _flat(training["folds"])
        yield from _overfitting(training["folds"])
        yield from _dead(training["folds"])
    reused = training["validation_also_tested"]
    yield _trap(
        "validation_used_for_testing",
        reused > 0,
        f"{reused} test rows were the validation part, too: the epoch was chosen on them, so the scores flatter.",
        "No test row was used for validation.",
    )


def _entropy(metrics: dict[str, Any]) -> Iterator[Verdict]:
    losses = metrics["log_loss"]
    if losses is None or losses["lead"]["low"] is None:
        return
    model, entropy = losses["model"]["value"], losses["label_entropy"]["value"]
    stands = f"The test log loss is {model:.3f}, the label entropy (class frequencies alone) {entropy:.3f}"
    worse = "is above" if losses["lead"]["high"] < 0 else "is not shown to be below"
    yield _trap(
        "loss_at_label_entropy",
        losses["lead"]["low"] <= 0,
        f"{stands}: the loss {worse} what knowing only the class sizes gives.",
        f"{stands}.",
    )


def _scatter(metrics: dict[str, Any]) -> Iterator[Verdict]:
    level = metrics["about"]["level"]
    areas = [row["roc_auc"] for row in metrics["per_class"][level] if row["roc_auc"] is not None]
    p = metrics["permutation_p"][level]["roc_auc_macro"]
    if len(areas) < 3 or p is None:
        return
    above = sum(area > 0.5 for area in areas)
    lopsided = binomtest(above, len(areas), alternative="greater").pvalue <= 1 - config.INTERVAL
    stands = f"{above} of {len(areas)} classes have an area above 0.5 (from {min(areas):.2f} to {max(areas):.2f})"
    yield _trap(
        "class_areas_scattered_around_half",
        p > 1 - config.INTERVAL and not lopsided,
        f"{stands}: they scatter around chance, and the best and worst of such a list are luck.",
        f"{stands}.",
    )


def _small_classes(metrics: dict[str, Any]) -> Iterator[Verdict]:
    rows = metrics["judged_classes"]
    small, unit = [row["class"] for row in rows if not row["judged"]], metrics["about"]["judged_by"]
    if len(rows) < 3:
        return
    yield _trap(
        "classes_too_small_to_judge",
        bool(small),
        f"{len(small)} of {len(rows)} classes have fewer than {config.FEWEST_JUDGED} {unit} in test and are not"
        f" judged: {_listed(small)}.",
        f"Every class has {config.FEWEST_JUDGED} {unit} or more in test.",
    )
    found = metrics["class_differences"]
    if found is None:
        text = "Whether some classes are harder than others cannot be said: fewer than two are large enough."
        yield Verdict(Kind.FINDING, text, "classes_differ", False)
        return
    differ = found["p"] <= 1 - config.INTERVAL
    head = "Some classes are harder than others" if differ else "No class is shown to be harder than another"
    text = f"{head}: {found['n_judged']} judged classes, Cochran's Q {found['q']:.1f}, p = {found['p']:.2g}."
    yield Verdict(Kind.FINDING, text, "classes_differ", differ)


def _partition(metrics: dict[str, Any]) -> Iterator[Verdict]:
    repeats, level = metrics["repeats"], metrics["about"]["level"]
    values = [repeat[level]["roc_auc_macro"]["value"] for repeat in repeats]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return
    whole = metrics["test"][level]["roc_auc_macro"]
    moved = max(known) - min(known)
    wide = whole["low"] is not None and moved > whole["high"] - whole["low"]
    text = (
        f"Dealt out anew {len(known)} times, the macro ROC AUC is {np.mean(known):.3f}, from {min(known):.3f} to"
        f" {max(known):.3f}: the partition moves it by {moved:.3f}."
    )
    yield Verdict(Kind.CAUTION if wide else Kind.FINDING, text, "partition_matters", wide)


def _listed(names: list[str]) -> str:
    return "; ".join(names[:5]) + (f"; and {len(names) - 5} more" if len(names) > 5 else "")


def _flat(folds: list[dict[str, Any]]) -> Iterator[Verdict]:
    known = [fold for fold in folds if fold["flat"] is not None]
    if not known:
        return
    unlearned = [fold for fold in known if _ends(fold).above_prior]
    falling = [fold for fold in known if not fold["flat"] and fold not in unlearned]
    most = max(fold["late_fall"] or 0.0 for fold in known)
    causes = []
    if unlearned:
        worst = max(unlearned, key=lambda fold: fold["train_loss"])
        causes.append(
            f"in {len(unlearned)} of {len(known)} folds the training loss ends at up to {worst['train_loss']:.3f}, more"
            f" than {UNLEARNED:g} times what the class frequencies alone give ({worst['prior_loss']:.3f}): it has not"
            " learned even these, be its curve flat or not"
        )
    if falling:
        causes.append(
            f"in {len(falling)} of {len(known)} folds the training loss still falls (the last fifth of the epochs"
            f" brings {most:.0%} of the whole fall)"
        )
    yield _trap(
        "loss_not_flat",
        bool(causes),
        f"Not converged: {'; '.join(causes)}: train longer, or with a higher learning rate.",
        f"The training loss is flat at the end (the last fifth of the epochs brings {most:.0%} of the fall).",
    )


def _ends(fold: dict[str, Any]) -> Convergence:
    prior = fold["prior_loss"]
    return Convergence(fold["late_fall"], fold["train_loss"], float("nan") if prior is None else prior)


def _overfitting(folds: list[dict[str, Any]]) -> Iterator[Verdict]:
    over = [fold for fold in folds if fold["overfits_from_epoch"] is not None]
    since = ", ".join(f"{fold['overfits_from_epoch']} (fold {fold['fold'] + 1})" for fold in over)
    yield _trap(
        "overfitting",
        bool(over),
        f"Overfitting in {len(over)} of {len(folds)} folds: the validation loss rises while the training loss falls,"
        f" from epoch {since}; the weights of the epoch before are those that are kept and tested.",
        "The validation loss does not rise while the training loss falls.",
    )


def _dead(folds: list[dict[str, Any]]) -> Iterator[Verdict]:
    now, first = _most_dead(folds, "dead_relus"), _most_dead(folds, "dead_relus_at_first")
    if not now:
        return
    worst = sorted(((share, name) for name, share in now.items() if share >= DEAD_SHARE), reverse=True)
    named = ", ".join(f"{name} {share:.0%} ({first.get(name, 0):.0%} after epoch 1)" for share, name in worst[:3])
    grown = any(share >= first.get(name, 0) + DEAD_SHARE for share, name in worst)
    cause = (
        "they died while it trained: a lower learning rate, or a longer warm-up"
        if grown
        else "they were so after the first epoch already: see to the first steps (a longer warm-up) or to --init"
    )
    yield _trap(
        "dead_relus",
        bool(worst),
        f"Dead ReLUs: in {len(worst)} of {len(now)} layers {DEAD_SHARE:.0%} or more of the units answered no"
        f" validation site: {named}; {cause}.",
        f"No layer of {len(now)} has {DEAD_SHARE:.0%} or more dead ReLUs.",
    )


def _most_dead(folds: list[dict[str, Any]], when: str) -> dict[str, float]:
    """Give each layer's share of dead units, of the fold where it is largest."""
    known = [fold[when] for fold in folds if fold.get(when)]
    return {name: max(fold.get(name, 0.0) for fold in known) for name in known[0]} if known else {}


def _trap(name: str, met: bool, if_met: str, if_not: str) -> Verdict:
    return Verdict(Kind.CAUTION if met else Kind.CLEAR, if_met if met else if_not, name, met)
