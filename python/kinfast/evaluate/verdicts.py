"""What the numbers mean, in sentences: the traps of this field are named where a run stands in one.

The traps are those of the thesis that kinfast starts from: an accuracy that no learning gives as well, a micro average
that rewards class sizes, a split that leaks, a brightness that separates the classes without a model.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kinfast.config import CLEARLY_SEPARATES

MACRO, MICRO, PRECISION = "roc_auc_macro", "roc_auc_micro", "average_precision_macro"
ALONE = {"prior": "class sizes alone", "intensity": "intensity alone", "position": "position alone"}
FEW_CLUSTERS = 10
"""Below so many wells or compounds an interval is too optimistic."""
PRIOR_SHOWS = 0.55
"""Micro area from which class sizes alone are worth a word."""
RISES = 0.5
"""Spearman's rank correlation from which a response is said to rise with the dose."""


class Kind(StrEnum):
    """What a verdict is for its reader."""

    FINDING = "finding"
    SUPPORT = "support"
    CAUTION = "caution"
    CLEAR = "clear"
    """A trap that was looked for and that the run does not stand in: for scripts, not for the page."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence on a run.

    Attributes:
        kind: what it is for its reader.
        text: the sentence.
        name: what was asked, in words for a script: `better_than_position`, `micro_explained_by_class_sizes`.
        holds: the answer.
    """

    kind: Kind
    text: str
    name: str
    holds: bool = True

    def entry(self) -> dict[str, Any]:
        """Give it as metrics.json holds it."""
        return {"kind": str(self.kind), "name": self.name, "holds": self.holds, "text": self.text}


