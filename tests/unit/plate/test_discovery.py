"""Walking a folder, and deciding by which convention its names are read."""

import os
import time
from pathlib import Path

import pytest

from kinfast.errors import ConventionError, InputError
from kinfast.plate.conventions import load_convention, shipped_conventions
from kinfast.plate.discovery import choose_convention, sample_files, scan_tree, score_conventions
from kinfast.plate.open import open_plates

from .conftest import MakeTree

IMAGEXPRESS = [f"P1/P1_B0{column}_s1_w1.tif" for column in range(2, 7)]
PHENIX = [f"P2/r02c0{column}f01p01-ch1sk1fk1fl1.tiff" for column in range(2, 7)]


def test_a_tie_is_explained(make_tree: MakeTree) -> None:
    root = make_tree([*IMAGEXPRESS, *PHENIX])
    with pytest.raises(ConventionError, match=r"imagexpress and phenix both read 50% .*--convention"):
        open_plates(root)


def test_a_tie_is_settled_by_hand(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*IMAGEXPRESS, *PHENIX]), convention="phenix")
    assert found.convention == "phenix"
    assert {file.path for file in found.ignored} == set(IMAGEXPRESS)
    assert all("does not fit the convention phenix" in file.reason for file in found.ignored)


def test_the_winner_and_the_runner_up_are_scored(make_tree: MakeTree) -> None:
    files = sample_files(scan_tree(make_tree([*IMAGEXPRESS, *PHENIX[:1]])))
    scores = score_conventions(files, shipped_conventions())
    assert choose_convention(scores, files).name == "imagexpress"
    specific = [(score.name, score.share) for score in scores if not score.fallback][:2]
    assert specific == [("imagexpress", 5 / 6), ("phenix", 1 / 6)]


def test_the_generic_names_are_a_fallback(make_tree: MakeTree) -> None:
    found = open_plates(make_tree(["a/PlateX_B02_s1_ch1.tif", "a/PlateX_B02_s1_ch2.tif"]))
    assert (found.convention, found.plates[0].name) == ("generic", "PlateX")


def test_names_that_nothing_reads_are_shown_with_the_way_out(make_tree: MakeTree) -> None:
    with pytest.raises(ConventionError, match=r"'x/holiday\.tif'.*--convention '\{plate\}/\{well\}"):
        open_plates(make_tree(["x/holiday.tif"]))


def test_a_template_reads_what_no_convention_does(make_tree: MakeTree) -> None:
    paths = [f"2020/Plate 7/{well}-{site}={dye}.tif" for well in ("B2", "B03") for site in (1, 2) for dye in ("a", "b")]
    found = open_plates(make_tree(paths), convention="{plate}/{well}-{site}={channel}.tif")
    (plate,) = found.plates
    assert plate.name == "Plate 7"
    assert [str(site.key) for site in plate.sites] == [f"Plate 7 {w} s{s}" for w in ("B02", "B03") for s in (1, 2)]
    assert found.spec.channel_names == ("a", "b")


def test_a_wrong_template_says_which_word(make_tree: MakeTree) -> None:
    with pytest.raises(ConventionError, match=r"\{dye\} is none of plate, well"):
        load_convention("{plate}/{well}_{dye}.tif")
    with pytest.raises(ConventionError, match=r"wanted \{well\}"):
        load_convention("{plate}/{site}.tif")


