"""A plate's name: the name's own, else the nearest folder with a name of its own; repeats get a suffix."""

import pytest

from kinfast.plate.open import open_plates

from .conftest import MakeTree

PH = "r02c02f01p01-ch1sk1fk1fl1.tiff"


@pytest.mark.parametrize(
    ("path", "plate"),
    [
        ("P009063/P009063_B02_s1_w1.tif", "P009063"),
        ("P009063/TimePoint_1/ZStep_3/x_B02_s1_w1.tif", "P009063"),
        ("Assay/2024-04-22/1697/TimePoint_1/x_B02_s1_w1.tif", "Assay"),
        ("20585/x_B02_s1_w1.tif", "20585"),
        ("Week4/Week4_27481/images/B02_s1_w1.tif", "Week4_27481"),
        ("BBBC022_v1_images_20585w1/IXMtest_B02_s1_w1.tif", "BBBC022_v1_images_20585"),
        ("P7/B02/x_B02_s1_w1.tif", "P7"),
        ("P7/w1/x_B02_s1_w1.tif", "P7"),
        ("x_B02_s1_w1.tif", "screen"),
        (f"BR001__2020-11-08T18_47_12-Measurement1/Images/{PH}", "BR001"),
        (f"BR001__2020-11-08T18_47_12-Measurement 3/Images/{PH}", "BR001-Measurement3"),
        (f"2020_batch/BR002/Images/{PH}", "BR002"),
        ("any/Assay-7_B02_T0001F001L01A01Z01C01.tif", "Assay-7"),
    ],
)
def test_the_name(make_tree: MakeTree, path: str, plate: str) -> None:
    assert [found.name for found in open_plates(make_tree([path])).plates] == [plate]


def test_a_nameless_root_takes_the_prefix_and_else_a_folder_above(make_tree: MakeTree) -> None:
    root = make_tree(["images/MyPlate_B02_s1_w1.tif", "data/B02_s1_w1.tif"])
    assert open_plates(root / "images").plates[0].name == "MyPlate"
    assert open_plates(root / "data").plates[0].name == "screen"


def test_several_prefixes_in_one_folder_are_several_plates(make_tree: MakeTree) -> None:
    root = make_tree(["all/A_B02_s1_w1.tif", "all/B_B02_s1_w1.tif"])
    assert [plate.name for plate in open_plates(root).plates] == ["A", "B"]


def test_a_folder_for_each_wavelength_is_one_plate(make_tree: MakeTree) -> None:
    root = make_tree([f"set_20585w{w}/IXMtest_A01_s{s}_w{w}.tif" for w in (1, 2) for s in (1, 2)])
    (plate,) = open_plates(root).plates
    assert (plate.name, len(plate.sites)) == ("set_20585", 2)


def test_a_repeated_measurement_gets_its_suffix(make_tree: MakeTree) -> None:
    root = make_tree([f"Assay/{when}/Assay_B02_s1_w1.tif" for when in ("2024-04-22/1697", "2024-04-29/1702")])
    found = open_plates(root)
    assert [plate.name for plate in found.plates] == ["Assay", "Assay-2024-04-29-1702"]
    assert found.quarantine == ()
    assert any("measured again in Assay/2024-04-29/1702" in note for note in found.notes)


def test_one_plate_in_two_folders_that_do_not_overlap_stays_one(make_tree: MakeTree) -> None:
    root = make_tree(["x1/Assay_B02_T0001F001L01A01Z01C01.tif", "x2/Assay_B03_T0001F001L01A01Z01C01.tif"])
    (plate,) = open_plates(root).plates
    assert (plate.name, [site.key.well for site in plate.sites]) == ("Assay", ["B02", "B03"])


def test_numbered_wells_are_spelled_on_the_smallest_plate_that_holds_them(make_tree: MakeTree) -> None:
    names = [f"E/--W{number:04d}--P000--Z000--T0000--gfp.tif" for number in (1, 24, 25)]
    assert [s.key.well for s in open_plates(make_tree(names)).plates[0].sites] == ["A01", "B12", "C01"]
    found = open_plates(make_tree(["E/--W0384--P000--Z000--T0000--gfp.tif"]))
    assert [s.key.well for s in found.plates[0].sites] == ["A01", "A24", "B01", "P24"]
    assert any("24 columns" in note for note in found.notes)
