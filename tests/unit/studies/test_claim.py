"""A study's folder: one question's own, as soon as it holds a run."""

from pathlib import Path

import pytest

from kinfast.errors import RunError
from kinfast.studies.claim import claim_folder, differing

ASKED = {"arms": [{"name": "adam", "config": {"epochs": 2, "seed": 0}}], "space": [{"name": "lr"}], "trials": 3}


def test_what_differs_is_named_by_its_own_name() -> None:
    other = {"arms": [{"name": "sgd", "config": {"epochs": 3, "seed": 0}}], "space": [{"name": "dropout"}], "trials": 3}
    assert differing(ASKED, other) == ["name", "epochs", "space"]
    assert differing(ASKED, ASKED) == []
    assert differing(ASKED, ASKED | {"arms": []}) == ["arms"]


def test_a_question_without_a_run_gives_way_and_one_with_runs_may_only_grow(tmp_path: Path) -> None:
    claim_folder(tmp_path, "sweep.json", ASKED, grows="trials")
    claim_folder(tmp_path, "sweep.json", ASKED | {"metric": "loss"}, grows="trials")
    (tmp_path / "runs/001").mkdir(parents=True)
    claim_folder(tmp_path, "sweep.json", ASKED | {"metric": "loss", "trials": 9}, grows="trials")
    with pytest.raises(RunError, match=r"another sweep \(metric differ\)"):
        claim_folder(tmp_path, "sweep.json", ASKED | {"metric": "f1_macro"}, grows="trials")
    with pytest.raises(RunError, match=r"another sweep \(trials differ\)"):
        claim_folder(tmp_path, "sweep.json", ASKED | {"metric": "loss", "trials": None}, grows="trials")
    with pytest.raises(RunError, match="holds no study"):
        claim_folder(tmp_path, "study.json", ASKED, grows="trials")
