"""What was found of a plate, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

KINDS = {"order": "order of wells", "rows": "rows", "columns": "columns", "edge": "edge"}


def plate_line(plate: str, facts: Mapping[str, Any]) -> str:
    """Give one short line for the terminal: drift that was found, and the best Z'; empty where neither is told."""
    found = [test for test in facts["drift"] if test["found"]]
    parts = []
    if found:
        strongest = min(found, key=lambda test: test["p"])
        others = f", {len(found) - 1} more" if len(found) > 1 else ""
        wells = " (or compounds)" if strongest["wells"] == "all" else ""
        parts.append(f"drift: {effect_words(strongest)}{wells}{others}")
    if light := light_words(facts.get("illumination", {})):
        parts.append(light)
    if primes := [prime for prime in facts["z_prime"] if prime["best"] is not None]:
        best = max(primes, key=lambda prime: prime["measures"][prime["best"]])
        parts.append(f"best Z' {best['measures'][best['best']]:.2f} ({best['best']})")
    return f"{plate}: {'; '.join(parts)}" if parts else ""


def light_words(illumination: Mapping[str, Any]) -> str:
    """Say in which channels the light changes within the plate, by how much at most, and what to do; else empty."""
    drifts = {channel: facts["drift"] for channel, facts in illumination.items()}
    changes = {
        channel: max(test["differ"] for test in (drift["rows"], drift["order"]) if test and test["found"])
        for channel, drift in drifts.items()
        if any(test and test["found"] for test in (drift["rows"], drift["order"]))
    }
    if not changes:
        return ""
    grouped = any(facts["groups"] for facts in illumination.values())
    advice = "" if grouped else "; see --illumination-group"
    return f"light changes within the plate by up to {max(changes.values()):.1%} ({', '.join(changes)}){advice}"


def effect_words(test: Mapping[str, Any]) -> str:
    """Say what a test is of, and how large: "DNA over rows 12 %"."""
    size = "" if test["effect"] is None else f" {100 * test['effect']:{'+' if test['test'] in SIGNED else ''}.0f} %"
    return f"{test['measure']} {'at the' if test['test'] == 'edge' else 'over'} {KINDS[test['test']]}{size}"


SIGNED = ("order", "edge")
"""Tests whose effect has a direction."""


def drift_sentence(tests: Sequence[Mapping[str, Any]]) -> str:
    """Say in one sentence whether a plate drifts."""
    if not tests:
        return "Drift was not tested: too few wells."
    found = sorted((test for test in tests if test["found"]), key=lambda test: test["p"])
    if not found:
        least = min(tests, key=lambda test: test["p"])
        return f"No drift found in {len(tests)} tests (the smallest p = {least['p']:.2g}, adjusted {least['q']:.2g})."
    words = "; ".join(f"{effect_words(test)} (p = {test['p']:.2g})" for test in found)
    doubt = (
        " Where all wells were tested, compounds may be the cause." if any(t["wells"] == "all" for t in found) else ""
    )
    return f"Drift found: {words}.{doubt}"
