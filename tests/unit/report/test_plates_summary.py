"""The three sentences that open the page of prepared plates name what is planted."""

from typing import Any

import pandas as pd

from kinfast import schema
from kinfast.report.plates_summary import judge_plates

NOTHING = pd.DataFrame(columns=schema.QUARANTINE)


def store(n: int = 40, blurred: int = 0, controls: bool = True) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Two plates of some sites; the second has blurred ones, and perhaps no controls."""
    rows = pd.DataFrame(
        {
            schema.PLATE: ["P1"] * n + ["P2"] * n,
            schema.WELL: [f"B{i // 2 + 1:02d}" for i in range(n)] * 2,
            schema.ROLE: ["negcon", "trt"] * (n // 2) + (["negcon", "trt"] if controls else ["trt"] * 2) * (n // 2),
        }
    )
    for flag in (*schema.FLAGS, schema.FLAG_EXCLUDED):
        rows[flag] = False
    rows.loc[n : n + blurred - 1, "Flag_blurred"] = True
    light = {"helped": True, "drift": {"rows": {"found": False}, "order": None}}
    plate: dict[str, Any] = {
        "illumination": {"DNA": light, "ER": light | {"helped": False}},
        "drift": [],
        "z_prime": [],
    }
    return rows, {"plates": {"P1": dict(plate), "P2": dict(plate)}}


def test_plates_without_a_fault_are_ready() -> None:
    sites, dataset = store()
    kind, headline, sentences = judge_plates(sites, NOTHING, dataset)
    assert (kind, headline) == ("support", "ready to train on")
    assert sentences[0].startswith(
        "80 of 80 sites can be trained on, in 40 wells of 2 plates; no image is missing or unusable."
    )
    assert "corrected in 2 of 4 channels" in sentences[1]
    assert sentences[2] == "No plate loses over 20% of its sites, and all have negative controls."


def test_a_blurred_plate_without_controls_and_broken_files_are_named() -> None:
    sites, dataset = store(blurred=30, controls=False)
    rows = [["a.tif", "P1", "B02", "1", "1", "DNA", "truncated"], ["", "P1", "B03", "1", "1", "DNA", "no image"]]
    broken = pd.DataFrame([*rows, ["", "P1", "B04", "1", "1", "ER", "no image"]], columns=schema.QUARANTINE)
    kind, headline, sentences = judge_plates(sites, broken, dataset)
    assert (kind, headline) == ("caution", "look at what is named here first")
    assert sentences[0].endswith(
        "30 are left out, most often as blurred (30); 2 images are missing and 1 file could not be used "
        "(quarantine.csv says which and why)."
    )
    assert "1 plate of 2 loses over 20% of the sites, P2 the most (75%)" in sentences[2]
    assert "no negative controls are known on P2" in sentences[2]


def test_sites_that_were_set_aside_are_lost_too() -> None:
    """A plate of which half could not be read passed for whole, and one without any site had no name."""
    sites, dataset = store()
    half = [["a.tif", "P1", f"C{i:02d}", "1", "1", channel, "cut"] for i in range(40) for channel in ("DNA", "ER")]
    broken = pd.DataFrame([*half, ["b.tif", "P3", "B02", "1", "1", "DNA", "cut"]], columns=schema.QUARANTINE)
    dataset["plates"]["P3"] = dict(dataset["plates"]["P1"])
    sentence = judge_plates(sites, broken, dataset)[2][2]
    assert sentence.startswith("2 plates of 3 lose over 20% of the sites, P3 the most (100%)")


def test_drift_and_the_controls_distance_are_said() -> None:
    sites, dataset = store()
    test = {"measure": "DNA", "test": "order", "wells": "negcon", "effect": 0.12, "p": 0.001, "q": 0.01, "found": True}
    dataset["plates"]["P2"] |= {"drift": [test], "z_prime": [{"measures": {"DNA": 0.61}, "best": "DNA"}]}
    kind, _, sentences = judge_plates(sites, NOTHING, dataset)
    assert kind == "finding"
    assert sentences[1].endswith("1 of 2 plates drift, most surely DNA over order of wells +12 %.")
    assert "Z' of 0.61" in sentences[2]


def test_nothing_left_is_said() -> None:
    sites, dataset = store(n=10, blurred=10)
    sites["Flag_blurred"] = True
    kind, headline, _ = judge_plates(sites, NOTHING, dataset)
    assert (kind, headline) == ("caution", "no site can be trained on")
    empty = judge_plates(sites.iloc[:0], NOTHING, dataset)
    assert empty[1] == "no site can be trained on"
