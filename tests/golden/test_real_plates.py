"""The real plates, opened without a word of help: each must be understood."""

from collections import Counter
from pathlib import Path

import pytest

from kinfast.plate.open import open_plates
from kinfast.plate.plate_set import PlateSet

pytestmark = pytest.mark.data


def opened(test_data: Path, name: str, **options: object) -> PlateSet:
    return open_plates(test_data / "plates" / name, **options)  # type: ignore[arg-type]


def sites(found: PlateSet) -> dict[str, int]:
    return {plate.name: len(plate.sites) for plate in found.plates}


def test_bbbc013(test_data: Path) -> None:
    table = test_data / "plates/bbbc013/ExampleSBSImages/1049_Metadata.csv"
    found = opened(test_data, "bbbc013", spec="bbbc013", metadata=[table])
    assert (found.convention, sites(found), found.quarantine) == ("sbs", {"ExampleSBSImages": 96}, ())
    assert {site.key.site for site in found.plates[0].sites} == {1}
    assert Counter(found.labels["Metadata_Role"]) == {"trt": 72, "negcon": 16, "poscon": 8}
    assert found.audit == ()


def test_phenix_with_six_channels(test_data: Path) -> None:
    given = {"1": "Brightfield", "2": "ER", "3": "AGP", "4": "Mito", "5": "DNA", "6": "RNA"}
    found = opened(test_data, "phenix-cell-painting-6ch", channels=given)
    assert (found.convention, sites(found), found.quarantine) == ("phenix", {"phenix-cell-painting-6ch": 1}, ())
    assert found.spec.channel_names == ("DNA", "RNA", "ER", "AGP", "Mito", "Brightfield")
    assert found.spec.streams == ("MiCoPh", "SyHoPh")
    outlines = [file for file in found.ignored if "outlines" in file.path]
    assert len(outlines) == 2
    assert all(file.reason == "in a folder of segmentation results" for file in outlines)


def test_phenix_with_three_channels(test_data: Path) -> None:
    assert opened(test_data, "phenix-jump-3ch").spec.channel_names == ("ch2", "ch3", "ch5")
    found = opened(test_data, "phenix-jump-3ch", spec="jump")
    assert found.spec.channel_names == ("DNA", "RNA", "AGP")
    assert (sites(found), found.quarantine) == ({"phenix-jump-3ch": 1}, ())


def test_bbbc022(test_data: Path) -> None:
    found = opened(test_data, "imagexpress-bbbc022-dna")
    assert (found.convention, sites(found)) == ("imagexpress", {"BBBC022_v1_images_20585": 7})
    per_well = Counter(site.key.well for site in found.plates[0].sites)
    assert per_well == {"A01": 3, "E05": 1, "E07": 2, "E08": 1}
    assert found.spec.channel_names == ("ch1",)


def test_beads(test_data: Path) -> None:
    several = opened(test_data, "imagexpress-beads", plates=["1well-3C-2S-Zmix-T"])
    assert [str(site.key) for site in several.plates[0].sites] == [
        f"1well-3C-2S-Zmix-T C07 s{site}{time}" for site in (1, 2) for time in ("", " t2")
    ]
    assert several.spec.channel_names == ("ch1", "ch2", "ch3")
    single = opened(test_data, "imagexpress-beads", plates=["SingleChannel"])
    assert (sites(single), single.quarantine) == ({"SingleChannel": 4}, ())
    assert all(files[0].plane is None for site in single.plates[0].sites for files in site.channels)
    reasons = Counter(file.reason for file in single.ignored)
    assert reasons["a thumbnail"] == 12
    assert reasons["a Z step of a site whose projection is on disk"] == 8


def test_the_two_bead_plates_are_plates_by_themselves(test_data: Path) -> None:
    for name, count in (("1well-3C-2S-Zmix-T", 4), ("SingleChannel", 4)):
        assert sites(opened(test_data, f"imagexpress-beads/{name}")) == {name: count}


def test_cv8000(test_data: Path) -> None:
    found = opened(test_data, "cv8000-blank")
    (plate,) = found.plates
    assert (found.convention, plate.name) == ("cellvoyager", "CV8000-Minimal-DataSet-2C-3W-4S-FP2-stack")
    assert {site.key.well for site in plate.sites} == {"D08", "E03", "F08"}
    assert (len(plate.sites), [len(files) for files in plate.sites[0].channels]) == (12, [4, 4])
    assert found.pixel_um == {plate.name: 0.325}
    reasons = Counter(file.reason for file in found.ignored)
    assert reasons["a shading correction image (SC)"] == 4
    assert reasons["a dark image of the camera (DC)"] == 2
