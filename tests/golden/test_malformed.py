"""Broken and hostile files: pixels or a typed error, within 2 s and 500 MB each."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = Path(__file__).parent / "malformed_probe.py"


@pytest.mark.data
@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited through /proc and RLIMIT_AS")
def test_each_malformed_file_gives_pixels_or_a_typed_error(
    test_data: Path, record_property: pytest.FixtureRequest
) -> None:
    folder = test_data / "tiff" / "malformed"
    run = subprocess.run([sys.executable, str(PROBE), str(folder)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr  # no crash, and the limit on memory was never met outside of an error
    results = json.loads(run.stdout)
    untyped = [result for result in results if result["outcome"].startswith("UNTYPED")]
    slow = [result for result in results if result["seconds"] >= 2]
    assert untyped == []
    assert slow == []
    n_pixels = sum(result["outcome"].startswith("pixels") for result in results)
    record_property("malformed", f"{n_pixels} pixels, {len(results) - n_pixels} typed errors")
    assert len(results) > 180
    assert n_pixels < len(results)
