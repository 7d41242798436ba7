"""A small plate on the disk for the tests that ask for one and make none of their own."""

from pathlib import Path

import pytest
from tests.e2e.small_plate import write_plate


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    write_plate(tmp_path / "plates", "PlateA", 1)
    return tmp_path / "plates"
