"""CellProfiler's LoadData tables instead of names."""

from pathlib import Path

import pytest

from kinfast.errors import ConventionError
from kinfast.plate.open import open_plates

from .conftest import MakeTree

HEADER = (
    "FileName_OrigDNA,PathName_OrigDNA,FileName_OrigER,PathName_OrigER,FileName_IllumDNA,"
    "Metadata_Plate,Metadata_Well,Metadata_Site"
)


def table(rows: list[str]) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def images(make_tree: MakeTree) -> Path:
    return make_tree([f"batch/{p}/img{n}.tif" for p in ("P1", "P2") for n in range(4)])


ROWS = [
    f"img{site * 2 - 2}.tif,/other/machine/batch/{p},img{site * 2 - 1}.tif,/other/machine/batch/{p},x.npy,{p},B2,{site}"
    for p in ("P1", "P2") for site in (1, 2)
]  # fmt: skip


def test_a_table_in_the_folder_is_taken(make_tree: MakeTree) -> None:
    root = images(make_tree)
    (root / "load_data.csv").write_text(table(ROWS))
    found = open_plates(root)
    assert (found.convention, found.spec.channel_names) == ("loaddata", ("DNA", "ER"))
    assert [str(site.key) for plate in found.plates for site in plate.sites] == [
        "P1 B02 s1", "P1 B02 s2", "P2 B02 s1", "P2 B02 s2",
    ]  # fmt: skip
    assert [files[0].path for files in found.plates[1].sites[1].channels] == ["batch/P2/img2.tif", "batch/P2/img3.tif"]
    assert found.quarantine == ()


def test_a_table_from_elsewhere_with_a_spec(make_tree: MakeTree, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.csv"
    path.write_text(table(ROWS[:1]))
    found = open_plates(images(make_tree), convention=str(path), spec="cell_painting")
    assert found.spec.channel_names == ("DNA", "ER")
    assert len(found.plates[0].sites) == 1
    assert sum(file.reason == "the LoadData table does not name it" for file in found.ignored) == 6


def test_urls_are_read(make_tree: MakeTree) -> None:
    root = make_tree(["a b/x.tif"])
    (root / "t.csv").write_text("URL_OrigDNA,Metadata_Well\nfile:///data/a%20b/x.tif,C03\n")
    (plate,) = open_plates(root).plates
    assert (str(plate.sites[0].key), plate.sites[0].channels[0][0].path) == ("plate C03 s1", "a b/x.tif")


def test_files_that_are_gone_are_said(make_tree: MakeTree) -> None:
    root = images(make_tree)
    (root / "batch/P1/img1.tif").unlink()
    (root / "load_data.csv").write_text(table(ROWS))
    found = open_plates(root)
    assert any("images that load_data.csv lists and that are not on disk: 1" in note for note in found.notes)
    assert [(row.path, row.channel, row.site) for row in found.quarantine] == [("", "ER", 1)]


def test_a_table_that_lists_less_than_a_pattern_reads_is_second(make_tree: MakeTree) -> None:
    root = make_tree([f"P1/P1_B02_s{site}_w1.tif" for site in (1, 2)])
    (root / "t.csv").write_text("FileName_DNA,Metadata_Well\nP1_B02_s1_w1.tif,B02\n")
    found = open_plates(root)
    assert found.convention == "imagexpress"
    assert ("loaddata", 0.5) in [(score.name, score.share) for score in found.scores]


def test_tables_that_cannot_be_used(make_tree: MakeTree, tmp_path: Path) -> None:
    root = images(make_tree)
    with pytest.raises(ConventionError, match="no LoadData table in it"):
        open_plates(root, convention="loaddata")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConventionError, match="wanted FileName_<channel>"):
        open_plates(root, convention=str(tmp_path / "t.csv"))
    (tmp_path / "t.csv").write_text(table(["none.tif,/x,none.tif,/x,x,P1,B02,1"]))
    with pytest.raises(ConventionError, match="none of the images that it lists is on disk"):
        open_plates(root, convention=str(tmp_path / "t.csv"))
    (tmp_path / "t.csv").write_text(table(["img0.tif,/x,,,x,P1,nowhere,1"]))
    with pytest.raises(ConventionError, match=r"t\.csv, row 2: 'nowhere' is no well"):
        open_plates(root, convention=str(tmp_path / "t.csv"))
