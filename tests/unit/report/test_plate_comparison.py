"""What the plates' report and the terminal say of drift, Z' and differences between plates."""

from typing import Any

from kinfast.report.plate_comparison import compare_html, drift_html, z_prime_html
from kinfast.report.plate_words import drift_sentence, plate_line


def a_test(measure: str, kind: str, p: float, found: bool, wells: str = "negcon") -> dict[str, Any]:
    about = {"measure": measure, "test": kind, "wells": wells, "n_wells": 12, "effect": 0.123}
    return {**about, "p": p, "q": 2 * p, "found": found}


QUIET = [a_test("cells", "order", 0.4, False), a_test("DNA", "rows", 0.7, False)]
DRIFT = [a_test("DNA", "order", 0.001, True), a_test("ER", "columns", 0.002, True, "all"), QUIET[0]]
Z_PRIME = [
    {"positive": "X", "n_positive": 4, "n_negative": 9, "measures": {"cells": 0.61, "DNA": None}, "best": "cells"}
]


def dataset(n_plates: int) -> dict[str, Any]:
    def brightness(i: int) -> dict[str, Any]:
        levels = {"before": 100.0 + 20 * i, "after": 50.0, "structures_before": 900.0 + i, "structures_after": 80.0}
        return {"wells": "negcon", "n_wells": 3, "cells": 40.0 + i, "channels": {"<DNA>": levels}}

    rest = {"n_sites": 9, "levels": {"<DNA>": {"of_controls": True}}}
    plates = {f"P{i}": rest | {"brightness": brightness(i)} for i in range(n_plates)}
    return {"intensity": {"kind": "plate"}, "plates": plates, "channels": ["<DNA>"], "between_plates": {"order": []}}


def test_a_plate_without_drift_is_told_with_its_p() -> None:
    assert drift_sentence(QUIET) == "No drift found in 2 tests (the smallest p = 0.4, adjusted 0.8)."
    assert drift_sentence([]) == "Drift was not tested: too few wells."
    assert plate_line("P1", {"drift": QUIET, "z_prime": []}) == ""
    assert "All 2 tests" in drift_html(QUIET)


def test_drift_is_told_with_its_size_and_its_doubt() -> None:
    said = drift_sentence(DRIFT)
    assert said.startswith("Drift found: DNA over order of wells +12 % (p = 0.001); ER over columns 12 % (p = 0.002).")
    assert "compounds may be the cause" in said
    line = plate_line("P1", {"drift": DRIFT, "z_prime": Z_PRIME})
    assert line == "P1: drift: DNA over order of wells +12 %, 1 more; best Z' 0.61 (cells)"
    assert len(line) <= 80


def test_the_page_says_which_wells_windows_rest_on() -> None:
    """It said `from its control wells` of plates without labels, too."""
    known = dataset(2)
    assert "They rest on negative controls." in compare_html(known)
    known["plates"]["P1"] |= {"levels": {"<DNA>": {"of_controls": False}}}
    assert "On some plates they rest on all wells" in compare_html(known)
    known["intensity"]["kind"] = "fixed"
    assert "they rest on" not in compare_html(known).lower()


def test_z_prime_comes_with_its_warning() -> None:
    page = z_prime_html(Z_PRIME)
    assert "0.61" in page
    assert "none" in page
    assert "flatters" in page
    assert z_prime_html([]) == ""


def test_plates_are_drawn_before_and_after() -> None:
    page = compare_html(dataset(3))
    assert page.count("<svg") == 5  # two measures before and after, and cells
    assert page.count("<circle") == 5 * 3
    assert "P2: +16.7%" in page  # 140 counts of a mean of 120
    assert "&lt;DNA&gt;" in page
    assert "<DNA>" not in page
    assert "3 plates, and that takes five" in page
    assert "nothing to compare it with" in compare_html(dataset(1))
