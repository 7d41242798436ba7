"""Data-set specs: what ships, and errors that name the key."""

from pathlib import Path

import pytest

from kinfast.errors import SpecError
from kinfast.plate.specs import find_spec, load_spec, shipped_specs


def test_the_specs_of_the_design_are_shipped() -> None:
    assert {"kinase_u2os", "cell_painting", "jump", "bbbc013"} <= set(shipped_specs())
    for name in shipped_specs():
        assert load_spec(name).name == name


def test_the_thesis_data_set() -> None:
    """Thesis 3.2: U2OS, 48 h, 100 µL; wavelengths 1 to 5 are Hoechst, SYTO 9, MitoTracker, ConA, phalloidin + WGA."""
    spec = load_spec("kinase_u2os")
    assert (spec.cell_line, spec.treatment_hours, spec.well_volume_ul) == ("U2OS", 48, 100)
    by_wavelength = {channel.wavelength[0]: (channel.name, channel.stain) for channel in spec.channels}
    assert by_wavelength == {
        "1": ("DNA", "Hoechst 33342"),
        "2": ("RNA", "SYTO 9"),
        "3": ("Mito", "MitoTracker Deep Red"),
        "4": ("ER", "Concanavalin A"),
        "5": ("AGP", "phalloidin + WGA"),
    }
    assert spec.composites["MiCoPh"] == ("Mito", "ER", "AGP")
    assert spec.composites["MiSyHo"] == ("Mito", "RNA", "DNA")
    assert spec.composites["SyHoPh"] == ("RNA", "DNA", "AGP")
    assert spec.streams == ("MiCoPh", "SyHoPh")


def test_two_channels_make_two_composites() -> None:
    spec = load_spec("bbbc013")
    assert spec.channel_names == ("FKHR-GFP", "DNA")
    assert len(spec.streams) == 2
    assert spec.nuclei_channel == "DNA"


def test_a_folder_brings_its_own_spec(tmp_path: Path) -> None:
    assert find_spec(tmp_path) is None
    text = "extends: kinase_u2os\nname: mine\nmetadata: metadata.csv\npixel_um: 0.656\nquality: {dark_counts: 12}\n"
    (tmp_path / "dataset.yaml").write_text(text)
    spec = find_spec(tmp_path)
    assert spec is not None
    assert (spec.name, spec.metadata, spec.pixel_um, spec.quality) == (
        "mine",
        "metadata.csv",
        0.656,
        {"dark_counts": 12},
    )
    assert spec.streams == ("MiCoPh", "SyHoPh")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: kinase_u2os\nwell_volume_ul: lots", r"well_volume_ul: .*number.*found 'lots'"),
        ("name: x", r"channels: Field required"),
        ("name: x\nchannels: [{nme: DNA}]", r"yaml: channels\.0\.name: Field required; \d more"),
        ("extends: kinase_u2os\nstreams: [Mitsy]", r"yaml: streams: Mitsy is no composite \(they are MiCoPh"),
        ("extends: kinase_u2os\ncomposites: {A: [DNA, DNA, DAN]}", r"composites\.A: DAN is no channel"),
        ("extends: kinase_u2os\nnuclei_channel: Nuc", r"nuclei_channel: Nuc is no channel"),
        ("extends: kinase_u2os\ncell_lines: U2OS", r"cell_lines: Extra inputs"),
        ("extends: dataset.yaml", r"extends: goes round in a circle"),
        ("extends: nonesuch", r"spec 'nonesuch': neither a file nor one of"),
        ("- a\n- b", r"found list, wanted a mapping"),
        ("a: [", r"is no YAML"),
    ],
)
def test_an_error_names_the_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "dataset.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=message):
        load_spec(str(path))
