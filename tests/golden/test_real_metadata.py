"""The real tables of metadata: plate maps, barcodes, compounds, in several dialects."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from kinfast import schema
from kinfast.plate.metadata import Labels, join_metadata

pytestmark = pytest.mark.data
WELLS_384 = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]
INNER = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12)]


def join(test_data: Path, names: Sequence[str], plates: Sequence[str], wells: Sequence[str] = WELLS_384) -> Labels:
    keys = [(plate, well) for plate in plates for well in wells]
    return join_metadata([test_data / "metadata" / name for name in names], keys)


def roles(labels: Labels) -> dict[str, int]:
    return dict(Counter(labels.frame[schema.ROLE].fillna("none")))


@pytest.mark.parametrize("version", [1, 2])
def test_jump_target(test_data: Path, version: int) -> None:
    """Its README: 64 DMSO wells; 46 controls, 14 of them in two wells: 60 wells."""
    stem = f"JUMP-Target/JUMP-Target-{version}_compound_"
    labels = join(test_data, [f"{stem}platemap.tsv", f"{stem}metadata.tsv"], ["BR1"])
    assert roles(labels) == {"trt": 260, "negcon": 64, "poscon": 60}
    assert labels.frame[schema.COMPOUND].notna().all()
    assert (labels.frame[schema.COMPOUND] == "DMSO").sum() == 64
    assert {"Metadata_InChIKey", "Metadata_broad_sample", "Metadata_smiles"} <= set(labels.frame.columns)


def test_jump_moa(test_data: Path) -> None:
    labels = join(
        test_data, ["JUMP-MOA/JUMP-MOA_compound_platemap.tsv", "JUMP-MOA/JUMP-MOA_compound_metadata.tsv"], ["BR1"]
    )
    assert sum(roles(labels).values()) == 384
    assert labels.frame["Metadata_moa"].notna().sum() > 300


def test_lincs_plate_maps_through_barcodes(test_data: Path) -> None:
    barcodes = pd.read_csv(test_data / "metadata/lincs/barcode_platemap.csv")
    plate = str(barcodes.loc[barcodes["Plate_Map_Name"] == "C-7161-01-LM6-015", "Assay_Plate_Barcode"].iloc[0])
    names = ["lincs/C-7161-01-LM6-015.txt", "lincs/C-7161-01-LM6-007.txt", "lincs/barcode_platemap.csv"]
    labels = join(test_data, names, [plate])
    assert roles(labels) == {"trt": 360, "negcon": 24}
    doses = labels.frame[schema.DOSE_UM].dropna()
    assert (doses.max(), len(doses)) == (19999.8447, 360)  # mmoles_per_liter, of the stock plate, as micromolar
    assert "Metadata_Batch_Number" in labels.frame


@pytest.mark.parametrize("moa", ["moa.csv", "BBBC021_v1_moa.csv"])
def test_bbbc021(test_data: Path, moa: str) -> None:
    """One of the tables ends its lines with carriage returns; both are joined by compound and concentration."""
    names = ["bbbc021/BBBC021_v1_image.csv", f"bbbc021/{moa}"]
    labels = join(test_data, names, ["Week1_22123", "Week4_27481"], INNER)
    assert labels.frame[schema.COMPOUND].notna().all()
    assert roles(labels) == {"trt": 108, "negcon": 12}
    row = labels.frame[(labels.frame[schema.PLATE] == "Week1_22123") & (labels.frame[schema.WELL] == "B03")].iloc[0]
    assert (row[schema.COMPOUND], row[schema.DOSE_UM]) == ("cytochalasin B", 30)
    assert row["Metadata_moa"] == "Actin disruptors"


def test_a_plate_map_named_by_its_file(test_data: Path) -> None:
    names = ["loaddata-phenix/Assay_Plate10_platemap.csv", "loaddata-phenix/Barcode_platemap_pilot_data.csv"]
    labels = join(test_data, names, ["BR00148744"])
    assert labels.frame["Metadata_cell_line"].notna().sum() == 222
    assert set(labels.frame["Metadata_time_point"].dropna()) == {24.0}
