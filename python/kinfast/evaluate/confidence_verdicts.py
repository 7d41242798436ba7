"""What the confidence values of a run mean, in sentences."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kinfast import config
from kinfast.evaluate.confidence import SCALED, UNSCALED
from kinfast.evaluate.conformal import spell_empty
from kinfast.evaluate.verdicts import Kind, Verdict


def confidence_verdicts(metrics: dict[str, Any]) -> Iterator[Verdict]:
    """Say whether sets cover as they should, how large they are, and whether probabilities can be read as such."""
    found = metrics.get("confidence")
    if found is None:
        text = (
            "There is no validation part to calibrate on: coverage of prediction sets, calibration and odd sites are"
            " not measured, and no epoch was chosen by a validation loss."
        )
        yield Verdict(Kind.CAUTION, text, "no_validation_part")
        return
    several = bool(metrics["about"].get("several_labels"))
    yield _coverage(found, metrics["about"], several)
    yield from _size(found, len(metrics["about"]["classes"]), "labels" if several else "classes")
    yield _calibration(found)


def _coverage(found: dict[str, Any], about: dict[str, Any], several: bool) -> Verdict:
    n_classes, unit = len(about["classes"]), found["unit"]
    counted = f"pairs of {unit} and label" if several else f"{unit}s"
    rows = [row for row in found["coverage"] if row["class"] == ""]
    if all(row["mean_set_size"] == n_classes for row in rows):
        text = (
            f"Prediction sets hold every {'label' if several else 'class'}: the {found['calibration_units']} held-out"
            f" {counted} that calibrate them are too few to exclude any ({config.FEWEST_CALIBRATION} in a fold are"
            f" needed at {config.SET_LEVEL:.0%})."
        )
        return Verdict(Kind.CAUTION, text, "sets_cover")
    said = ", ".join(
        f"{row['coverage']:.0%} at {row['level']:.0%} ({row['low']:.0%} to {row['high']:.0%})" for row in rows
    )
    short = [row for row in rows if row["high"] < row["level"]]
    how = "less often than" if short else "as often as"
    head = f"Prediction sets hold the true {'labels' if several else 'class'} of held-out {unit}s {how} they say"
    more = unit == "compound" and not several and found["test_units"] > about.get("compounds", np.inf)
    counted += " (controls by well)" * more
    tail = f": {said}; {found['test_units']} {counted}, calibrated on {found['calibration_units']} others."
    return Verdict(Kind.CAUTION if short else Kind.SUPPORT, head + tail, "sets_cover", not short)


def _size(found: dict[str, Any], n_classes: int, classes: str) -> Iterator[Verdict]:
    row = next(r for r in found["coverage"] if r["class"] == "" and r["level"] == config.SET_LEVEL)
    size, own = row["mean_set_size"], found["classes_with_own_reference"]
    empty = spell_empty(row["empty_share"], classes)
    empty += ", which counts as missed" if empty else ""
    yield Verdict(
        Kind.FINDING if size < n_classes / 2 else Kind.CAUTION,
        f"At {config.SET_LEVEL:.0%} a set holds {size:.1f} of {n_classes} {classes} on average{empty};"
        f" {classes} with {config.FEWEST_CALIBRATION} calibration {found['unit']}s or more, and so a promise of their"
        f" own: {own}.",
        "sets_are_small",
        size < n_classes / 2,
    )


def _calibration(found: dict[str, Any]) -> Verdict:
    plain, scaled = found["calibration"][UNSCALED], found["calibration"][SCALED]
    if plain["perfect_high"] is None:
        text = (
            f"The calibration error is {plain['value']:.3f}; without draws nobody can say what chance alone would give."
        )
        return Verdict(Kind.CAUTION, text, "calibrated", False)
    off = plain["value"] > plain["perfect_high"]
    temperatures = ", ".join(f"{value:.2f}" for value in found["temperatures"])
    meaning = "cannot be read as chances of being right" if off else "are as right as so few rows can show"
    return Verdict(
        Kind.CAUTION if off else Kind.SUPPORT,
        f"The probabilities {meaning}: calibration error {plain['value']:.3f} ({_number(plain['low'])} to"
        f" {_number(plain['high'])}), {_number(plain['perfect'])} by chance alone; after temperature scaling"
        f" ({temperatures}) {scaled['value']:.3f}.",
        "calibrated",
        not off,
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