def said(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """Give the sentences that a person should read: all but the traps that the run does not stand in."""
    return tuple(verdict.text for verdict in verdicts if verdict.kind is not Kind.CLEAR)


def write_verdicts(metrics: dict[str, Any]) -> list[Verdict]:
    """Give the verdicts on an evaluation's metrics, the most important first."""
    sections = (_headline, _chance, _baselines, _intensity, _doses, _binary_accuracy, _micro, _leaks, _limits)
    return [verdict for section in sections for verdict in section(metrics)]


def _headline(metrics: dict[str, Any]) -> Iterator[Verdict]:
    about, model = metrics["about"], _scores(metrics)
    where = f"In held-out {about['level']}s"
    if model[MACRO]["value"] is None:
        yield Verdict(Kind.CAUTION, f"{where} no ROC area exists: all test rows are of one class.", "headline", False)
    elif about["positive_class"] is not None:
        pair = f"{about['positive_class']} against {about['classes'][0]}"
        balanced = _shown(model["balanced_accuracy"])
        yield Verdict(
            Kind.FINDING, f"{where}, {pair}: ROC AUC {_shown(model[MACRO])}, balanced accuracy {balanced}.", "headline"
        )
    elif about.get("several_labels"):
        yield Verdict(
            Kind.FINDING,
            f"{where}, {len(about['classes'])} labels, several a site: macro ROC AUC {_shown(model[MACRO])}, average"
            f" precision {_shown(model[PRECISION])} where label frequencies alone give"
            f" {_value(_scores(metrics, 'prior')[PRECISION])}.",
            "headline",
        )
    else:
        prior = _scores(metrics, "prior")
        yield Verdict(
            Kind.FINDING,
            f"{where}, {len(about['classes'])} classes: macro ROC AUC {_shown(model[MACRO])} and top-1 accuracy"
            f" {_shown(model['top1_accuracy'])}; class sizes alone give {_value(prior[MACRO])} and"
            f" {_value(prior['top1_accuracy'])}.",
            "headline",
        )


def _chance(metrics: dict[str, Any]) -> Iterator[Verdict]:
    about, model, chance = metrics["about"], _scores(metrics)[MACRO], _scores(metrics, "permuted")[MACRO]
    p = metrics["permutation_p"][about["level"]][MACRO]
    if p is None:
        return
    better = p <= 1 - about["interval"]
    yield Verdict(
        Kind.SUPPORT if better else Kind.CAUTION,
        f"{'Better' if better else 'No better'} than chance: labels permuted among {about['clusters']} give"
        f" {_shown(chance)} against {_value(model)} (p = {p:.2g}, {about['permutations']} permutations).",
        "better_than_chance",
        better,
    )


def _baselines(metrics: dict[str, Any]) -> Iterator[Verdict]:
    model = _scores(metrics)[MACRO]
    for name in metrics["differences"]:
        other, lead = _scores(metrics, name)[MACRO], metrics["differences"][name][metrics["about"]["level"]][MACRO]
        if model["value"] is None or other["value"] is None:
            continue
        pair, key = f"{_value(model)} against {_value(other)}", f"better_than_{name}"
        if lead["low"] is None:
            text = f"Not comparable with {ALONE[name]}: {pair}, and no interval exists."
            yield Verdict(Kind.CAUTION, text, key, False)
        elif _beats(metrics, name, lead):
            text = f"Better than {ALONE[name]} ({_value(other)}): by {_shown(lead)} in ROC AUC."
            yield Verdict(Kind.SUPPORT, text, key)
        else:
            worse = "Worse than" if lead["high"] < 0 else "No better than"
            yield Verdict(Kind.CAUTION, f"{worse} {ALONE[name]}: {pair}, difference {_shown(lead)}.", key, False)


def _beats(metrics: dict[str, Any], baseline: str, lead: dict[str, Any]) -> bool:
    """Tell whether the model is better than a baseline.

    The prior is the one that is tested beforehand, at 5 %: by the permutation of the labels, which keeps the class
    sizes and is exact for any number of wells. The others are seen by the interval of the difference.
    """
    p = metrics["permutation_p"][metrics["about"]["level"]][MACRO]
    if baseline == "prior" and p is not None:
        return bool(p <= 1 - metrics["about"]["interval"])
    return bool(lead["low"] > 0)


def _intensity(metrics: dict[str, Any]) -> Iterator[Verdict]:
    meaning = {
        "intensity": "a high score of the model is no proof that it sees more than brightness and cell counts",
        "position": "the layout gives the label away, and edge or row effects can pass for biology",
    }
    for name, what_follows in meaning.items():
        area = _scores(metrics, name)[MACRO]
        if area["value"] is None:
            continue
        alone, key = ALONE[name][:1].upper() + ALONE[name][1:], f"{name}_separates"
        if area["value"] >= CLEARLY_SEPARATES:
            text = f"{alone} already separates these classes (ROC AUC {_shown(area)}): {what_follows}."
            yield Verdict(Kind.CAUTION, text, key)
        else:
            yield Verdict(Kind.CLEAR, f"{alone} does not separate these classes: {_shown(area)}.", key, False)


def _doses(metrics: dict[str, Any]) -> Iterator[Verdict]:
    response = metrics["dose_response"]
    if response is None:
        return
    known = [row for row in response["compounds"] if row["spearman"] is not None]
    rising = [row for row in known if row["spearman"] >= RISES]
    named = ", ".join(f"{row['compound']} {row['spearman']:.2f}" for row in known[:6])
    more = f" and {len(known) - 6} more" if len(known) > 6 else ""
    yield Verdict(
        Kind.FINDING,
        f"In wells that were never trained on, the {response['response']} rises with the dose for {len(rising)} of"
        f" {len(known)} compounds (Spearman: {named}{more}).",
        "rises_with_dose",
        bool(rising),
    )
    yield from _curves(response)


def _curves(response: dict[str, Any]) -> Iterator[Verdict]:
    """Give EC50 and inactive doses of the compounds that have them."""
    fitted = [row for row in response["compounds"] if row.get("ec50") is not None][:6]
    if fitted:
        words = "; ".join(f"{row['compound']} {_middle(row)}" for row in fitted)
        yield Verdict(
            Kind.FINDING,
            f"Half of the response, EC50 with interval in units of {response['dose']}: {words}.",
            "ec50_known",
        )
    idle = [row for row in response["compounds"] if row.get("inactive_doses")][:6]
    if idle:
        words = "; ".join(f"{row['compound']} {row['inactive_doses']}" for row in idle)
        yield Verdict(
            Kind.FINDING, f"Doses not told apart from held-out negative controls (inactive): {words}.", "inactive_doses"
        )


def _middle(row: dict[str, Any]) -> str:
    interval = "no interval" if row["low"] is None else f"{row['low']:.3g} to {row['high']:.3g}"
    return f"{row['ec50']:.3g} ({interval})"


def _binary_accuracy(metrics: dict[str, Any]) -> Iterator[Verdict]:
    model, prior = _scores(metrics)["binary_accuracy"], _scores(metrics, "prior")["binary_accuracy"]
    lead = metrics["differences"]["prior"][metrics["about"]["level"]]["binary_accuracy"]
    if metrics["about"]["positive_class"] is not None or model["value"] is None or lead["low"] is None:
        return
    name = "binary_accuracy_at_prior"
    stands = f"Binary accuracy {_value(model, 4)} against {_value(prior, 4)} for class sizes alone"
    if lead["low"] > 0:
        gone = lead["value"] / max(1e-12, 1 - prior["value"])
        plain = "balanced accuracy and F1" if metrics["about"].get("several_labels") else "top-1 and balanced accuracy"
        share = f"{gone:.0%} of the errors that knowing nothing leaves are gone"
        yield Verdict(Kind.FINDING, f"{stands}: {share}; {plain} say it more plainly.", name, False)
    else:
        place = "at" if lead["high"] >= 0 else "below"
        text = f"{stands}: it is {place} its prior-only value and says nothing of learning."
        yield Verdict(Kind.CAUTION, text, name)


def _micro(metrics: dict[str, Any]) -> Iterator[Verdict]:
    model, prior = _scores(metrics), _scores(metrics, "prior")
    lead = metrics["differences"]["prior"][metrics["about"]["level"]][MICRO]
    if metrics["about"]["positive_class"] is not None or model[MICRO]["value"] is None or lead["low"] is None:
        return
    name = "micro_explained_by_class_sizes"
    stands = f"Micro ROC AUC {_value(model[MICRO])}, {_value(prior[MICRO])} for class sizes alone"
    macro = f"{_value(model[MACRO])} against {_value(prior[MACRO])}"
    if lead["low"] <= 0:
        explained = "is explained by" if lead["high"] >= 0 else "falls below"
        text = f"{stands}: it {explained} the prior; macro, which is free of it, is {macro}."
        yield Verdict(Kind.CAUTION, text, name)
    else:
        kind = Kind.FINDING if prior[MICRO]["value"] > PRIOR_SHOWS else Kind.CLEAR
        yield Verdict(kind, f"{stands}: part of it is the prior; read macro, {macro}.", name, False)


def _leaks(metrics: dict[str, Any]) -> Iterator[Verdict]:
    about = metrics["about"]
    shared, total = about["compounds_also_trained_on"], about["compounds"]
    if about["split_by"] == "image":
        yield Verdict(
            Kind.CAUTION,
            "The split is by image: sites of one well stand in train and test, so that the model may know the well;"
            " expect less in new wells.",
            "split_by_image",
        )
    if shared:
        yield Verdict(
            Kind.CAUTION,
            f"{shared} of {total} test compounds were trained on in other wells (split by {about['split_by']}): the"
            " scores say how well known compounds are recognised, not how new ones would be.",
            "known_compounds",
        )


def _limits(metrics: dict[str, Any]) -> Iterator[Verdict]:
    about = metrics["about"]
    absent, n_classes = about["classes_without_test_members"], len(about["classes"])
    if absent:
        named = "; ".join(absent[:5]) + (f"; and {len(absent) - 5} more" if len(absent) > 5 else "")
        yield Verdict(
            Kind.CAUTION,
            f"{len(absent)} of {n_classes} classes have no test member ({named}): their areas are undefined, and macro"
            f" is over the other {n_classes - len(absent)}.",
            "class_without_test_compounds",
        )
    else:
        text = f"All {n_classes} classes have members in the test part."
        yield Verdict(Kind.CLEAR, text, "class_without_test_compounds", False)
    clusters = about["n_clusters"]
    if clusters < FEW_CLUSTERS:
        yield Verdict(
            Kind.CAUTION,
            f"The test part holds {clusters} {spell_clusters(about)} only: the intervals are narrower than the truth.",
            "few_test_units",
        )
    yield from _lone_classes(metrics)
    area = _scores(metrics)[MACRO]
    if area["value"] == area["low"] == 1.0:
        yield Verdict(
            Kind.CAUTION,
            f"All {clusters} {spell_clusters(about)} rank without an error, which leaves the bootstrap nothing to vary:"
            " the interval of a perfect score has no width, however few they are.",
            "perfect_score",
        )
    if about["n_folds"] > 1:
        mean = metrics["fold_mean"][about["level"]][MACRO]
        extremes = f"{_value_of(mean['low'])} to {_value_of(mean['high'])}, lowest and highest fold"
        yield Verdict(
            Kind.FINDING,
            f"Test pools {about['n_folds']} models' rows, whose scores are not on one scale; the mean ROC AUC over"
            f" folds is {_value(mean)} ({extremes}).",
            "folds_pooled",
        )
    yield from (Verdict(Kind.CAUTION, note[:1].upper() + note[1:] + ".", "note") for note in about["notes"])


def _lone_classes(metrics: dict[str, Any]) -> Iterator[Verdict]:
    """Say where means over classes are means over single compounds or wells: a bootstrap cannot draw another one."""
    about = metrics["about"]
    by_compound = about["clusters"] == "compounds"
    rows = metrics["per_class"][about["level"]]
    sizes = [(row["compounds"] if by_compound else 0) or row["wells"] for row in rows]
    tested, lone = sum(size > 0 for size in sizes), sum(size == 1 for size in sizes)
    if about["positive_class"] is not None or 2 * lone < tested or not lone:
        return
    unit, more = about["clusters"][:-1], "; --folds tests each of them" if about["n_folds"] == 1 else ""
    yield Verdict(
        Kind.CAUTION,
        f"{lone} of {tested} tested classes have one {unit} in test: how another {unit} of the class would do is in no"
        f" interval, and those of macro scores are narrower than the truth{more}.",
        "classes_of_one_unit",
    )


def spell_clusters(about: dict[str, Any]) -> str:
    """Name what is drawn: wells, or compounds, among which each control well counts as one."""
    apart = about["clusters"] == "compounds" and about["n_clusters"] > about["compounds"]
    return f"{about['clusters']}{' (controls by well)' * apart}"


def _scores(metrics: dict[str, Any], baseline: str | None = None) -> dict[str, Any]:
    levels = metrics["test"] if baseline is None else metrics["baselines"][baseline]
    scores: dict[str, Any] = levels[metrics["about"]["level"]]
    return scores


def _value(entry: dict[str, float | None], digits: int = 3) -> str:
    return _value_of(entry["value"], digits)


def _value_of(value: float | None, digits: int = 3) -> str:
    return "undefined" if value is None else f"{value:.{digits}f}"


def _shown(entry: dict[str, float | None]) -> str:
    """Write a value with its interval: 0.934 (0.912 to 0.951)."""
    if entry["low"] is None:
        return f"{_value(entry)} (no interval)"
    return f"{_value(entry)} ({_value_of(entry['low'])} to {_value_of(entry['high'])})"
