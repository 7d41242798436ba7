"""Counts that contradict each other are said, and agreement is silent (K-07)."""

from pathlib import Path

import pandas as pd

from kinfast import schema
from kinfast.plate.audit import audit_labels, plate_format
from kinfast.plate.open import open_plates

from .conftest import MakeTree

INNER = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12)]


def screen(plates: int = 2, wells: list[str] = INNER, sites: int = 2, channels: int = 2) -> list[str]:
    return [
        f"P{p}/P{p}_{well}_s{site}_w{w}.tif"
        for p in range(1, plates + 1) for well in wells for site in range(1, sites + 1) for w in range(1, channels + 1)
    ]  # fmt: skip


def fill(root: Path) -> Path:
    for path in root.rglob("*.tif"):
        path.write_bytes(b"II")
    return root


def test_a_whole_screen_adds_up(make_tree: MakeTree) -> None:
    assert open_plates(fill(make_tree(screen()))).audit == ()


def test_gaps_are_said(make_tree: MakeTree) -> None:
    root = fill(make_tree(screen()))
    for path in ("P1/P1_B02_s1_w1.tif", "P1/P1_B02_s1_w2.tif", "P2/P2_C05_s1_w1.tif", "P2/P2_C05_s1_w2.tif",
                 "P2/P2_C05_s2_w1.tif", "P2/P2_C05_s2_w2.tif"):  # fmt: skip
        (root / path).unlink()
    said = "\n".join(open_plates(root).audit)
    assert "plates differ in wells: 60 on most, but P2 has 59" in said
    assert "wells differ in sites: 2 in 118 wells, but P1 B02 has 1" in said
    assert "237 sites are there; 119 wells of 2 would be 238" in said


def test_oddities_are_said(make_tree: MakeTree) -> None:
    paths = [*screen(1, channels=1), "P1/P1_Q30_s1_w1.tif", "P1/P1_Q30_s2_w1.tif", "P1/TimePoint_2/P1_B02_s1_w1.tif"]
    said = "\n".join(open_plates(make_tree(paths)).audit)
    assert "wells outside a 96-well plate, which holds all others: P1 Q30" in said
    assert "P1: sites differ in time points: 1 for most, but not P1 B02 s1" in said
    assert "empty (0 bytes): " in said
    stack = [f"Z/ZStep_{z}/Z_{well}_s2_w1.tif" for well in ("B02", "B03", "B04") for z in (1, 2)]
    said = "\n".join(open_plates(make_tree([*stack, "Z/ZStep_3/Z_B04_s2_w1.tif"]), plates=["Z"]).audit)
    assert "ch1 has 2 planes at most sites, but 3 at Z B04 s2" in said
    assert "numbered up to 2, but no well has site 1" in said


def test_a_plate_of_other_channels_is_told_apart(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*screen(1, ["B02", "B03"]), *screen(2, ["B02", "B03"], channels=1)[4:]]))
    assert any("plate P2 has no ch2 at any site" in line and "--plates P2" in line for line in found.audit)
    assert len(found.quarantine) == 4
    assert [plate.name for plate in found.plates] == ["P1", "P2"]
    alone = open_plates(found.root, plates=["P2"])
    assert (alone.spec.channel_names, alone.quarantine) == (("ch1",), ())


def test_labels_that_contradict_are_said() -> None:
    rows = [
        ("a", "EGFR", "trt", 10.0), ("a", "Src", "trt", 6.0), ("A", "EGFR", "trt", 10.0), ("b", "Raf", "trt", 10.0),
        ("b", "Raf", "poscon", 6.0), ("c", "Raf", "trt", 6.0), ("c", "Raf", "trt", 5.0), ("DMSO", None, "negcon", 0.0),
    ]  # fmt: skip
    names = [schema.COMPOUND, schema.TARGET, schema.ROLE, schema.DOSE_UM]
    said = "\n".join(audit_labels(pd.DataFrame(rows, columns=names)))
    assert "differ only in spelling: A / a" in said
    assert "compounds with several targets: a: EGFR, Src" in said
    assert "compounds with several roles: b: poscon, trt" in said
    assert "number of doses: 2 for most, but A has 1" in said


def test_three_doses_each_but_four_over_all_as_in_the_thesis() -> None:
    """Thesis 3.2 lists 10, 6, 5 and 4 µM, 5.10 says three concentrations a compound."""
    rows = [("a", d) for d in (10.0, 6.0, 5.0)] + [("b", d) for d in (6.0, 5.0, 4.0)]
    frame = pd.DataFrame(rows, columns=[schema.COMPOUND, schema.DOSE_UM]).assign(
        **{schema.TARGET: None, schema.ROLE: "trt"}
    )
    assert audit_labels(frame) == ["each compound has 3 doses, but 4 occur over all: 4, 5, 6, 10 µM"]


def test_doses_of_the_stock_are_asked_about() -> None:
    frame = pd.DataFrame({schema.COMPOUND: ["a"], schema.DOSE_UM: [1e4], schema.TARGET: [None], schema.ROLE: ["trt"]})
    assert audit_labels(frame) == ["doses go up to 10000 µM: are they the stock's concentrations, or in another unit?"]


def test_formats() -> None:
    wells = ("H12", "A13", "I01", "P24", "AF48", "AG01")
    assert [plate_format([well]) for well in wells] == [96, 384, 384, 384, 1536, 0]
