"""What was measured: kept with the machine it was measured on, and held against the floors and the baseline."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import tifffile
from benchmarks.floors import FELL, FLOORS
from benchmarks.measuring import Measured

from kinfast import __version__, _native

HERE = Path(__file__).parent
BASELINE = HERE / "baseline.json"
RESULTS = Path(".benchmarks") / "results.json"
ACCEPT = "python -m benchmarks.accept (or make bench-accept) takes the last run as the new baseline"


def describe_machine() -> dict[str, Any]:
    """Name the machine and what was compared on it."""
    return {
        "kind": machine_kind(),
        "processor": _processor(),
        "isa": _native.active_isa(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "kinfast": __version__,
        "numpy": np.__version__,
        "tifffile": tifffile.__version__,
        "imagecodecs": imagecodecs.__version__,
        "opencv": cv2.__version__,
    }


def machine_kind() -> str:
    """Name the kind of machine that a baseline is for: instruction set and cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_native.active_isa()}, {cores} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def read_baseline(path: Path = BASELINE) -> dict[str, Any]:
    """Read the accepted results by kind of machine; empty where there are none."""
    baseline: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return baseline


def judge(name: str, ratio: float, baseline: Mapping[str, Any], kind: str) -> str:
    """Say what is wrong with a ratio; empty where nothing is."""
    floor = FLOORS[name]
    if not floor.holds(ratio):
        return f"{name}: {ratio:.3g}, wanted {floor.words} (against {floor.against})"
    before = baseline.get(kind, {}).get("results", {}).get(name)
    if before is not None and floor.fell(ratio, before["ratio"], FELL):
        return (
            f"{name}: {ratio:.3g}, was {before['ratio']:.3g} on a machine of this kind ({kind}), a fifth is allowed; "
            f"slower on purpose? {ACCEPT}"
        )
    return ""


class Recorder:
    """Takes what benchmarks measure, in any order; tells and writes it in the order of the floors."""

    def __init__(self) -> None:
        self.found: dict[str, Measured] = {}

    def add(self, name: str, measured: Measured) -> None:
        """Take a line and hold it against floor and baseline.

        Raises:
            AssertionError: it is under one of them.
        """
        self.found[name] = measured
        fault = judge(name, measured.ratio, read_baseline(), machine_kind())
        assert not fault, fault

    def write(self, path: Path = RESULTS) -> None:
        """Write the results, into those of an earlier run where only some were measured."""
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        machine = describe_machine()
        kept = before.get("results", {}) if before.get("machine") == machine else {}
        today = {"day": datetime.now(UTC).date().isoformat()}
        merged = kept | {name: measured.as_json() | today for name, measured in self.found.items()}
        results = {name: merged[name] for name in FLOORS if name in merged}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n", encoding="utf-8")

    def lines(self) -> list[str]:
        """Give the table in plain text."""
        machine, kind = describe_machine(), machine_kind()
        baseline = read_baseline().get(kind, {}).get("results", {})
        out = [f"{machine['processor']}, {kind}, kinfast {machine['kinfast']}"]
        for name, floor in FLOORS.items():
            if (m := self.found.get(name)) is None:
                continue
            before = f"was {baseline[name]['ratio']:.3g}" if name in baseline else ""
            mark = "" if floor.holds(m.ratio) else "  <-- under the floor"
            times = f"{m.ours:.4g} against {m.theirs:.4g} {m.unit}{f' ({m.peer})' if m.peer else ''}"
            out.append(f"{name:<50} {m.ratio:>7.3g}  {floor.words:<14} {before:<10} {times}{mark}")
        if not baseline:
            out.append(f"no baseline for this kind of machine ({kind}): only the floors hold; {ACCEPT}")
        return out
