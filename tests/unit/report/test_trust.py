"""What a page says first: as strict as the numbers, in three sentences."""

from typing import Any

import pytest

from kinfast.report.trust import KNOWN, NEW, NOT, judge_trust, trust_html


def entry(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def metrics(
    split: str = "compound", lead: float = 0.2, over_intensity: float = 0.1, over_position: float = 0.1
) -> dict[str, Any]:
    leads = {"prior": lead, "intensity": over_intensity, "position": over_position}
    row = {"class": "EGFR", "roc_auc": 0.9, "low": 0.8, "high": 1.0}
    return {
        "about": {
            "level": "compound", "split_by": split, "n_clusters": 20, "clusters": "compounds", "interval": 0.95,
            "classes": ["EGFR", "Src"], "compounds": 20,
        },
        "test": {"compound": {"roc_auc_macro": entry(0.8, 0.7, 0.9)}},
        "differences": {
            name: {"compound": {"roc_auc_macro": entry(value, value - 0.05, value + 0.05)}}
            for name, value in leads.items()
        },
        "per_class": {"compound": [row, {**row, "low": 0.4}]},
        "confidence": {
            "coverage": [{"level": 0.9, "class": "", "coverage": 0.92, "mean_set_size": 1.4, "empty_share": 0.0}]
        },
        "verdicts": [{"kind": "caution", "text": "few"}, {"kind": "clear", "text": "none"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "headline", "kind"),
    [
        ({}, NEW, "support"),
        ({"split": "well"}, KNOWN, "finding"),
        ({"split": "image"}, "with caution", "caution"),
        ({"over_intensity": 0.0}, "with caution", "caution"),
        ({"over_position": 0.04}, "with caution", "caution"),
        ({"lead": 0.04}, NOT, "caution"),
    ],
)
def test_the_headline_is_no_better_than_the_weakest_comparison(
    changed: dict[str, Any], headline: str, kind: str
) -> None:
    trust = judge_trust(metrics(**changed))
    assert (trust.headline, trust.kind) == (headline, kind)


def test_units_that_are_more_than_the_compounds_are_explained() -> None:
    found = metrics()
    found["about"]["compounds"] = 14
    assert judge_trust(found).sentences[0].startswith("Over 20 held-out compounds (controls by well) the model ranks")


def test_three_sentences_say_skill_rivals_and_limits() -> None:
    skill, rivals, limits = judge_trust(metrics(over_position=0.0)).sentences
    assert skill.startswith("Over 20 held-out compounds the model ranks 2 classes with a macro ROC AUC of 0.80 (95%")
    assert rivals == (
        "It is not shown to be better than the position on the plate alone; it is better than brightness and cell "
        "counts alone; the compounds tested were never seen in training."
    )
    assert limits == (
        "1 of 2 classes cannot be told from chance one by one; sets meant to be right 90 % of the time were right 92% "
        "of it and named 1.4 classes on average; 1 caution below limits it."
    )


def test_empty_sets_are_not_hidden_in_a_mean() -> None:
    found = metrics()
    found["confidence"]["coverage"][0] |= {"mean_set_size": 0.9, "empty_share": 0.15}
    limits = judge_trust(found).sentences[2]
    assert "named 0.9 classes on average, and 15% of the sets are empty (unlike all classes); 1 caution" in limits


def test_a_leaking_split_is_counted_where_it_was_measured() -> None:
    leakage = {
        split: {"site": {"roc_auc_macro": entry(value)}} for split, value in (("image", 0.95), ("compound", 0.7))
    }
    assert "a split by image would have flattered it by +0.25" in judge_trust(metrics(), leakage).sentences[1]
    for broken in ({}, {"image": None, "compound": None}, {"image": {"site": None}, "compound": {}}):
        assert "flattered" not in judge_trust(metrics(), broken).sentences[1]


def test_an_undefined_score_is_no_judgement() -> None:
    undefined = metrics()
    undefined["test"]["compound"]["roc_auc_macro"] = entry(None)
    undefined["differences"]["prior"]["compound"]["roc_auc_macro"] = entry(None)
    trust = judge_trust(undefined)
    assert trust.headline == NOT
    assert "does not allow a judgement" in trust.sentences[0]


def test_the_box_names_its_kind() -> None:
    assert '<div class="trust support"><h2>How far to trust this model: for new compounds' in trust_html(
        judge_trust(metrics())
    )
