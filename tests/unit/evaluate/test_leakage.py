"""The ladder from planted runs: what image and well splits gain over compounds is found, with its interval."""

from pathlib import Path

import pandas as pd
import pytest
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.evaluate.leakage import measure_leakage, write_leakage
from kinfast.evaluate.run import evaluate_run
from kinfast.report.leakage import write_leakage_report

DRAWS = 60
SKILL = {"image": 3.0, "well": 2.0, "compound": 0.4}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root, made = tmp_path_factory.mktemp("ladder"), {}
    for split, skill in SKILL.items():
        layout = Layout(n_classes=4, skill=skill, split_by="compound", compounds_per_class=8)
        made[split] = make_run(root / split, layout)
        evaluate_run(made[split], draws=DRAWS)
    return made


def test_the_ladder_falls_and_says_how_far(runs: dict[str, Path], tmp_path: Path) -> None:
    found = measure_leakage(runs, {"plate": "there is one plate"}, DRAWS)
    values = [found[split]["well"]["roc_auc_macro"]["value"] for split in SKILL]
    assert values == sorted(values, reverse=True)
    assert found["plate"] is None
    assert [step["split_by"] for step in found["steps"]] == ["image", "well"]
    for step, value in zip(found["steps"], values, strict=False):
        assert step["paired"]
        assert step["against"] == "compound"
        assert step["leakage"]["value"] == pytest.approx(value - values[-1], abs=1e-9)
        assert step["leakage"]["low"] > 0
        assert step["share_above_chance"] == pytest.approx((value - values[-1]) / (value - 0.5), abs=1e-5)
    names = {verdict["name"]: verdict["holds"] for verdict in found["verdicts"]}
    assert names["leakage_by_image"]
    assert names["plate_skipped"]
    assert set(found["split_baselines"]) == set(SKILL)
    assert found["baselines"] == found["split_baselines"]["compound"]
    write_leakage(found, tmp_path / "leakage.json")
    write_leakage_report(found, tmp_path)
    assert len(pd.read_csv(tmp_path / "tables" / "leakage_steps.csv")) == 2
    assert (tmp_path / "figures" / "leakage.png").stat().st_size > 5000


def test_other_test_sites_are_compared_unpaired(runs: dict[str, Path]) -> None:
    table = pd.read_parquet(runs["well"] / "predictions.parquet")
    kept = ~((table["part"] == "test") & (table["Metadata_Plate"] == "P002"))
    table[kept].to_parquet(runs["well"] / "predictions.parquet", index=False)
    evaluate_run(runs["well"], draws=DRAWS)
    found = measure_leakage(runs, {}, DRAWS)
    assert [step["paired"] for step in found["steps"]] == [True, False]
    _paired, unpaired = (step["leakage"] for step in found["steps"])
    assert unpaired["high"] - unpaired["low"] > 0


def test_equal_runs_show_no_leakage(runs: dict[str, Path]) -> None:
    found = measure_leakage({"image": runs["image"], "compound": runs["image"]}, {}, DRAWS)
    (step,) = found["steps"]
    assert step["leakage"]["value"] == 0
    assert not found["verdicts"][0]["holds"]
