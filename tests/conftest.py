"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real plates, TIFF corpora and metadata; a visible skip where it is not at hand."""
    folder = os.environ.get("KINFAST_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("KINFAST_TEST_DATA is not set: the real plates and corpora are not at hand")
    return Path(folder).resolve()
