"""Tables of metadata in the dialects that people use."""

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from kinfast import schema
from kinfast.errors import MetadataError
from kinfast.plate.metadata import Labels, join_metadata
from kinfast.plate.table_columns import dose_factor, parse_dose, unit_factor, word
from kinfast.plate.tables import read_table

WELLS = [(plate, well) for plate in ("P1", "P2") for well in ("B02", "B03")]


def write(folder: Path, text: str, name: str = "map.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def join(folder: Path, *texts: str, **options: object) -> Labels:
    paths = [write(folder, text, f"table{index}.csv") for index, text in enumerate(texts)]
    return join_metadata(paths, WELLS, **options)  # type: ignore[arg-type]


def column(labels: Labels, name: str) -> list[object]:
    return [None if value != value else value for value in labels.frame[name].tolist()]


@pytest.mark.parametrize(
    "text",
    [
        "plate,well,compound\nP1,B2,DMSO\nP1,B3,x\nP2,B2,y\nP2,B3,z\n",
        "Metadata_Plate;Metadata_Well;Compound Name\nP1;b02;DMSO\nP1;B-03;x\nP2;B02;y\nP2;B03;z\n",
        "Assay_Plate_Barcode\twell_position\tpert_iname\nP1\tB02\tDMSO\nP1\tB03\tx\nP2\tB02\ty\nP2\tB03\tz\n",
        "barcode,row,col,drug\nP1,2,2,DMSO\nP1,2,3,x\nP2,2,2,y\nP2,2,3,z\n",
        "Barcode,Row,Column,Drug Name\nP1,B,02,DMSO\nP1,B,03,x\nP2,B,2,y\nP2,B,3,z\n",
        "plate id,Well Name,Compound ID\np1,r02c02,DMSO\np1,r2c3,x\np2,B02,y\np2,B03,z\n",
        "\ufeffplate,well,compound\r\nP1,B2,DMSO\r\nP1,B3,x\r\nP2,B2,y\r\nP2,B3,z\r\n",
        "plate,well,compound\rP1,B2,DMSO\rP1,B3,x\rP2,B2,y\rP2,B3,z",
    ],
)
def test_a_dialect_is_understood(tmp_path: Path, text: str) -> None:
    (tmp_path / "map.csv").write_bytes(text.encode())
    labels = join_metadata([tmp_path / "map.csv"], WELLS)
    assert column(labels, schema.COMPOUND) == ["DMSO", "x", "y", "z"]
    assert column(labels, schema.ROLE) == ["negcon", "trt", "trt", "trt"]
    assert list(zip(labels.frame[schema.PLATE], labels.frame[schema.WELL], strict=True)) == WELLS


def test_excel_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Plate": ["P1", "P1"], "Well": ["B2", "B3"], "Conc (nM)": [10.0, 2500.0], "Lot": [7, 8]})
    frame.to_excel(tmp_path / "map.xlsx", index=False)
    labels = join_metadata([tmp_path / "map.xlsx"], WELLS)
    assert column(labels, schema.DOSE_UM) == [0.01, 2.5, None, None]
    assert column(labels, "Metadata_Lot") == [7.0, 8.0, None, None]


def workbook(path: Path, rows: list[list[object]], merged: str = "", second: str = "") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    if merged:
        sheet.merge_cells(merged)
    if second:
        book.create_sheet(second)
    book.save(path)
    return path


@pytest.mark.parametrize(
    "above",
    [[["Screen of May"], []], [["Position", None, "Treatment", None]], [["Screen", "of May"], ["by hand", 3.5, "x"]]],
)
def test_what_stands_above_a_header_is_passed_over(tmp_path: Path, above: list[list[object]]) -> None:
    rows = [*above, ["Plate", "Well", "Compound", "Lot"], ["P1", "b2", "DMSO", 1], ["P1", "B003", "x", 2]]
    labels = join_metadata([workbook(tmp_path / "map.xlsx", rows)], WELLS)
    assert column(labels, schema.COMPOUND) == ["DMSO", "x", None, None]
    text = "\n".join(";".join("" if cell is None else str(cell) for cell in row) for row in rows)
    assert column(join(tmp_path, text), schema.COMPOUND) == ["DMSO", "x", None, None]


def test_a_merged_cell_stands_for_all_it_covers(tmp_path: Path) -> None:
    """The second well had no plate, and its row was dropped without a word."""
    rows = [["Plate", "Well", "Compound"], ["P1", "B2", "x"], [None, "B3", "y"]]
    labels = join_metadata([workbook(tmp_path / "map.xlsx", rows, "A2:A3")], WELLS)
    assert column(labels, schema.COMPOUND) == ["x", "y", None, None]
    said = join_metadata([workbook(tmp_path / "map.xlsx", rows)], WELLS).notes
    assert "map.xlsx: rows without a plate or a well, not used: 3" in said


def test_a_table_of_one_column_may_hold_commas(tmp_path: Path) -> None:
    assert read_table(write(tmp_path, "drug\n1,2-dichloro\nx\n"))["drug"].tolist() == ["1,2-dichloro", "x"]


def test_files_that_are_no_text_say_what_they_are(tmp_path: Path) -> None:
    plain = "plate,well,compound\nP1,B2,x\n"
    (tmp_path / "unicode.txt").write_bytes(plain.replace(",", "\t").encode("utf-16"))
    assert column(join_metadata([tmp_path / "unicode.txt"], WELLS), schema.COMPOUND)[0] == "x"
    for content, message in (
        (b"\xd0\xcf\x11\xe0" + bytes(99), "an Excel workbook of before 2007; wanted a CSV, TSV or .xlsx"),
        (b"PAR1" + bytes(99), "bytes that are no text"),
        (b"PK\x03\x04" + bytes(99), "is no table that can be read"),
    ):
        (tmp_path / "map.xls").write_bytes(content)
        with pytest.raises(MetadataError, match=message):
            join_metadata([tmp_path / "map.xls"], WELLS)
    with pytest.raises(MetadataError, match=r"sheet Sheet \(not read: map\): has no rows"):
        join_metadata([workbook(tmp_path / "map.xlsx", [["notes"]], second="map")], WELLS)
    with pytest.raises(MetadataError, match="is a folder"):
        join_metadata([tmp_path], WELLS)


def test_two_columns_of_one_name_are_both_kept(tmp_path: Path) -> None:
    """The second had taken the first one's place."""
    labels = join(tmp_path, "well,compound,compound,lot,lot\nB02,x,y,1,1\n")
    assert column(labels, schema.COMPOUND)[0] == "x"
    assert column(labels, "Metadata_compound_(2)")[0] == "y"
    assert labels.notes[0] == "table0.csv: two columns are called compound: the second is kept as compound (2)"
    assert "Metadata_lot_(2)" not in labels.frame


@pytest.mark.parametrize(
    ("cells", "doses"),
    [
        (["1,000", "2,500.5"], [1000, 2500.5]),
        (["1,000", "10,000,000"], [1000, 1e7]),
        (["1,250", "0,625"], [1.25, 0.625]),
        (["1,250", "2,5"], [1.25, 2.5]),
        (["1,000", "0.5"], [1000, 0.5]),
    ],
)
def test_other_doses_of_a_column_tell_what_a_comma_is(tmp_path: Path, cells: list[str], doses: list[float]) -> None:
    """1,000 nM was read as 1 nM."""
    labels = join(tmp_path, "well;plate;conc (uM)\n" + "".join(f"B0{i};P1;{cell}\n" for i, cell in enumerate(cells, 2)))
    assert column(labels, schema.DOSE_UM)[:2] == doses


def test_a_table_without_plates_holds_for_each(tmp_path: Path) -> None:
    labels = join(tmp_path, "well,target\nB02,EGFR\nB03,Src\n")
    assert column(labels, schema.TARGET) == ["EGFR", "Src", "EGFR", "Src"]
    assert "by well, the same on every plate" in labels.notes[0]


def test_what_does_not_join_is_listed_on_both_sides(tmp_path: Path) -> None:
    labels = join(tmp_path, "plate,well,compound\nP1,B02,x\nP1,H12,y\nP9,B02,z\n")
    said = "\n".join(labels.notes)
    assert "table0.csv: 3 rows joined by plate and well to 1 of 4 wells" in said
    assert "wells without images: 1: P1 H12" in said
    assert "plates without images: 1: P9" in said
    assert "wells without a row in the metadata: 3 of 4: P1 B03, P2 B02, P2 B03" in said


def test_a_table_of_other_plates_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match=r"no row fits a well: .*8, Q9"):
        join(tmp_path, "plate,well,compound\nQ8,B02,x\nQ9,B02,y\n")


