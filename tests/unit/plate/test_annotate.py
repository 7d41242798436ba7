"""Annotation from tables to tables: joins with planted truth, corrections that survive, contradictions as rows."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from kinfast import schema
from kinfast.cli.main import build_app
from kinfast.errors import MetadataError, UsageError
from kinfast.plate.annotation.audit import audit_stated, parse_stated
from kinfast.plate.annotation.run import Annotated, annotate
from kinfast.plate.metadata import join_metadata
from kinfast.plate.tables import read_table

LIBRARY = (
    "Catalog Number,Product Name,Target,Synonyms,SMILES\n"
    'S1026,Imatinib Mesylate (STI571),"PDGFR,cKit,Bcr-Abl",,CCO\n'
    "S1014,Bosutinib (SKI-606),Src,,CCN\n"
    "S1055,Enzastaurin (LY317615),PKC,,CCC\n"
    "S9001,Foo-1,Nonsense word,,\n"
    "S9002,Twin,EGFR,,\n"
    "S9003,Twin,JAK,,\n"
)
MAP = (
    "plate,well,compound,dose_um\n"
    "P1,B02,DMSO,\nP1,B03,imatinib,10\nP1,B04,SKI 606,10\nP1,B05,S1055,10\n"
    "P1,B06,Foo 1,10\nP1,B07,Twin,10\nP1,B08,Unheard-of,10\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def run(folder: Path, plate_map: str = MAP, library: str = LIBRARY, **options: object) -> Annotated:
    maps, libraries = [write(folder, "map.csv", plate_map)], [write(folder, "library.csv", library)]
    return annotate(maps, libraries, folder / "out", **options)  # type: ignore[arg-type]


def by_well(done: Annotated, column: str) -> dict[str, object]:
    wells = done.annotation.wells
    return {w: (None if v != v else v) for w, v in zip(wells[schema.WELL], wells[column], strict=True)}


def test_compounds_are_found_by_name_salt_synonym_and_id(tmp_path: Path) -> None:
    done = run(tmp_path)
    targets = by_well(done, schema.TARGET)
    assert targets["B03"] == "ABL|KIT|PDGFR"
    assert targets["B04"] == "SRC"
    assert targets["B05"] == "PKC"
    assert done.annotation.compounds == {"joined": 4, "unknown": 1, "ambiguous": 0, "contradictory": 1, "control": 1}
    assert by_well(done, "Metadata_Target_group")["B05"] == "AGC"
    rules = by_well(done, "Metadata_Annotation_rule")
    assert rules["B03"] == "compound: name in brackets, without salt" or "salt" in str(rules["B03"])
    assert by_well(done, schema.ROLE)["B02"] == "negcon"


def test_targets_are_read_from_mechanisms_and_counted_as_such(tmp_path: Path) -> None:
    library = "Catalog Number,Product Name,MOA\nS1,AZ191,DYRK inhibitor\nS2,Tocotrienol,HMGCR inhibitor\n"
    done = run(tmp_path, "plate,well,compound\nP1,B02,AZ191\nP1,B03,AZ191\nP1,B04,Tocotrienol\n", library)
    assert by_well(done, schema.TARGET) == {"B02": "DYRK", "B03": "DYRK", "B04": None}
    assert done.annotation.targets == {"known": 0, "unknown": 0, "ambiguous": 0, "read from mechanisms": 1}


def test_every_cell_says_where_it_came_from(tmp_path: Path) -> None:
    run(tmp_path)
    origins = read_table(tmp_path / "out" / "provenance.csv")
    target = origins[(origins["well"] == "B03") & (origins["column"] == schema.TARGET)].iloc[0]
    assert (target["file"], target["row"], target["source_column"]) == ("library.csv", "2", "Target")
    dose = origins[(origins["well"] == "B04") & (origins["column"] == schema.DOSE_UM)].iloc[0]
    assert (dose["file"], dose["row"], dose["source_column"]) == ("map.csv", "4", "dose_um")
    wells = read_table(tmp_path / "out" / "wells.csv")
    named = {(w, c) for w, c in zip(origins["well"], origins["column"], strict=True)}
    for label in (schema.COMPOUND, schema.TARGET, schema.ROLE, schema.DOSE_UM):
        assert {(w, label) for w, v in zip(wells[schema.WELL], wells[label], strict=True) if v is not None} <= named


def test_doubts_are_listed_and_corrections_survive(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert {(d.kind, d.found) for d in first.doubts} == {
        ("target", "Nonsense word"),
        ("compound", "Twin"),
        ("compound", "Unheard-of"),
    }
    path = tmp_path / "out" / "corrections.csv"
    table = pd.read_csv(path, dtype=str)
    fixes = {"Nonsense word": "BTK/Syk", "Unheard-of": "Imatinib", "Twin": "S9003"}
    table["correction"] = table["found"].map(fixes)
    table.loc[table["found"] == "Twin", "note"] = "asked the lab"
    table.to_csv(path, index=False)
    second = run(tmp_path)
    targets = by_well(second, schema.TARGET)
    assert (targets["B06"], targets["B08"]) == ("BTK|SYK", "ABL|KIT|PDGFR")
    assert targets["B07"] == "JAK"
    assert not [d for d in second.doubts if not d.correction]
    third = run(tmp_path)
    assert [(d.found, d.correction, d.note) for d in third.doubts] == [
        (d.found, d.correction, d.note) for d in second.doubts
    ]
    assert "asked the lab" in {d.note for d in third.doubts}
    assert {d.status for d in third.doubts} == {"applied"}
    run(tmp_path, MAP.replace("Unheard-of", "Bosutinib"))
    gone = pd.read_csv(path, dtype=str).set_index("found")
    assert gone.loc["Unheard-of", "status"] == "no longer found"


def test_accepting_as_it_stands(tmp_path: Path) -> None:
    run(tmp_path)
    path = tmp_path / "out" / "corrections.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[table["found"] == "Unheard-of", "correction"] = "="
    table.to_csv(path, index=False)
    done = run(tmp_path)
    assert by_well(done, schema.COMPOUND)["B08"] == "Unheard-of"
    assert "Unheard-of" not in {d.found for d in done.doubts if d.status == "open"}


def test_wells_of_several_compounds_annotated_with_fewer(tmp_path: Path) -> None:
    """K-04: two ids were dispensed, one name was noted."""
    text = "plate,well,compound_id,compound_name\nP1,B02,S1026|S1014,Imatinib Mesylate\nP1,B03,S1026|S1014,\n"
    done = run(tmp_path, text)
    wells = [d for d in done.doubts if d.kind == "well"]
    assert [d.found for d in wells] == ["P1 B02"]
    assert "2 by compound_id" in wells[0].problem
    assert by_well(done, schema.TARGET)["B03"] == "ABL|KIT|PDGFR|SRC"
    rows = "plate,well,compound\nP1,B02,Imatinib\nP1,B02,Bosutinib\n"
    assert by_well(run(tmp_path, rows), schema.TARGET) == {"B02": "ABL|KIT|PDGFR|SRC"}


def test_the_plate_map_against_the_library(tmp_path: Path) -> None:
    text = "plate,well,compound,target\nP1,B02,Bosutinib,EGFR\nP1,B03,Enzastaurin,\nP1,B04,Imatinib,cKit\n"
    done = run(tmp_path, text)
    assert by_well(done, schema.TARGET) == {"B02": "EGFR", "B03": "PKC", "B04": "KIT"}
    assert [(d.kind, d.found) for d in done.doubts] == [("target of compound", "Bosutinib")]


def test_id_and_name_that_disagree_contradict(tmp_path: Path) -> None:
    done = run(tmp_path, "plate,well,compound_id,compound_name\nP1,B02,S1026,Enzastaurin\n")
    assert done.annotation.compounds["contradictory"] == 1


def test_smiles_and_inchikey_join(tmp_path: Path) -> None:
    library = "InChIKey,name,target,smiles\nAAAAAAAAAAAAAA-UHFFFAOYSA-N,One,JAK,CC\n"
    for column, cell in (("inchikey", "aaaaaaaaaaaaaa-uhfffaoysa-n"), ("SMILES", "CC")):
        done = run(tmp_path, f"well,{column}\nB02,{cell}\n", library)
        assert by_well(done, schema.TARGET) == {"B02": "JAK"}


def test_preprocess_takes_the_wells_unchanged(tmp_path: Path) -> None:
    run(tmp_path)
    keys = [("P1", f"B{column:02d}") for column in range(2, 9)]
    labels = join_metadata([tmp_path / "out" / "wells.csv"], keys).frame.set_index(schema.WELL)
    assert labels.loc["B03", schema.TARGET] == "ABL|KIT|PDGFR"
    assert labels.loc["B02", schema.ROLE] == "negcon"
    assert labels.loc["B03", schema.DOSE_UM] == 10.0


def test_a_vendors_workbook_with_a_heading(tmp_path: Path) -> None:
    body = [line.split(";") for line in ("Selleck;;", ";;", "Cat;Name;Target", "S1;Alpha;Chk1", "S2;Beta;PLK")]
    with pd.ExcelWriter(tmp_path / "lib.xlsx") as book:
        pd.DataFrame([["Dear customer"]]).to_excel(book, sheet_name="Notes", index=False, header=False)
        pd.DataFrame(body).to_excel(book, sheet_name="Library", index=False, header=False)
    maps = [write(tmp_path, "map.csv", "well,compound\nB02,S1\nB03,beta\n")]
    done = annotate(maps, [tmp_path / "lib.xlsx"], tmp_path / "out")
    assert by_well(done, schema.TARGET) == {"B02": "CHK", "B03": "PLK"}
    assert by_well(done, schema.PLATE) == {"B02": None, "B03": None} or set(by_well(done, schema.PLATE).values()) == {
        ""
    }
    assert schema.PLATE not in read_table(tmp_path / "out" / "wells.csv").columns


def test_small_classes_go_and_are_named(tmp_path: Path) -> None:
    text = "well,compound,target\nB02,A,EGFR\nB03,B,EGFR\nB04,C,JAK\nB05,DMSO,\n"
    done = annotate([write(tmp_path, "m.csv", text)], [], tmp_path / "out", min_compounds=2)
    assert any("1 of 2 classes have fewer than 2 compounds" in line and "JAK 1" in line for line in done.notes)
    wells = read_table(tmp_path / "out" / "wells.csv")
    assert wells[schema.TARGET].tolist() == ["EGFR", "EGFR", None, None]
    assert wells["Metadata_Target_all"].tolist()[2] == "JAK"


def test_the_thesis_counts_contradict_each_other() -> None:
    """3.2: 21 plates of 60 wells and nine sites make 11,340 images, not 12,300; 5.8 says 20 plates."""
    words = ["plates=21", "plates=20", "wells=60", "sites=9", "images=12300", "compounds=378", "doses=4"]
    checks = {c.check: c for c in audit_stated(parse_stated([*words, "doses_per_compound=3"]))}
    assert checks["images = plates × wells × sites"].found == "11340"
    assert "960 more are stated" in checks["images = plates × wells × sites"].text
    assert checks["plates that the images fill"].found == "22.8"
    assert checks["plates stated twice"].agrees == "no"
    assert checks["doses of a compound"].agrees == "no"
    assert checks["compounds × doses fit the wells"].agrees == "yes"


def test_counts_are_audited_against_a_table_of_images(tmp_path: Path) -> None:
    rows = [f"P1,B{w:02d},{s},DMSO,{'x' if (w, s) == (2, 1) else 1.5}" for w in (2, 3, 4) for s in range(1, 4)]
    rows += [rows[0]]
    del rows[4]
    text = "\n".join(["plate,well,site,compound,mean intensity", *rows])
    done = annotate([write(tmp_path, "dataset.csv", text)], [], tmp_path / "out", stated=["images=12", "columns=33"])
    said = " ".join(check.text for check in done.checks if check.agrees == "no")
    assert "12 images stated, 9 found" in said
    assert "33 columns stated, 5 found" in said
    assert "more than one row for P1 B02 1" in said
    assert "P1 B03 has 2" in said
    dictionary = read_table(tmp_path / "out" / "data_dictionary.csv")
    assert set(dictionary["table"]) == {"dataset.csv", "wells.csv"}


def test_errors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="no column names a compound"):
        run(tmp_path, library="a,b\n1,2\n")
    with pytest.raises(UsageError, match="wanted NAME=NUMBER"):
        run(tmp_path, stated=["plates:21"])
    with pytest.raises(MetadataError, match="no column for the well"):
        annotate([write(tmp_path, "c.csv", "compound,target\nA,EGFR\n")], [], tmp_path / "out")


def test_the_command(tmp_path: Path) -> None:
    maps, library = write(tmp_path, "map.csv", MAP), write(tmp_path, "library.csv", LIBRARY)
    words = ["annotate", str(maps), "--library", str(library), "--out", str(tmp_path / "out")]
    said = CliRunner().invoke(build_app(), words)
    assert said.exit_code == 0, said.output
    assert "4 joined, 1 unknown, 1 contradictory, 1 control" in said.output
    assert "3 entries to correct" in said.output
    assert said.output.strip().endswith("wells.csv")
