"""The benchmark's smoke mode: it runs without BaSiCPy, and says that it did."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_illumination_benchmark_runs_at_a_tiny_size() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.illumination"],
        cwd=ROOT,
        env={**os.environ, "KINFAST_BENCH_SMOKE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("BaSiCPy: not run")
    assert len(lines) == 1 + 2 * 3 * 2  # images x cells x offset
    assert all(line.count("not run") == 3 for line in lines[1:])