def test_a_barcode_inside_a_folders_name_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "barcode,well,compound\n20585,B02,x\n")
    labels = join_metadata([path], [("BBBC022_v1_images_20585", "B02"), ("BBBC022_v1_images_120585", "B02")])
    assert column(labels, schema.COMPOUND) == [None, "x"]
    assert any("plate 20585 taken as BBBC022_v1_images_20585" in note for note in labels.notes)


def test_aliases_join_a_repeated_measurement(tmp_path: Path) -> None:
    path = write(tmp_path, "barcode,well,compound\nBR1,B02,x\n")
    labels = join_metadata([path], [("BR1-Measurement2", "B02")], {"BR1-Measurement2": ("BR1",)})
    assert column(labels, schema.COMPOUND) == ["x"]


def test_plate_maps_are_joined_through_barcodes(tmp_path: Path) -> None:
    maps = [
        write(tmp_path, f"plate_map_name,well_position,broad_sample,mmoles_per_liter,solvent\n{name},B02,BRD-{name},"
              f"0.003,DMSO\n{name},B03,,,DMSO\n", f"{name}.txt")
        for name in ("M1", "M2")
    ]  # fmt: skip
    barcodes = write(tmp_path, "Assay_Plate_Barcode,Plate_Map_Name,Batch\nP1,M2,a\nP2,M1,b\n", "barcodes.csv")
    labels = join_metadata([*maps, barcodes], WELLS)
    assert column(labels, schema.COMPOUND) == ["BRD-M2", "DMSO", "BRD-M1", "DMSO"]
    assert column(labels, schema.DOSE_UM) == [3.0, None, 3.0, None]
    assert column(labels, schema.ROLE) == ["trt", "negcon", "trt", "negcon"]
    assert column(labels, "Metadata_Batch") == ["a", "a", "b", "b"]
    with pytest.raises(MetadataError, match="no table says which plate has which"):
        join_metadata(maps, WELLS)


