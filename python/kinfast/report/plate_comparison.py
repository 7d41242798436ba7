"""The parts of the plates' report that compare: plates with plates, wells with wells, controls with controls."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kinfast.report.page import folded, paragraph
from kinfast.report.plate_tables import table_html
from kinfast.report.plate_words import KINDS, drift_sentence, effect_words
from kinfast.report.strip_plot import Strip, strip_plot

WINDOWS = {
    "plate": "Each plate has windows of its own.",
    "batch": "The plates of a batch are laid onto one reference by their controls' location and scale.",
    "fixed": "All plates have the same windows, set by hand: what differs between plates stays to be seen.",
}
MEASURED = {
    "structures_": "How far bright structures stand above the background, whatever the number of cells",
    "": "Mean brightness, which moves with the number of cells",
}


def compare_html(dataset: Mapping[str, Any]) -> str:
    """Draw brightness and cells of all plates, before and after; a line per channel, a dot per plate."""
    told = {plate: of["brightness"] for plate, of in dataset["plates"].items() if of["brightness"]["n_wells"]}
    words = paragraph(f"{WINDOWS[dataset['intensity']['kind']]}{_read_from(dataset)}")
    if len(told) < 2:
        return words + paragraph("One plate: there is nothing to compare it with.")
    kinds = {of["wells"] for of in told.values()}
    wells = "negative control wells" if kinds == {"negcon"} else "wells (not all plates have negative controls)"
    body = "".join(
        f"<h3>{caption}</h3>\n"
        + _pair([_strips(told, dataset["channels"], prefix + when) for when in ("before", "after")])
        for prefix, caption in MEASURED.items()
    )
    cells = [_strip("cells", {plate: of["cells"] for plate, of in told.items()})]
    if cells[0].values:
        body += f"<h3>Cells a site</h3>\n{_plots([('which no window changes', cells)])}"
    note = f"A dot is a plate: the median of its {wells}, as it differs from the mean over plates. To the right, the "
    note += "standard deviation over plates. Before: corrected counts; after: stored levels."
    return words + body + paragraph(note, "note") + _order(dataset["between_plates"]["order"], len(told))


def _read_from(dataset: Mapping[str, Any]) -> str:
    """Say which wells windows rest on; nothing where they were set by hand."""
    plates = [of for of in dataset["plates"].values() if of["n_sites"]]
    if dataset["intensity"]["kind"] == "fixed" or not plates:
        return ""
    n_controlled = sum(all(levels["of_controls"] for levels in of["levels"].values()) for of in plates)
    if n_controlled == len(plates):
        return " They rest on negative controls."
    which = "some plates" if n_controlled else "all plates"
    return f" On {which} they rest on all wells: negative controls are unknown there, or too few."


def _strips(told: Mapping[str, Any], channels: Sequence[str], entry: str) -> list[Strip]:
    return [_strip(c, {plate: of["channels"][c][entry] for plate, of in told.items()}) for c in channels]


def _strip(words: str, values: Mapping[str, float | None]) -> Strip:
    known = {plate: value for plate, value in values.items() if value is not None}
    mean = sum(known.values()) / len(known) if known else 0.0
    if not mean > 0:
        return Strip(words, (), "")
    shares = [(plate, value / mean - 1) for plate, value in known.items()]
    return Strip(words, shares, f"{pd.Series([share for _, share in shares]).std():.1%}" if len(known) > 1 else "")


def _pair(pair: list[list[Strip]]) -> str:
    return _plots(list(zip(("before", "after"), pair, strict=True)))


def _plots(named: Sequence[tuple[str, list[Strip]]]) -> str:
    span = max((abs(share) for _, strips in named for strip in strips for _, share in strip.values), default=0.0)
    plots = "".join(strip_plot(name, strips, 1.1 * span) for name, strips in named)
    return f'<figure style="display:flex;flex-wrap:wrap;gap:1rem 3rem">{plots}</figure>\n'


def _order(tests: Sequence[Mapping[str, Any]], n_plates: int) -> str:
    if not tests:
        return paragraph(f"Drift from plate to plate was not tested: {n_plates} plates, and that takes five.", "note")
    found = [test for test in tests if test["found"]]
    if not found:
        least = min(tests, key=lambda test: test["p"])
        return paragraph(f"No drift over plates, in the order of their names (smallest p = {least['p']:.2g}).")
    words = "; ".join(f"{test['measure']} {test['effect']:+.0%} (p = {test['p']:.2g})" for test in found)
    return paragraph(f"Drift from the first plate to the last, in the order of their names: {words}.")


def drift_html(tests: Sequence[Mapping[str, Any]]) -> str:
    """Say whether a plate's wells drift; all tests behind a click."""
    sentence = paragraph(drift_sentence(tests))
    if not tests:
        return sentence
    rows = [
        {
            "measure": test["measure"],
            "over": KINDS[test["test"]],
            "wells": f"{test['n_wells']} {'controls' if test['wells'] == 'negcon' else 'of all'}",
            "effect": effect_words(test).rpartition(KINDS[test["test"]])[2].strip(),
            "p": f"{test['p']:.2g}",
            "adjusted": f"{test['q']:.2g}",
            "found": "yes" if test["found"] else "no",
        }
        for test in tests
    ]
    caption = "Effect: first to last well, largest to smallest row or column, edge to inner wells"
    return sentence + folded(f"All {len(rows)} tests", table_html(pd.DataFrame(rows), caption))


def z_prime_html(results: Sequence[Mapping[str, Any]]) -> str:
    """Give the table of Z' of a plate's positive controls; empty where it has none."""
    if not results:
        return ""
    rows = [
        {
            "positive control": f"{of['positive']} ({of['n_positive']} wells, {of['n_negative']} negative)",
            **{name: "none" if value is None else f"{value:.2f}" for name, value in of["measures"].items()},
        }
        for of in results
    ]
    text = (
        "Above 0.5 an assay is excellent, below 0 the controls overlap (Zhang et al. 1999). The best of "
        f"{len(results[0]['measures'])} measures is chosen after the fact and flatters: name yours beforehand."
    )
    return table_html(pd.DataFrame(rows), "Z' of wells") + paragraph(text, "note")
