"""The benchmarks' own rules: what is an error, what is accepted, and that the README shows what was accepted."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.accept import accept
from benchmarks.floors import FLOORS, Floor
from benchmarks.record import judge, read_baseline
from benchmarks.table import PAGES, markdown, with_table

ROOT = Path(__file__).parent.parent
NAME, LONG = "fused pass LZW", "imread uncompressed, times as long as"
KIND = "avx2, 2 cores"


def baseline(name: str, ratio: float) -> dict[str, object]:
    return {KIND: {"results": {name: {"ratio": ratio}}}}


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_can_be_imported_as_documented(path: Path) -> None:
    importlib.import_module(f"benchmarks.{path.stem}")


def test_a_ratio_under_its_floor_is_an_error_anywhere() -> None:
    assert "wanted at least 4.5" in judge(NAME, 4.4, {}, KIND)
    assert judge(NAME, 4.5, {}, KIND) == ""
    assert "wanted at most 1.15" in judge(LONG, 1.2, {}, KIND)


def test_a_ratio_that_lost_a_fifth_is_an_error_on_its_kind_of_machine() -> None:
    assert judge(NAME, 8.1, baseline(NAME, 10.0), KIND) == ""
    message = judge(NAME, 7.9, baseline(NAME, 10.0), KIND)
    assert "was 10" in message
    assert "benchmarks.accept" in message
    assert judge(NAME, 7.9, baseline(NAME, 10.0), "avx512, 64 cores") == ""


def test_where_less_is_better_a_fifth_more_is_an_error() -> None:
    assert judge(LONG, 1.1, baseline(LONG, 0.9), KIND) == ""
    assert judge(LONG, 1.1, baseline(LONG, 0.85), KIND) != ""


def test_seconds_and_megabytes_have_no_baseline() -> None:
    assert judge("open 200,000 paths, seconds", 3.9, baseline("open 200,000 paths, seconds", 1.0), KIND) == ""


def test_every_floor_has_one_bound() -> None:
    assert all((floor.at_least is None) != (floor.at_most is None) for floor in FLOORS.values())
    assert Floor("x", at_most=2).words == "at most 2"


def test_accepting_keeps_what_was_not_measured(tmp_path: Path) -> None:
    kept, results = tmp_path / "baseline.json", tmp_path / "results.json"
    kept.write_text(json.dumps({KIND: {"machine": {}, "results": {NAME: 1, LONG: 2}}, "other": {"results": {}}}))
    results.write_text(json.dumps({"machine": {"kind": KIND}, "results": {LONG: 3}}))
    assert accept(results, kept) == KIND
    after = json.loads(kept.read_text())
    assert after[KIND]["results"] == {NAME: 1, LONG: 3}
    assert "other" in after


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_show_the_accepted_results(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == with_table(text, markdown(read_baseline())), "run python -m benchmarks.table"
    assert set().union(*(entry["results"] for entry in read_baseline().values())) <= FLOORS.keys()


@pytest.mark.slow
def test_the_gpu_benchmark_runs_through_on_a_cpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--tiny", "--device", "cpu", "--out", str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert [(row["loader"], row["cache"]) for row in rows[:3]] == [
        ("torch", "host"),
        ("torch", "none"),
        ("torch", "host"),
    ]
    assert all(row["rate"] > 0 and row["ceiling"] > 0 for row in rows[:3])
    assert "kinfast train, 1 epochs and all predictions" in rows[3]["note"]
    assert "dali" in [row["loader"] for row in rows]
    asked = rows[-1]["note"]
    assert "--batch-size auto --profile" in asked
    assert "batch size " in asked.split("--profile; ", 1)[1]
    assert "%" in asked
    assert done.stdout.endswith((tmp_path / "gpu.md").read_text() + "\n")