def test_a_compound_table_is_joined_by_the_id_both_have(tmp_path: Path) -> None:
    labels = join(
        tmp_path,
        "well,broad_sample\nB02,BRD-1\nB03,\n",
        "broad_sample,pert_iname,target_list,pert_type,control_type\nBRD-1,dasatinib,ABL1|SRC,trt,NA\n"
        ",DMSO,,control,negcon\n",
    )
    assert column(labels, schema.COMPOUND)[:2] == ["dasatinib", "DMSO"]
    assert column(labels, schema.TARGET)[:2] == ["ABL1|SRC", None]
    assert column(labels, schema.ROLE)[:2] == ["trt", "negcon"]
    assert column(labels, "Metadata_broad_sample")[:2] == ["BRD-1", None]


def test_a_compound_table_with_doses_is_joined_by_both(tmp_path: Path) -> None:
    labels = join(
        tmp_path, "well,Compound,Concentration\nB02,x,1.0\nB03,x,3\n", "compound,concentration,moa\nx,1,Kinase\n"
    )
    assert column(labels, "Metadata_moa") == ["Kinase", None, "Kinase", None]


def test_tables_that_disagree_say_so_and_the_first_is_kept(tmp_path: Path) -> None:
    labels = join(tmp_path, "well,target\nB02,EGFR\nB03,Src\n", "plate,well,target\nP1,B02,Raf\n")
    assert column(labels, schema.TARGET)[0] == "EGFR"
    assert any("P1 B02: target is 'Raf' here and 'EGFR' in a table before" in note for note in labels.notes)


def test_several_compounds_in_a_well_are_kept_and_said(tmp_path: Path) -> None:
    labels = join(tmp_path, "well,compound,x_um_pos\nB02,a,1\nB02,b,2\nB03,a,1\n")
    assert column(labels, schema.COMPOUND)[0] == "a|b"
    said = "\n".join(labels.notes)
    assert "wells with several values of compound, joined by |: 2: P1 B02, P2 B02" in said
    assert "columns that differ within a well are left out: x_um_pos" in said


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("well,role,compound\nB02,control,DMSO\nB03,control,staurosporine\n", ["negcon", "poscon"]),
        ("well,role,compound\nB02,compound,x\nB03,control,\n", ["trt", "negcon"]),
        ("well,pert_type,control_type\nB02,control,poscon_diverse\nB03,control,negcon\n", ["poscon", "negcon"]),
        ("well,pert_type,control_type\nB02,trt,\nB03,control,poscon_cp\n", ["trt", "poscon"]),
        ("well,SBS_Controls\nB02,-1\nB03,1\n", ["negcon", "poscon"]),
        ("well,SBS_Controls\nB02,0\nB03,1\n", ["trt", "poscon"]),
        ("well,Well Type,compound\nB02,Negative control,x\nB03,Treated,y\n", ["negcon", "trt"]),
        ("well,compound\nB02,Vehicle\nB03,dimethyl sulfoxide\n", ["negcon", "negcon"]),
    ],
)
def test_roles_in_many_words(tmp_path: Path, text: str, roles: list[str]) -> None:
    assert column(join(tmp_path, text), schema.ROLE)[:2] == roles


def test_an_unknown_role_is_said_and_kept_apart(tmp_path: Path) -> None:
    labels = join(tmp_path, "well,role,compound\nB02,blank,\nB03,trt,x\n")
    assert column(labels, schema.ROLE)[:2] == [None, "trt"]
    assert column(labels, "Metadata_role")[:2] == ["blank", "trt"]
    assert any("not understood as a role: blank (wells: 2)" in note for note in labels.notes)