def test_no_folder_and_no_images(make_tree: MakeTree, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        open_plates(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no TIFF file"):
        open_plates(make_tree(["notes.txt"]))


def test_own_results_and_hidden_folders_are_no_plates(make_tree: MakeTree) -> None:
    root = make_tree(
        [*IMAGEXPRESS, "prepared/dataset.json", "prepared/x/P9_B02_s1_w1.tif", "P1/.cache/P1_C02_s1_w1.tif",
         "P1/._P1_B02_s1_w1.tif", "outlines/P1_B02_s1_w1.tif"]
    )  # fmt: skip
    found = open_plates(root)
    assert [plate.name for plate in found.plates] == ["P1"]
    assert len(found.plates[0].sites) == 5
    reasons = {file.path: file.reason for file in found.ignored}
    assert reasons["P1/._P1_B02_s1_w1.tif"].startswith("a hidden file")
    assert reasons["outlines/P1_B02_s1_w1.tif"] == "in a folder of segmentation results"
    assert len(reasons) == 2


def test_a_link_that_leads_back_up_ends(make_tree: MakeTree) -> None:
    root = make_tree(IMAGEXPRESS)
    (root / "P1" / "again").symlink_to(root, target_is_directory=True)
    assert scan_tree(root).n_tiffs == 5


def test_a_link_to_itself_costs_nothing_else(make_tree: MakeTree) -> None:
    """One such link among the plates refused all of them."""
    root = make_tree(IMAGEXPRESS)
    (root / "loop").symlink_to("loop")
    (root / "P1" / "P1_B07_s1_w1.tif").symlink_to("P1_B07_s1_w1.tif")
    assert scan_tree(root).n_tiffs == 6  # the last is found unreadable when it is decoded


def test_names_that_are_no_text_are_set_aside_and_said(make_tree: MakeTree) -> None:
    """A folder unpacked from a Windows archive may be called `Pl\\xe4t`: no table could hold the name."""
    root = make_tree(IMAGEXPRESS)
    odd = os.fsencode(root) + b"/Pl\xe4t"
    os.makedirs(odd)  # noqa: PTH103 (a Path would be as good; bytes say what is meant)
    for name in (odd + b"/Plat_B02_s1_w1.tif", os.fsencode(root) + b"/P1/P1_B02_s1_w\xb2.tif"):
        Path(os.fsdecode(name)).touch()
    found = open_plates(root)
    assert [len(plate.sites) for plate in found.plates] == [5]
    assert [file.path for file in found.ignored] == [r"P1/P1_B02_s1_w\xb2.tif", r"Pl\xe4t/Plat_B02_s1_w1.tif"]
    assert any(note.startswith("left out: names that are no UTF-8 text: 2, such as") for note in found.notes)


def test_a_line_end_in_a_name_is_read_over(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*IMAGEXPRESS, "Q\n2/Q\n2_B02_s1_w1.tif"]))
    assert [plate.name for plate in found.plates] == ["P1", "Q_2"]


def test_reading_names_takes_time_in_proportion_to_their_number(make_tree: MakeTree) -> None:
    """2,000 files must not take more than 8 times what 500 take: 4 is linear, 16 quadratic; the better of two."""

    def seconds(root: Path) -> float:
        best = float("inf")
        for _ in range(2):
            began = time.process_time()
            open_plates(root)
            best = min(best, time.process_time() - began)
        return best

    names = [f"{row}{column:02d}_s{site}_w{w}" for row in "BCDEFGHIJKLMNOP" for column in range(1, 24)
             for site in range(1, 4) for w in range(1, 5)][:2000]  # fmt: skip
    small = make_tree(f"a/P1/P1_{name}.tif" for name in names[:500])
    few = seconds(small)
    big = make_tree(f"b/P2/P2_{name}.tif" for name in names)
    assert sum(len(files) for _, _, files in os.walk(big / "b")) == len(names) == 2000
    assert seconds(big / "b") < 8 * few


def test_files_of_another_convention_are_said_aloud(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*IMAGEXPRESS, *PHENIX[:2], "P1/montage.tif"]))
    (note,) = [note for note in found.notes if "do not fit imagexpress: 3" in note]
    assert "phenix reads some of them" in note


def test_an_unfinished_store_is_no_plate(make_tree: MakeTree) -> None:
    found = open_plates(make_tree([*IMAGEXPRESS, "prepared/.plates/P1/x.bin", "prepared/images/P1_B02_s1_w1.tif"]))
    assert ([plate.name for plate in found.plates], found.ignored) == (["P1"], ())


def test_wells_that_are_none_are_an_error(make_tree: MakeTree) -> None:
    with pytest.raises(ConventionError, match="none of their wells is one"):
        open_plates(make_tree(["P1/P1_B00_s1_w1.tif"]))
