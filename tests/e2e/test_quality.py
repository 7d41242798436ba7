"""Quality flags against planted faults and compounds that kill: a plate as in docs/quality.md, of another seed."""

from pathlib import Path

import pytest
from benchmarks.quality import simulate_and_judge, summarise

from kinfast.simulate.settings import CONDITIONS


@pytest.mark.slow
def test_planted_faults_stand_apart_and_toxic_wells_are_never_called_empty(tmp_path: Path) -> None:
    found = summarise(simulate_and_judge(tmp_path, seed=31, cells=60, effect=1.2))
    assert min(found[condition] for condition in CONDITIONS) >= 0.99
    assert found["wrong"] <= 0.01
    assert found["cells remain"] == 0
    assert found["killed"] > 0
    assert found["few"] >= 0.7 * found["killed"]
    assert found["wrongly few"] == 0
    assert found["count"] <= 0.1
