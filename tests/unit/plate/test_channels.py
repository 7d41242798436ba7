"""Which channel a token means."""

import pytest

from kinfast.errors import SpecError, UsageError
from kinfast.plate.channels import map_channels, parse_channel_map
from kinfast.plate.specs import load_spec


def test_exactly_five_wavelengths_are_the_thesis() -> None:
    mapped = map_channels("12345", None)
    assert mapped.spec.name == "kinase_u2os"
    assert mapped.names == {"1": "DNA", "2": "RNA", "3": "Mito", "4": "ER", "5": "AGP"}


def test_others_are_called_as_found_in_natural_order() -> None:
    mapped = map_channels(["10", "2", "1"], None)
    assert mapped.spec.channel_names == ("ch1", "ch2", "ch10")
    assert (mapped.spec.composites, mapped.spec.streams) == ({}, ())


def test_words_in_names_are_channels_as_they_stand() -> None:
    mapped = map_channels(["DAPI", "473 - Green", "01"], None)
    assert set(mapped.names.values()) == {"DAPI", "473-Green", "ch01"}
    assert "no cells are counted" in mapped.notes[0]
    assert map_channels(["DNA", "ER"], None).spec.nuclei_channel == "DNA"


def test_names_by_hand_make_the_standard_composites_possible() -> None:
    given = parse_channel_map("1=Brightfield, 2=ER,3=AGP,4=Mito,5=DNA,6=RNA")
    mapped = map_channels("123456", None, given)
    assert mapped.spec.channel_names == ("DNA", "RNA", "ER", "AGP", "Mito", "Brightfield")
    assert set(mapped.spec.composites) == {"MiCoPh", "MiSyHo", "SyHoPh"}
    assert mapped.spec.streams == ("MiCoPh", "SyHoPh")
    assert mapped.spec.nuclei_channel == "DNA"


def test_a_channel_named_twice_by_hand_is_refused() -> None:
    with pytest.raises(UsageError, match="channel 1 is given twice: DNA and ER"):
        parse_channel_map("1=DNA,1=ER")


def test_a_channel_is_left_out_by_hand() -> None:
    mapped = map_channels("123", None, {"w1": "-", "3": "DNA"})
    assert mapped.names == {"2": "ch2", "3": "DNA"}
    assert mapped.spec.channel_names == ("DNA", "ch2")


def test_names_by_hand_go_before_the_specs() -> None:
    mapped = map_channels("12345", load_spec("kinase_u2os"), {"1": "RNA", "2": "DNA"})
    assert {mapped.names["1"], mapped.names["2"], mapped.names["3"]} == {"RNA", "DNA", "Mito"}


def test_channels_that_no_image_shows_leave_the_spec_and_it_is_said() -> None:
    mapped = map_channels("235", load_spec("jump"))
    assert mapped.spec.channel_names == ("DNA", "RNA", "AGP")
    assert mapped.names == {"2": "AGP", "3": "RNA", "5": "DNA"}
    assert set(mapped.spec.composites) == {"SyHoPh"}
    assert mapped.spec.streams == ()
    assert "no image at all of ER, Mito" in mapped.notes[0]


def test_channels_outside_the_spec_are_said() -> None:
    mapped = map_channels("123456", load_spec("kinase_u2os"))
    assert "6" not in mapped.names
    assert any(note.startswith("channel 6 is not in the spec") for note in mapped.notes)


def test_the_microscopes_own_names_go_before_numbers() -> None:
    """On this Phenix, channel 1 is the nuclei: the dye's name says so, and the spec's number would be wrong."""
    called = {"1": "HOECHST 33342", "2": "Alexa 568", "3": "Alexa 647", "4": "Alexa 488", "5": "488 long"}
    mapped = map_channels("12345", load_spec("jump"), None, called)
    assert mapped.names == {"1": "DNA", "2": "AGP", "3": "Mito", "4": "ER", "5": "RNA"}


def test_dyes_in_names_are_recognised() -> None:
    mapped = map_channels(["DAPI", "GFP", "Texas Red", "Cy5"], load_spec("cell_painting"))
    assert mapped.names == {"DAPI": "DNA", "GFP": "ER", "Texas Red": "AGP", "Cy5": "Mito"}


def test_a_spec_that_knows_no_channel_here_says_what_to_do() -> None:
    with pytest.raises(
        SpecError, match=r"spec bbbc013 wants FKHR-GFP \(1\), DNA \(2\); the names show only 7, 8.*--chan"
    ):
        map_channels("78", load_spec("bbbc013"))


@pytest.mark.parametrize(
    ("text", "message"), [("1", "wanted token=name"), ("=DNA", "wanted token=name"), ("", "wanted token=name")]
)
def test_a_map_that_is_none(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_channel_map(text)


def test_a_map_that_does_not_fit_the_images() -> None:
    with pytest.raises(UsageError, match="no image is of channel '9'; the names show 1, 2"):
        map_channels("12", None, {"9": "DNA"})
    with pytest.raises(UsageError, match="two channels are called DNA"):
        map_channels("12", None, {"1": "DNA", "2": "DNA"})
    with pytest.raises(SpecError, match="--channels"):
        map_channels("12", None, {"1": "a/b"})
