"""`python -m benchmarks.accept`: take the last run of the benchmarks as this kind of machine's baseline."""

import json
import sys
from pathlib import Path

from benchmarks.record import BASELINE, RESULTS, read_baseline
from benchmarks.table import write_tables


def accept(results: Path = RESULTS, baseline: Path = BASELINE) -> str:
    """Put a run's results into the baseline; lines that it did not measure stay. Give the kind of machine."""
    run = json.loads(results.read_text(encoding="utf-8"))
    kind = str(run["machine"]["kind"])
    kept = read_baseline(baseline)
    before = kept.get(kind, {}).get("results", {})
    kept[kind] = {"machine": run["machine"], "results": before | run["results"]}
    baseline.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return kind


if __name__ == "__main__":
    if not RESULTS.is_file():
        sys.exit(f"{RESULTS}: no such file; run make bench first")
    print(f"accepted as the baseline of machines with {accept()}; tables written into {', '.join(write_tables())}")
