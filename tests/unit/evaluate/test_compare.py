"""Paired comparisons: planted differences are found, equal runs are not told apart, and p-values are honest."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.errors import RunError, UsageError
from kinfast.evaluate.compare import compare_runs, config_differences
from kinfast.evaluate.levels import Level
from kinfast.evaluate.paired import holm, swap_test
from kinfast.report.comparison import write_comparison_report

DRAWS = 60


def weaken(run: Path, name: str, share: float, seed: int = 0) -> Path:
    """Copy a run with some wells' probabilities replaced by noise."""
    rng = np.random.default_rng(seed)
    out = run.parent / name
    out.mkdir()
    table = pd.read_parquet(run / "predictions.parquet")
    columns = [column for column in table.columns if column.startswith("probability_")]
    wells = table["Metadata_Plate"] + table["Metadata_Well"]
    lost = wells.isin(rng.permutation(wells.unique())[: int(share * wells.nunique())])
    noise = rng.dirichlet(np.ones(len(columns)), int(lost.sum()))
    table.loc[lost, columns] = noise.astype(np.float32)
    table.to_parquet(out / "predictions.parquet", index=False)
    config = json.loads((run / "config.json").read_text()) | {"backbone": "vgg16", "seed": 9}
    (out / "config.json").write_text(json.dumps(config))
    return out


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layout = Layout(n_classes=4, skill=2.5, split_by="compound", compounds_per_class=8)
    return make_run(tmp_path_factory.mktemp("runs") / "good", layout)


def test_a_planted_difference_is_found_and_what_else_differs_is_listed(good: Path) -> None:
    found = compare_runs([good, weaken(good, "weak", 0.6)], draws=DRAWS)
    (pair,) = found["pairs"]
    lead = pair["differences"]["roc_auc_macro"]
    assert lead["value"] > 0.05
    assert lead["low"] > 0
    assert pair["p"]["roc_auc_macro"] <= 0.05
    assert pair["differs"] == {"backbone": ["mobilenet_v2", "vgg16"], "seed": [0, 9]}
    assert found["level"] == "compound"
    assert found["verdicts"][0]["holds"]
    assert found["verdicts"][0]["text"].startswith("good is better than weak")
    turned = compare_runs([good.parent / "weak", good], draws=DRAWS)
    assert turned["verdicts"][0]["text"].startswith("good is better than weak: by 0.")


def test_a_run_does_not_differ_from_itself(good: Path) -> None:
    found = compare_runs([good, weaken(good, "same", 0.0)], draws=DRAWS)
    (pair,) = found["pairs"]
    assert pair["differences"]["roc_auc_macro"]["value"] == 0
    assert pair["p"]["roc_auc_macro"] == 1
    assert not found["verdicts"][0]["holds"]


def test_many_runs_are_compared_on_common_units_only(good: Path, tmp_path: Path) -> None:
    fewer = weaken(good, "fewer", 0.2)
    table = pd.read_parquet(fewer / "predictions.parquet")
    gone = (table["Metadata_Plate"] == "P001") & (table["part"] == "test")
    table[~gone].to_parquet(fewer / "predictions.parquet", index=False)
    found = compare_runs([good, fewer, weaken(good, "third", 0.4)], draws=DRAWS)
    assert len(found["pairs"]) == 3
    assert {run["test_sites_in_common"] for run in found["runs"]} == {120}
    assert [run["test_sites"] for run in found["runs"]] == [240, 120, 240]
    assert any(verdict["name"] == "partly compared" for verdict in found["verdicts"])
    assert all(
        p >= q
        for pair in found["pairs"]
        for p, q in [(pair["p_corrected"]["top1_accuracy"], pair["p"]["top1_accuracy"])]
    )
    write_comparison_report(found, tmp_path)
    assert (tmp_path / "figures" / "comparison.png").stat().st_size > 5000
    assert (tmp_path / "figures" / "roc.png").stat().st_size > 5000
    assert len(pd.read_csv(tmp_path / "tables" / "differences.csv")) == 9


def test_what_cannot_be_compared_is_said(good: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two or more"):
        compare_runs([good])
    other = make_run(tmp_path / "other", Layout(n_classes=3, split_by="compound"))
    with pytest.raises(RunError, match="do not have the same classes"):
        compare_runs([good, other])


def test_the_paired_test_fires_as_often_as_it_says() -> None:
    """Two models of equal skill: p <= 0.1 in a tenth of 200 cases; 99.9 % of such counts lie in 7 … 35."""
    fired = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        codes = np.repeat(np.arange(3), 10)
        said = [rng.dirichlet(np.ones(3), 30) + 0.3 * np.eye(3)[codes] for _ in range(2)]
        level = Level("well", np.arange(30), codes, np.arange(30), np.zeros(30, np.int64))
        p = swap_test(level, said[0], said[1] * 0.2, [seed], swaps=39)["roc_auc_macro"]
        assert p is not None
        fired += p <= 0.1
    assert 7 <= fired <= 35


def test_holm_is_as_published() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_settings_that_follow_from_others_are_not_listed() -> None:
    assert config_differences({"seed": 1, "notes": ["a"]}, {"seed": 2, "notes": ["b"], "amp": True}) == {
        "amp": [None, True],
        "seed": [1, 2],
    }
