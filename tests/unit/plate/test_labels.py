"""labels.csv, the thesis' eight columns, both ways (K-03)."""

from pathlib import Path

import pandas as pd
import pytest

from kinfast import schema
from kinfast.errors import MetadataError
from kinfast.plate.labels import read_labels_csv, write_labels_csv
from kinfast.plate.metadata import join_metadata
from kinfast.plate.open import open_plates

from .conftest import MakeTree

THESIS = """\
index,plate,well,site,role,compound,target,concentration_um
0,P009063,B02,1,compound,CBK013406,EGFR,10
1,P009063,B02,2,compound,CBK013406,EGFR,10
2,P009063,B03,1,control,DMSO,,
3,P009064,G11,9,compound,CBK000001,"VEGrFR,Src,Raf,Bcr-Abl",0.3
4,P009064,G12,1,control,staurosporine,PKC,6
5,P009064,G12,2,,,,
"""


def test_it_round_trips_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(THESIS)
    write_labels_csv(read_labels_csv(tmp_path / "in.csv"), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == THESIS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_it_is_read_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(THESIS)
    frame = read_labels_csv(tmp_path / "in.csv")
    assert frame[schema.ROLE].fillna("").tolist() == ["trt", "trt", "negcon", "trt", "poscon", ""]
    assert frame[schema.SITE].tolist() == [1, 2, 1, 9, 1, 2]
    assert frame[schema.DOSE_UM].tolist()[:2] == [10.0, 10.0]
    assert frame[schema.DOSE_UM].isna().sum() == 2


def test_an_export_serves_as_metadata(tmp_path: Path, make_tree: MakeTree) -> None:
    """What is exported for a screen gives the same labels to a screen that has none."""
    table = tmp_path / "map.csv"
    table.write_text('well,compound,target,dose_um\nB02,DMSO,,\nB03,x,EGFR,0.1\nB04,y,"Src,Raf",10\n')
    root = make_tree([f"P1/P1_{well}_s{site}_w1.tif" for well in ("B02", "B03", "B04") for site in (1, 2)])
    first = open_plates(root, metadata=[table]).labels
    sites = pd.concat([first.assign(**{schema.SITE: site}) for site in (1, 2)])
    write_labels_csv(sites, tmp_path / "labels.csv")
    again = open_plates(root, metadata=[tmp_path / "labels.csv"]).labels
    pd.testing.assert_frame_equal(again[first.columns], first)


def test_roles_of_both_controls_are_one_word(tmp_path: Path) -> None:
    frame = join_metadata([], [("P1", "B02"), ("P1", "B03")]).frame.assign(
        **{schema.SITE: 1, schema.ROLE: ["negcon", "poscon"]}
    )
    write_labels_csv(frame, tmp_path / "labels.csv")
    assert pd.read_csv(tmp_path / "labels.csv")["role"].tolist() == ["control", "control"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("index,plate", "number,plate", "wanted exactly index, plate"),
        (",compound,CBK013406", ",friend,CBK013406", "role 'friend'; wanted compound or control"),
        ("B02,1,", "B02,one,", "site or concentration_um"),
        ("EGFR,10", "EGFR,ten", "'ten' is no dose"),
    ],
)
def test_what_is_no_labels_csv(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "in.csv").write_text(THESIS.replace(old, new, 1))
    with pytest.raises(MetadataError, match=message):
        read_labels_csv(tmp_path / "in.csv")
