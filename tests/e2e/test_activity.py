"""From simulated plates to the list of inactive compounds, and to a training without them."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from kinfast.cli.main import run as run_command


def call(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        run_command([str(word) for word in words])
    return int(stop.value.code or 0)


@pytest.mark.slow
def test_planted_inactive_compounds_are_told_from_strong_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One plate of 12 compounds in two wells each; one inactive compound may be called active."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    planted = ["--inactive", "0.5", "--doses-um", "10", "--compounds", "12", "--sites", "1"]
    size = ["--plates", "1", "--wells", "40", "--size", "192", "--cells", "25", "--control-share", "0.4", "--quiet"]
    assert call("simulate", "plates", *planted, *size) == 0
    assert call("preprocess", "plates", "--size", "96", "--quiet") == 0
    capsys.readouterr()
    assert call("activity", "prepared", "--quiet") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "prepared-activity/activity.csv"
    found = pd.read_csv("prepared-activity/activity.csv")
    assert list(found.columns) == ["Metadata_Compound", "distance", "p_value", "q_value", "active"]
    truth = pd.read_csv("plates/truth/compounds.csv").set_index("compound")["activity"]
    kind = found["Metadata_Compound"].map(truth)
    assert found.loc[kind == "strong", "active"].mean() > 0.6
    assert found.loc[kind == "inactive", "active"].sum() <= 1

    small = [
        "--backbone",
        "lenet_alexnet",
        "--weights",
        "none",
        "--input-size",
        "32",
        "--epochs",
        "1",
        "--device",
        "cpu",
    ]
    words = ["--task", "role", "--split-by", "well", "--loader", "torch", "--steps-per-epoch", "1", "--batch-size", "4"]
    assert (
        call("train", "prepared", *small, *words, "--drop-inactive", "prepared-activity/activity.csv", "--out", "r")
        == 0
    )
    assert "inactive compounds (" in capsys.readouterr().err
    sites = pd.read_parquet("r/predictions.parquet")
    idle = sites["Metadata_Compound"].isin(found.loc[~found["active"], "Metadata_Compound"])
    assert set(sites.loc[idle, "part"]) == {"unlabelled"}
    assert (Path("r/tables/activity.csv")).is_file()
