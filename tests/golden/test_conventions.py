"""Every convention's own examples, read through the whole chain, and its template read back."""

from pathlib import Path

import pytest

from kinfast.plate.conventions import Convention, Example, shipped_conventions
from kinfast.plate.discovery import sample_files, scan_tree, score_conventions
from kinfast.plate.reading import read_tree
from kinfast.plate.template import make_path

CONVENTIONS = {convention.name: convention for convention in shipped_conventions()}
EXAMPLES = [
    pytest.param(convention, example, id=f"{convention.name}:{example.path}")
    for convention in CONVENTIONS.values()
    for example in convention.examples
]


def touch(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).touch()


def test_all_of_the_design_are_shipped() -> None:
    assert set(CONVENTIONS) == {
        "imagexpress", "phenix", "cellvoyager", "scanr", "incell", "cytation", "cellomics", "sbs", "embl", "generic",
    }  # fmt: skip
    assert all(len(convention.examples) >= 2 for convention in CONVENTIONS.values())


@pytest.mark.parametrize(("convention", "example"), EXAMPLES)
def test_an_example_is_read_as_it_says(tmp_path: Path, convention: Convention, example: Example) -> None:
    touch(tmp_path, example.path)
    (image,) = read_tree(scan_tree(tmp_path), convention).images
    for field, expected in example.fields.items():
        found = {"channel": image.token}.get(field, getattr(image, field, None))
        assert found == expected, f"{field} of {example.path}"


@pytest.mark.parametrize(("convention", "example"), EXAMPLES)
def test_an_example_is_detected_as_its_convention(tmp_path: Path, convention: Convention, example: Example) -> None:
    touch(tmp_path, example.path)
    scores = score_conventions(sample_files(scan_tree(tmp_path)), tuple(CONVENTIONS.values()))
    readers = [score.name for score in scores if score.share > 0 and not score.fallback]
    assert readers == ([] if convention.fallback else [convention.name])


@pytest.mark.parametrize("name", CONVENTIONS)
@pytest.mark.parametrize("guid", ["", "117654C10-92F1-4DFD-98AA-6A01BBD77557"[1:]])
def test_a_template_is_read_back(tmp_path: Path, name: str, guid: str) -> None:
    convention = CONVENTIONS[name]
    has = convention.template
    site = 3 if "{site" in has else 1
    plane = 2 if "{plane" in has else 1
    time = 4 if "{time" in has else 1
    path = make_path(
        convention, plate="P009063", well="G11", site=site, channel="2", channel_name="Mito", plane=plane, time=time,
        guid=guid,
    )  # fmt: skip
    touch(tmp_path, path)
    (image,) = read_tree(scan_tree(tmp_path), convention).images
    assert (image.plate, image.well, image.site, image.time) == ("P009063", "G11", site, time)
    assert image.token in ("2", "Mito")
    assert image.plane == (plane if "{plane" in has else None)
