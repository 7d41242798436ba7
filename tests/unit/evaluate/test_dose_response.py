"""Which wells make a dose-response curve, and which column is the dose."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.evaluate.dose_curves import fit_compounds, judge_doses
from kinfast.evaluate.dose_response import dose_column, measure_dose_response
from kinfast.evaluate.run_folder import read_run

BINARY = Layout(n_classes=2, n_plates=1, folds=2, doses=True)


def test_micromolar_is_preferred_and_an_index_will_do() -> None:
    frame = pd.DataFrame(
        {"Metadata_Dose_um": [None, None], "Metadata_DoseIndex": [1.0, 2.0], "Metadata_Conc": ["a", "b"]}
    )
    assert dose_column(frame) == "Metadata_DoseIndex"
    assert dose_column(frame.assign(Metadata_Dose_um=[0.1, 1.0])) == "Metadata_Dose_um"
    assert dose_column(frame[["Metadata_Conc"]]) is None


def test_each_dose_is_the_mean_of_its_wells(tmp_path: Path) -> None:
    response = measure_dose_response(read_run(make_run(tmp_path, BINARY)))
    assert response is not None
    assert response.wells.groupby("compound").size().to_dict() == {"inert": 36, "wortmannin": 36}
    row = response.doses.query("compound == 'wortmannin' and dose == 9").iloc[0]
    wells = response.wells.query("compound == 'wortmannin' and dose == 9")["probability"]
    assert (row["mean"], row["lowest"], row["highest"]) == pytest.approx((wells.mean(), wells.min(), wells.max()))


def test_flagged_sites_of_trained_wells_are_no_evidence(tmp_path: Path) -> None:
    run = make_run(tmp_path, BINARY)
    table = pd.read_parquet(run / "predictions.parquet")
    unlabelled = table["part"] == "unlabelled"
    table.loc[unlabelled & (table["Metadata_Compound"] == "inert"), "Metadata_Well"] = "B02"
    table.to_parquet(run / "predictions.parquet", index=False)
    response = measure_dose_response(read_run(run))
    assert response is not None
    assert response.compounds["compound"].tolist() == ["wortmannin"]


def test_compounds_of_two_doses_have_no_curve(tmp_path: Path) -> None:
    run = make_run(tmp_path, BINARY)
    table = pd.read_parquet(run / "predictions.parquet")
    table[(table["part"] != "unlabelled") | (table["Metadata_Dose_um"] < 3)].to_parquet(run / "predictions.parquet")
    assert measure_dose_response(read_run(run)) is None


def test_with_many_classes_the_response_is_not_being_a_control(tmp_path: Path) -> None:
    run = make_run(tmp_path, Layout(n_classes=4, doses=True))
    table = pd.read_parquet(run / "predictions.parquet")
    columns = [name for name in table if name.startswith("probability_")]
    table[columns] = table[columns].fillna(0.0)
    table.to_parquet(run / "predictions.parquet", index=False)
    response = measure_dose_response(read_run(run))
    assert response is not None
    assert response.response == "1 - probability of control"
    assert response.compounds.set_index("compound")["spearman"]["wortmannin"] > 0.9


def dose_wells(per_dose: int) -> pd.DataFrame:
    """Make one compound's wells at six doses, the three highest far above any control."""
    doses = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], per_dose)
    chance = np.where(doses > 3, 0.9, 0.1) + np.arange(doses.size) * 1e-3
    return pd.DataFrame({"compound": "A", "dose": doses, "probability": chance})


def judged(per_dose: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    wells = dose_wells(per_dose)
    doses = wells.groupby(["compound", "dose"])["probability"].agg(n_wells="size", mean="mean").reset_index()
    doses = judge_doses(wells, doses, np.linspace(0.0, 0.2, 12))
    return doses, fit_compounds(wells, doses, pd.DataFrame({"compound": ["A"]}), "Metadata_Dose_um")


def test_doses_of_too_few_wells_are_not_called_inactive() -> None:
    """One well beside twelve controls has p = 1/13 at least, however far above them it lies."""
    doses, compounds = judged(per_dose=1)
    assert doses["p_value"].isna().all()
    assert doses["active"].isna().all()
    assert compounds["inactive_doses"].tolist() == [""]


def test_doses_of_wells_enough_are_told_from_the_controls() -> None:
    doses, compounds = judged(per_dose=3)
    assert doses["active"].tolist() == [False] * 3 + [True] * 3
    assert compounds["inactive_doses"].tolist() == ["1, 2, 3"]
