"""What `kinfast predict` says of compounds never seen, and what it warns of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.conformal import Look, outside
from tests.unit.evaluate.compound_run import CLASSES, compound_run
from tests.unit.evaluate.test_confidence import with_quality

from kinfast.evaluate.conformal import average_units, read_folds
from kinfast.evaluate.new_sites import Judged, judge_new_sites
from kinfast.evaluate.run_folder import read_run
from kinfast.metrics.conformal import p_values

PROBABILITIES = [f"probability_{name}" for name in CLASSES]
LOGITS = [f"logit_{name}" for name in CLASSES]


class Said(list[str]):
    """Keeps the lines that a reporter is told."""

    def __bool__(self) -> bool:
        return True

    def stage(self, name: str, total: int | None, unit: str) -> None: ...

    def advance(self, count: int = 1, note: str = "") -> None: ...

    def line(self, text: str) -> None:
        self.append(text)


def judge(folder: Path, seed: int, folds: int = 1) -> tuple[Judged, pd.DataFrame, Said]:
    """Store a run, and ask it about the compounds of another draw."""
    folder.mkdir(exist_ok=True)
    run = with_quality(compound_run(seed, folds=folds, controls=20))
    run.table.to_parquet(folder / "predictions.parquet")
    (folder / "config.json").write_text('{"split_by": "compound"}')
    other = with_quality(compound_run(seed + 1000, controls=20)).table
    sites = other[other["part"] == "test"].drop(columns=["part", "fold"]).reset_index(drop=True)
    named = sites["Metadata_Role"] == "trt"
    sites.loc[named, "Metadata_Compound"] = "other " + sites.loc[named, "Metadata_Compound"]
    said = Said()
    models = [(sites[PROBABILITIES].to_numpy(), sites[LOGITS].to_numpy())] * folds
    return judge_new_sites(folder, sites, sites[["Metadata_Plate", *PROBABILITIES]], models, said), sites, said


def test_the_columns_are_there_and_a_compounds_sites_agree(tmp_path: Path) -> None:
    judged, sites, said = judge(tmp_path, 0)
    wanted = [*(f"p_value_{name}" for name in CLASSES), "set_90", "out_of_distribution"]
    assert judged.table.columns[-5:].tolist() == wanted
    named = sites["Metadata_Role"] == "trt"
    assert (judged.table[named].groupby(sites["Metadata_Compound"])["p_value_EGFR"].nunique() == 1).all()
    assert said[0].startswith("sets at 90% by compound, calibrated on ")
    empty = (judged.table["set_90"] == "").groupby(sites["Metadata_Compound"]).first()
    assert empty.any() == ("of the sets are empty" in said[0])
    assert not any("trained on" in line for line in said)


def test_the_p_values_are_those_of_the_held_out_compounds(tmp_path: Path) -> None:
    judged, sites, _ = judge(tmp_path, 1)
    (fold,) = read_folds(with_quality(compound_run(1, controls=20)))
    mine = sites["Metadata_Compound"] == sites["Metadata_Compound"][0]
    unit = average_units(
        sites.loc[mine, PROBABILITIES].to_numpy(), np.zeros(mine.sum(), int), np.zeros(mine.sum(), int)
    )
    counts = np.bincount(fold.test.codes)
    categories = np.where(counts >= 10, np.arange(3), 3)
    expected = p_values([fold.test.calibration], [unit.probabilities], categories)[0]
    got = judged.table.loc[0, [f"p_value_{name}" for name in CLASSES]].to_numpy(float)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize(("folds", "seeds"), [(1, 20), (4, 6)])
def test_new_compounds_are_covered_over_seeds(tmp_path: Path, folds: int, seeds: int) -> None:
    """Compounds that the run never saw; what is asked has the largest class's own reference."""
    found = []
    for seed in range(seeds):
        judged, sites, _ = judge(tmp_path / str(seed), seed, folds)
        (asked,) = ((sites["Metadata_Role"] == "trt") & (sites["truth"] == "EGFR"),)
        rows = judged.table[asked].groupby(sites["Metadata_Compound"]).first()
        covered = int((rows["p_value_EGFR"] >= 1 - 0.9).sum())
        known = sum((fold.test.codes == 0).sum() for fold in read_folds(read_run(tmp_path / str(seed))))
        found.append(Look(0.9, "EGFR", covered, len(rows), int(known)))
    assert outside(found, 1 - 0.05 / len(found)) == []


def test_trained_compounds_and_other_numbers_of_sites_are_said(tmp_path: Path) -> None:
    run = with_quality(compound_run(0))
    run.table.to_parquet(tmp_path / "predictions.parquet")
    (tmp_path / "config.json").write_text('{"split_by": "compound"}')
    train = run.table[run.table["part"] == "train"].drop_duplicates("Metadata_Compound").reset_index(drop=True)
    said = Said()
    model = (train[PROBABILITIES].to_numpy(), train[LOGITS].to_numpy())
    judged = judge_new_sites(tmp_path, train, train[PROBABILITIES], [model], said)
    assert any("were trained on" in line for line in said)
    assert any("a compound has 1 sites here" in line for line in said)
    assert set(judged.ranked["status"]) == {"trained on"}


def test_a_run_without_predictions_says_that_nothing_is_known(tmp_path: Path) -> None:
    said = Said()
    sites = compound_run(0).table
    model = (sites[PROBABILITIES].to_numpy(), sites[LOGITS].to_numpy())
    judged = judge_new_sites(tmp_path, sites, sites[PROBABILITIES], [model], said)
    assert judged.table.columns[-5:].tolist() == [f"p_value_{n}" for n in CLASSES] + ["set_90", "out_of_distribution"]
    assert judged.table[["p_value_mTOR", "set_90", "out_of_distribution"]].isna().all(axis=None)
    assert said[0].startswith("no confidence values")
