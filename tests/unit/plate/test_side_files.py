"""The microscopes' own tables beside the images."""

from pathlib import Path

from kinfast.plate.open import open_plates
from kinfast.plate.side_files import read_side_files

from .conftest import MakeTree

NEW_INDEX = """<?xml version="1.0"?>
<EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV6" Version="2">
  <Plates><Plate><PlateID>BR1</PlateID><Name>Barcode 1</Name></Plate></Plates>
  <Maps>
    <Map><Entry ChannelID="1"><FlatfieldProfile>{}</FlatfieldProfile></Entry></Map>
    <Map>
      <Entry ChannelID="1"><ChannelName>HOECHST 33342</ChannelName>
        <ImageResolutionX Unit="m">5.98E-07</ImageResolutionX></Entry>
      <Entry ChannelID="2"><ChannelName>Alexa 488</ChannelName>
        <ImageResolutionX Unit="m">5.98E-07</ImageResolutionX></Entry>
    </Map>
  </Maps>
  <Images><Image><id>0201K1F1P1R1</id><ChannelID>1</ChannelID></Image></Images>
</EvaluationInputData>"""
OLD_INDEX = """<EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5">
  <Plates><Plate><PlateID>BR1</PlateID></Plate></Plates>
  <Images>
    <Image><ChannelID>1</ChannelID><ChannelName>HOECHST 33342</ChannelName>
        <ImageResolutionX Unit="m">5.98E-07</ImageResolutionX></Image>
    <Image><ChannelID>2</ChannelID><ChannelName>Alexa 488</ChannelName>
        <ImageResolutionX Unit="m">5.98E-07</ImageResolutionX></Image>
  </Images>
</EvaluationInputData>"""
PHENIX = [f"BR1/Images/r02c02f01p01-ch{channel}sk1fk1fl1.tiff" for channel in (1, 2)]


def test_both_kinds_of_harmony_index(make_tree: MakeTree) -> None:
    root = make_tree(PHENIX)
    for text in (NEW_INDEX, OLD_INDEX):
        (root / "BR1/Images/Index.idx.xml").write_text(text)
        found = open_plates(root, spec="cell_painting")
        assert found.pixel_um == {"BR1": 0.598}
        assert [files[0].path for files in found.plates[0].sites[0].channels] == PHENIX
        assert found.spec.channel_names == ("DNA", "ER")
    assert any("the microscope's own table" in file.reason for file in found.ignored)


def test_without_a_spec_the_microscopes_words_are_shown(make_tree: MakeTree) -> None:
    root = make_tree(PHENIX)
    (root / "BR1/Images/Index.idx.xml").write_text(NEW_INDEX)
    assert any("1 HOECHST 33342, 2 Alexa 488" in note for note in open_plates(root).notes)


def test_a_broken_side_file_is_said_and_survived(make_tree: MakeTree) -> None:
    root = make_tree(PHENIX)
    (root / "BR1/Images/Index.idx.xml").write_text(NEW_INDEX[:300])
    found = open_plates(root)
    assert len(found.plates[0].sites) == 1
    assert any("Index.idx.xml cannot be read" in note for note in found.notes)


def test_yokogawa(tmp_path: Path) -> None:
    (tmp_path / "P").mkdir()
    (tmp_path / "P/MeasurementDetail.mrf").write_text(
        '<bts:MeasurementDetail xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0">'
        '<bts:MeasurementSamplePlate bts:Name="Assay-7"/>'
        '<bts:MeasurementChannel bts:Ch="1" bts:HorizontalPixelDimension="0.325"/></bts:MeasurementDetail>'
    )
    (tmp_path / "P/MeasurementData.mlf").write_text(
        '<bts:MeasurementData xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0">'
        '<bts:MeasurementRecord bts:Type="IMG">a.tif</bts:MeasurementRecord>'
        '<bts:MeasurementRecord bts:Type="ERR">no focus</bts:MeasurementRecord></bts:MeasurementData>'
    )
    detail, data = read_side_files(tmp_path, ["P"], ["MeasurementDetail.mrf", "MeasurementData.mlf"])
    assert (detail.plate, detail.pixel_um) == ("Assay-7", 0.325)
    assert data.n_images == 1
