"""Inactive compounds are left out of training, and said."""

from pathlib import Path

import pandas as pd
import pytest

from kinfast.data.inactive import exclude_inactive
from kinfast.data.labels import select_labels
from kinfast.errors import InputError

SITES = pd.DataFrame(
    {
        "Metadata_Plate": "P", "Metadata_Well": [f"B{i:02d}" for i in range(6)], "Metadata_Site": 1,
        "Metadata_Timepoint": 1, "Metadata_Compound": ["DMSO", "DMSO", "a", "a", "b", "c"],
        "Metadata_Role": ["negcon", "negcon", "trt", "trt", "trt", "trt"],
        "Flag_excluded": [False, False, False, False, False, True],
    }
)  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_sites_of_inactive_compounds_are_no_longer_labelled(tmp_path: Path) -> None:
    table = write(tmp_path / "activity.csv", "Metadata_Compound,active\na,False\nb,True\nDMSO,False\n")
    sites, lines = exclude_inactive(SITES, table)
    assert sites["Flag_excluded"].tolist() == [False, False, True, True, False, True]
    assert lines == ["1 inactive compounds (2 sites) are left out of training: a"]
    assert select_labels(sites, task="role").codes.tolist() == [0, 0, -1, -1, 1, -1]
    assert SITES["Flag_excluded"].sum() == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Metadata_Compound\na\n", "lacks the column 'active'"),
        ("Metadata_Compound,active\na,perhaps\n", "wanted True or False"),
        ("Metadata_Compound,active\nx,False\n", "none of its 1 inactive compounds"),
    ],
)
def test_other_tables_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        exclude_inactive(SITES, write(tmp_path / "activity.csv", text))


def test_an_absent_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        exclude_inactive(SITES, tmp_path / "none.csv")
