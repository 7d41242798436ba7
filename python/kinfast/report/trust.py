"""How far to trust a model, in three sentences, from the numbers of metrics.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kinfast.evaluate.conformal import spell_empty
from kinfast.evaluate.verdicts import Kind, spell_clusters
from kinfast.report.page import summary_box

MACRO = "roc_auc_macro"
ALONE = {"intensity": "brightness and cell counts alone", "position": "the position on the plate alone"}
NOT, KNOWN, NEW = "not beyond chance", "for compounds that it knows", "for new compounds, within its limits"


@dataclass(frozen=True, slots=True)
class Trust:
    """What the page says first.

    Attributes:
        kind: support, finding or caution, as of a verdict.
        headline: how far, in a few words.
        sentences: what it can do; against what and on whom; what limits it.
    """

    kind: str
    headline: str
    sentences: tuple[str, str, str]


def judge_trust(metrics: Mapping[str, Any], leakage: Mapping[str, Any] | None = None) -> Trust:
    """Judge from metrics.json and, where there is one, leakage.json."""
    about = metrics["about"]
    beats_chance = _leads(metrics, "prior")
    rivals = [name for name in ALONE if metrics["differences"].get(name)]
    lost = [name for name in rivals if not _leads(metrics, name)]
    new = about["split_by"] == "compound"
    sentences = (_skill(metrics, beats_chance), _against(about, rivals, lost, leakage), _limits(metrics))
    if not beats_chance:
        return Trust(str(Kind.CAUTION), NOT, sentences)
    if lost or about["split_by"] == "image":
        return Trust(str(Kind.CAUTION), "with caution", sentences)
    return Trust(str(Kind.SUPPORT if new else Kind.FINDING), NEW if new else KNOWN, sentences)


def trust_html(trust: Trust) -> str:
    """Give the box that opens the page."""
    return summary_box(trust.kind, f"How far to trust this model: {trust.headline}", trust.sentences)


def _leads(metrics: Mapping[str, Any], baseline: str) -> bool:
    lead = metrics["differences"][baseline][metrics["about"]["level"]][MACRO]
    return lead["low"] is not None and lead["low"] > 0


def _skill(metrics: Mapping[str, Any], beats_chance: bool) -> str:
    about = metrics["about"]
    area = metrics["test"][about["level"]][MACRO]
    if area["value"] is None:
        return "The held-out part does not allow a judgement: no class has members and non-members in it."
    span = "" if area["low"] is None else f" ({about['interval']:.0%} interval {area['low']:.2f} to {area['high']:.2f})"
    verdict = "chance does not explain that" if beats_chance else "chance alone can explain that"
    return (
        f"Over {about['n_clusters']} held-out {spell_clusters(about)} the model ranks {len(about['classes'])}"
        f" {_classes(about)} with a macro ROC AUC of {area['value']:.2f}{span}, where knowing nothing gives 0.50;"
        f" {verdict}."
    )


def _classes(about: Mapping[str, Any]) -> str:
    return "labels" if about.get("several_labels") else "classes"


def _against(about: Mapping[str, Any], rivals: list[str], lost: list[str], leakage: Mapping[str, Any] | None) -> str:
    won = [name for name in rivals if name not in lost]
    parts = []
    if lost:
        parts.append(f"it is not shown to be better than {' or '.join(ALONE[name] for name in lost)}")
    if won:
        parts.append(f"it is better than {' and '.join(ALONE[name] for name in won)}")
    on_whom = {
        "compound": "the compounds tested were never seen in training",
        "image": "test and training share wells, so that this says nothing of new wells",
        "plate": "the plates tested were new, the compounds perhaps not",
    }.get(str(about["split_by"]), "the wells tested were new, but most of their compounds were not")
    parts.append(on_whom)
    if (gap := _ladder_gap(leakage, str(about["level"]))) is not None:
        parts.append(f"a split by image would have flattered it by {gap:+.2f} over one by compound")
    words = "; ".join(parts)
    return f"{words[:1].upper()}{words[1:]}."


def _ladder_gap(leakage: Mapping[str, Any] | None, level: str) -> float | None:
    """Give how much higher the site's macro area is by image than by compound."""
    try:
        first, last = ((leakage or {})[split]["site"][MACRO]["value"] for split in ("image", "compound"))
    except (KeyError, TypeError):
        return None
    return None if first is None or last is None else float(first) - float(last)


def _limits(metrics: Mapping[str, Any]) -> str:
    about = metrics["about"]
    rows = metrics["per_class"][about["level"]]
    unclear = [row for row in rows if row["roc_auc"] is None or row["low"] is None or row["low"] <= 0.5]
    classes = _classes(about)
    parts = [f"{len(unclear)} of {len(rows)} {classes} cannot be told from chance one by one"]
    found = metrics.get("confidence")
    marginal = [row for row in (found or {}).get("coverage", []) if row["level"] == 0.9 and not row["class"]]
    if marginal:
        row = marginal[0]
        parts.append(
            f"sets meant to be right 90 % of the time were right {row['coverage']:.0%} of it and named "
            f"{row['mean_set_size']:.1f} {classes} on average{spell_empty(row.get('empty_share', 0.0), classes)}"
        )
    cautions = sum(verdict.get("kind") == str(Kind.CAUTION) for verdict in metrics["verdicts"])
    counted = f"{cautions} cautions below limit it" if cautions > 1 else "1 caution below limits it"
    parts.append(counted if cautions else "no caution stands below")
    words = "; ".join(parts)
    return f"{words[:1].upper()}{words[1:]}."
