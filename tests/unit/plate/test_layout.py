"""Planes, duplicates and missing channels: nothing is dropped silently, and never the last one wins."""

import pytest

from kinfast.domain import Plate
from kinfast.errors import UsageError
from kinfast.plate.open import open_plates

from .conftest import MakeTree

FIVE = [f"P1/P1_B02_s{site}_w{w}.tif" for site in (1, 2) for w in range(1, 6)]


def paths(plate: Plate) -> list[list[str]]:
    return [[file.path for files in site.channels for file in files] for site in plate.sites]


def test_channels_stand_in_the_specs_order(make_tree: MakeTree) -> None:
    found = open_plates(make_tree(FIVE))
    assert found.spec.name == "kinase_u2os"
    assert found.spec.channel_names == ("DNA", "RNA", "ER", "AGP", "Mito")
    assert paths(found.plates[0])[0] == [f"P1/P1_B02_s1_w{w}.tif" for w in (1, 2, 4, 5, 3)]
    assert [files[0].channel for files in found.plates[0].sites[0].channels] == list(found.spec.channel_names)
    assert any("taken as kinase_u2os" in note for note in found.notes)


def test_a_missing_channel_sets_its_site_aside(make_tree: MakeTree) -> None:
    root = make_tree(FIVE)
    (root / "P1/P1_B02_s2_w3.tif").unlink()
    found = open_plates(root)
    assert [str(site.key) for site in found.plates[0].sites] == ["P1 B02 s1"]
    (row,) = found.quarantine
    assert (row.path, row.plate, row.well, row.site, row.channel) == ("", "P1", "B02", 2, "Mito")
    assert row.reason == "no image of this channel"


@pytest.mark.parametrize("twin", ["P1_B02_s1_w2.tiff", "P1_B02_s1_w257654C10-92F1-4DFD-98AA-6A01BBD77557.tif"])
def test_of_two_files_for_one_image_neither_wins(make_tree: MakeTree, twin: str) -> None:
    found = open_plates(make_tree([*FIVE, f"P1/{twin}"]))
    assert [str(site.key) for site in found.plates[0].sites] == ["P1 B02 s2"]
    assert {row.path for row in found.quarantine} == {"P1/P1_B02_s1_w2.tif", f"P1/{twin}"}
    assert all(row.channel == "RNA" and "two files for one image" in row.reason for row in found.quarantine)


def test_only_tiff_files_are_images(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*FIVE, "P1/P1_B02_s1_w2.png", "P1/P1_B02_s1_w2.TIF.md5"]))
    assert (found.quarantine, len(found.plates[0].sites)) == ((), 2)
    assert {file.reason for file in found.ignored} == {"not a TIFF file"}


def test_thumbnails_are_ignored_with_the_reason(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*FIVE, "P1/P1_B02_s1_w1_thumb4BFD4018-E675-475E-B5AB-2E959E6B6DA1.tif"]))
    assert [(file.reason) for file in found.ignored] == ["a thumbnail"]
    assert len(found.plates[0].sites) == 2


STACK = [f"P1/ZStep_{z}/P1_B02_s1_w{w}.tif" for z in (1, 2, 3) for w in (1, 2)]
PROJECTION = "P1/P1_B02_s1_w2.tif"


def test_steps_are_projected_and_a_projection_on_disk_beats_them(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*STACK, PROJECTION]))
    first, second = found.plates[0].sites[0].channels
    assert [file.plane for file in first] == [1, 2, 3]
    assert [file.path for file in second] == [PROJECTION]
    assert [file.reason for file in found.ignored] == ["a Z step of a site whose projection is on disk"] * 3


def test_a_plane_by_number(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*STACK, PROJECTION]), plane="2")
    assert [[file.plane for file in files] for files in found.plates[0].sites[0].channels] == [[2], [2]]
    assert {file.path for file in found.ignored} >= {PROJECTION, STACK[0]}


def test_a_plane_that_is_not_there_is_set_aside(make_tree: MakeTree) -> None:
    found = open_plates(make_tree(STACK), plane="4")
    assert found.plates[0].sites == ()
    assert [row.reason for row in found.quarantine] == ["no plane 4; there are 1, 2, 3"] * 2


def test_a_channel_without_steps_serves_for_every_plane(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([p for p in STACK if "w1" in p] + [PROJECTION]), plane="3")
    assert [files[0].path for files in found.plates[0].sites[0].channels] == ["P1/ZStep_3/P1_B02_s1_w1.tif", PROJECTION]


@pytest.mark.parametrize("plane", ["0", "min", "-1", ""])
def test_a_plane_is_max_or_a_number(make_tree: MakeTree, plane: str) -> None:
    with pytest.raises(UsageError, match="wanted max, or the number"):
        open_plates(make_tree(STACK), plane=plane)


def test_time_points_are_sites_of_their_own(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([f"P1/TimePoint_{t}/P1_B02_s1_w1.tif" for t in (1, 2)]))
    assert [str(site.key) for site in found.plates[0].sites] == ["P1 B02 s1", "P1 B02 s1 t2"]


def test_sites_come_sorted_by_number(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([f"P1/P1_{well}_s{site}_w1.tif" for well in ("B10", "B02") for site in (10, 9, 1)]))
    keys = [(site.key.well, site.key.site) for site in found.plates[0].sites]
    assert keys == [("B02", 1), ("B02", 9), ("B02", 10), ("B10", 1), ("B10", 9), ("B10", 10)]


def test_plates_and_wells_are_chosen(make_tree: MakeTree) -> None:
    root = make_tree([f"{p}/{p}_{well}_s1_w1.tif" for p in ("P1", "P2") for well in ("B02", "C03")])
    found = open_plates(root, plates=["P2"], wells=["c3"])
    assert [str(site.key) for plate in found.plates for site in plate.sites] == ["P2 C03 s1"]
    with pytest.raises(Exception, match=r"no plate P3 here; there are P1, P2"):
        open_plates(root, plates=["P3"])
    with pytest.raises(Exception, match=r"none of D04"):
        open_plates(root, wells=["D04"])
