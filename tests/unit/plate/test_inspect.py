"""`kinfast inspect`: one look at a folder; nothing is written."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from kinfast.cli import main


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main.run([*words])
    return int(stop.value.code or 0)


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    """One plate of two wells, two sites, five channels, 12 × 16 pixels; one image lacks, one is a thumbnail."""
    root = tmp_path / "plates"
    (root / "P009063").mkdir(parents=True)
    for well in ("B02", "B03"):
        for site in (1, 2):
            for channel in range(1, 6):
                path = root / "P009063" / f"P009063_{well}_s{site}_w{channel}.tif"
                tifffile.imwrite(path, np.full((12, 16), 7, np.uint16), compression="zlib" if channel == 5 else None)
    (root / "P009063/P009063_B03_s2_w4.tif").unlink()
    (root / "P009063/P009063_B02_s1_w1_thumb.tif").write_bytes(b"")
    (tmp_path / "map.csv").write_text("well,compound,target\nB02,DMSO,\nB03,lapatinib,EGFR\n")
    return root


def test_a_newcomer_sees_what_is_there(
    plates: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    before = sorted(plates.parent.rglob("*"))
    assert run("inspect", str(plates), "--metadata", str(plates.parent / "map.csv")) == 0
    shown = capsys.readouterr().out
    for expected in (
        "imagexpress, which reads 100% of the names",
        "kinase_u2os",
        "2 of 96",
        "12×16 uint16",
        "deflate",
        "Hoechst 33342",
        "P009063 B03 s2  ER       no image of this channel",
        "a thumbnail",
        "lapatinib",
        "map.csv: 2 rows joined by well",
    ):
        assert expected in shown
    assert max(len(line) for line in shown.splitlines() if "/" not in line) <= 80
    assert sorted(plates.parent.rglob("*")) == before


def test_unusable_input_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", str(tmp_path)) == 2
    said = capsys.readouterr().err
    assert "no TIFF file" in said
    assert "Traceback" not in said


def test_a_file_that_is_no_tiff_is_shown(plates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (plates / "P009063/P009063_B02_s1_w1.tif").write_bytes(b"not a TIFF at all")
    assert run("inspect", str(plates), "--quiet") == 0
    assert "cannot be read: P009063/P009063_B02_s1_w1.tif" in capsys.readouterr().out


def test_a_generic_set_is_named_by_hand(plates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", str(plates), "-q", "--channels", "1=Nuc,2=-", "--wells", "B2", "--sample", "0") == 0
    shown = capsys.readouterr().out
    assert "channels as given: 1 is Nuc" in shown
    assert "1 of 96" in shown
