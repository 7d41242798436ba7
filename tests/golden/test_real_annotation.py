"""`kinfast annotate` on the real tables: every one is annotated, and how many entries joined is what it was."""

from pathlib import Path

import pytest

from kinfast import schema
from kinfast.plate.annotation.run import annotate

pytestmark = pytest.mark.data
HUB = "lincs/repurposing_simple.tsv"
JUMP1, JUMP2, MOA = "JUMP-Target/JUMP-Target-1_", "JUMP-Target/JUMP-Target-2_", "JUMP-MOA/JUMP-MOA_compound_"
LINCS = ["lincs/C-7161-01-LM6-015.txt", "lincs/C-7161-01-LM6-007.txt", "lincs/barcode_platemap.csv"]
PHENIX = ["loaddata-phenix/Assay_Plate10_platemap.csv", "loaddata-phenix/Barcode_platemap_pilot_data.csv"]
IMAGES = "bbbc021/BBBC021_v1_image.csv"
CASES = {
    "JUMP-MOA": ([f"{MOA}platemap.tsv"], [f"{MOA}metadata.tsv"], (90, 0, 0, 0), 384),
    "JUMP-MOA and the hub": ([f"{MOA}platemap.tsv"], [f"{MOA}metadata.tsv", HUB], (90, 0, 0, 0), 384),
    "JUMP-Target-1": ([f"{JUMP1}compound_platemap.tsv"], [f"{JUMP1}compound_metadata.tsv"], (306, 0, 0, 0), 384),
    "JUMP-Target-2": ([f"{JUMP2}compound_platemap.tsv"], [f"{JUMP2}compound_metadata.tsv"], (306, 0, 0, 0), 384),
    "JUMP-Target-1 CRISPR": ([f"{JUMP1}crispr_platemap.tsv"], [f"{JUMP1}crispr_metadata.tsv"], (335, 0, 0, 0), 384),
    "JUMP-Target-1 ORF": ([f"{JUMP1}orf_platemap.tsv"], [f"{JUMP1}orf_metadata.tsv"], (175, 0, 0, 0), 384),
    "LINCS": (LINCS, [HUB], (90, 24, 0, 0), 3840),
    "BBBC021": ([IMAGES], ["bbbc021/moa.csv"], (38, 74, 0, 0), 3300),
    "BBBC021, carriage returns": ([IMAGES], ["bbbc021/BBBC021_v1_moa.csv"], (38, 74, 0, 0), 3300),
    "BBBC021 and the hub": ([IMAGES], ["bbbc021/moa.csv", HUB], (71, 41, 0, 0), 3300),
    "Phenix plate maps": (PHENIX, [], (0, 0, 0, 0), 666),
    "Phenix LoadData": (["loaddata-phenix/BR00143977_concatenated.csv"], [], (0, 0, 0, 0), 140),
}
"""Plate maps, libraries, compounds joined, unknown, ambiguous and contradictory, wells."""


@pytest.mark.parametrize("name", CASES)
def test_a_real_table_is_annotated(test_data: Path, tmp_path: Path, name: str) -> None:
    maps, libraries, states, n_wells = CASES[name]
    folder = test_data / "metadata"
    done = annotate([folder / path for path in maps], [folder / path for path in libraries], tmp_path / "out")
    counts = done.annotation.compounds
    assert tuple(counts[state] for state in ("joined", "unknown", "ambiguous", "contradictory")) == states
    assert done.annotation.targets["unknown"] == done.annotation.targets["ambiguous"] == 0
    assert len(done.annotation.wells) == n_wells
    assert len([doubt for doubt in done.doubts if doubt.kind == "compound"]) == states[1]


def test_jump_moa_gets_kinase_groups_from_mechanisms(test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "metadata"
    maps, libraries, *_ = CASES["JUMP-MOA"]
    done = annotate([folder / path for path in maps], [folder / path for path in libraries], tmp_path / "out")
    wells = done.annotation.wells
    found = wells.dropna(subset=[schema.TARGET]).groupby(schema.TARGET)["Metadata_Target_group"].first()
    assert found["Aurora"] == "other"
    assert found["EGFR"] == "TK"
    assert found["GSK-3"] == "CMGC"
