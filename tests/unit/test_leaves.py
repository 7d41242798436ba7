"""The leaves of the house: wells, keys, errors."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfast.domain import SiteKey, parse_well, well_name, well_position
from kinfast.errors import InputError, KinfastError, LeakError


@pytest.mark.parametrize(
    ("text", "well"),
    [
        ("B2", "B02"),
        ("b02", "B02"),
        ("B-02", "B02"),
        ("B_2", "B02"),
        ("r02c02", "B02"),
        ("R2C3", "B03"),
        ("P24", "P24"),
        ("AF48", "AF48"),
        ("r32c48", "AF48"),
        (" A01 ", "A01"),
    ],
)
def test_wells_are_read_in_every_usual_spelling(text: str, well: str) -> None:
    assert parse_well(text) == well


@pytest.mark.parametrize("text", ["", "2B", "B", "A00", "B002x", "r0c1", "well B2"])
def test_what_is_no_well_is_named_in_the_error(text: str) -> None:
    with pytest.raises(InputError, match="is no well"):
        parse_well(text)


@given(row=st.integers(1, 52), column=st.integers(1, 99))
def test_a_well_and_its_position_are_each_others_inverse(row: int, column: int) -> None:
    assert well_position(well_name(row, column)) == (row, column)


def test_a_key_is_written_for_people_and_sorts_by_plate_well_site_time() -> None:
    first, later = SiteKey("P1", well_name(2, 2), 1), SiteKey("P1", well_name(2, 2), 1, 2)
    assert str(first) == "P1 B02 s1"
    assert str(later) == "P1 B02 s1 t2"
    assert first < later


def test_a_users_error_exits_with_2() -> None:
    assert issubclass(LeakError, KinfastError)
    assert LeakError("x").exit_code == 2


def test_labels_are_taken_without_loading_a_validator() -> None:
    loaded = "import sys, kinfast.data.labels; print([name for name in ('pydantic', 'yaml') if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"