def test_dmso_is_a_negative_control_and_it_is_said(tmp_path: Path) -> None:
    labels = join(tmp_path, "well,compound\nB02,DMSO\nB03,x\n")
    assert any("wells taken as negcon because their compound is DMSO or none: 2" in note for note in labels.notes)


def test_other_columns_are_kept_under_their_names(tmp_path: Path) -> None:
    labels = join(tmp_path, "well,SBS_Doses,Cell line,batch,image_number,FileName_DNA\nB02,3,U2OS,007,1,a.tif\n")
    assert labels.frame.columns.tolist()[6:] == ["Metadata_SBS_Doses", "Metadata_Cell_line", "Metadata_Batch"]
    assert column(labels, "Metadata_SBS_Doses")[0] == 3.0
    assert column(labels, "Metadata_Batch")[0] == "007"


@pytest.mark.parametrize("header", ["batch", "BATCH", "Metadata_Batch"])
def test_a_batch_is_one_however_it_is_spelled(tmp_path: Path, header: str) -> None:
    """`batch` in small letters was another column, and --intensity batch took all plates for one batch."""
    labels = join(tmp_path, f"well,{header}\nB02,b1\n")
    assert column(labels, schema.BATCH)[0] == "b1"


def test_types_do_not_depend_on_what_is_missing(tmp_path: Path) -> None:
    full = join(tmp_path, "well,compound,target,dose,role\nB02,x,t,1,trt\nB03,y,u,2,trt\n")
    none = join_metadata([], WELLS)
    for name in (schema.COMPOUND, schema.TARGET, schema.ROLE, schema.DOSE_UM):
        assert full.frame[name].dtype == none.frame[name].dtype
    assert none.frame[schema.COMPOUND].isna().all()
    assert (len(none.frame), none.notes) == (4, ())


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("concentration", 1.0), ("Concentration_um", 1.0), ("dose (µM)", 1.0), ("Metadata_Dose_um", 1.0),
        ("mmoles_per_liter", 1e3), ("concentration_mM", 1e3), ("Final Conc. [uM]", 1.0), ("dose_M", 1e6),
        ("Image_Metadata_Concentration", 1.0), ("SBS_Doses", None), ("dose_index", None), ("mg_per_ml", None),
        ("compound_concentration_uM", 1.0), ("conc_pM", 1e-6), ("conc nM", 1e-3),
    ],
)  # fmt: skip
def test_units_of_dose_columns(header: str, factor: float | None) -> None:
    assert dose_factor(header) == factor


@pytest.mark.parametrize(
    ("cell", "factor", "dose"),
    [
        ("10", 1.0, 10),
        ("0.003", 1e3, 3),
        ("500 nM", 1.0, 0.5),
        ("2,5", 1.0, 2.5),
        ("1e-1 µM", 1e3, 0.1),
        ("3mM", 1.0, 3e3),
    ],
)
def test_doses(cell: str, factor: float, dose: float) -> None:
    assert parse_dose(cell, factor) == dose


def test_a_unit_column_and_a_missing_unit(tmp_path: Path) -> None:
    labels = join(tmp_path, "well,pert_dose,pert_dose_unit\nB02,500,nM\nB03,2,uM\n")
    assert column(labels, schema.DOSE_UM)[:2] == [0.5, 2.0]
    said = join(tmp_path, "well,dose\nB02,500\n").notes
    assert any("column dose names no unit: its numbers are taken as µM" in note for note in said)
    with pytest.raises(MetadataError, match="'furlong' is no unit"):
        unit_factor("furlong")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("well,dose\nB02,much\n", "column dose, P1 B02: 'much' is no dose"),
        ("well,dose\nB02,1.2.3\n", "column dose, P1 B02: '1.2.3' is no dose"),
        ('well,dose\nB02,"1,000"\n', "'1,000' may be a thousand or one: write 1000"),
        ("well,compound\nZZZ,x\n", "table0.csv, row 2: 'ZZZ' is no well"),
        ("compound,target\nx,t\n", "no column for the well"),
        ("alpha,beta\nx,t\n", "none is a well, a plate map or a compound"),
        ("well,compound\nB02,x,extra\n", "row 2 has more cells than the header"),
        ("well,compound\n", "has no rows"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MetadataError, match=message):
        join(tmp_path, text)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="no such file"):
        join_metadata([tmp_path / "none.csv"], WELLS)


def test_words() -> None:
    assert word("Image_Metadata_Plate_DAPI") == "platedapi"
    assert word("Well Name") == word("well_name") == word("Metadata_WellName") == "wellname"
