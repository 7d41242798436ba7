"""Closer looks draw what the split holds together, and take each fold's thresholds from its own validation part."""

from dataclasses import replace

import numpy as np
import pandas as pd
from tests.unit.evaluate.compound_run import compound_run

from kinfast import schema
from kinfast.evaluate.breakdown import judge_classes, judged_unit, scores_by_dose, scores_by_plate
from kinfast.evaluate.operating_points import validated_limits
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.test_part import read_test


def by_plate(run: Run) -> list[dict[str, float]]:
    rows = scores_by_plate(run, read_test(run), 50)
    return [{name: value for name, value in row.items() if not name.startswith("n_")} for row in rows]


def test_more_wells_of_the_same_compounds_narrow_no_interval_of_a_plate() -> None:
    """Each compound's wells once more, predicted alike: nothing is known of the compounds that was not before."""
    run = compound_run(seed=1, compounds=(12, 12))
    again = run.table.assign(Metadata_Well=run.table[schema.WELL] + "-again")
    twice = replace(run, table=pd.concat([run.table, again], ignore_index=True))
    assert by_plate(twice) == by_plate(run)


def test_classes_that_are_compounds_are_judged_by_their_wells() -> None:
    """Of a class that is one compound there are never five in test."""
    areas = np.random.default_rng(0).uniform(0.4, 0.9, (50, 3))
    row = {"roc_auc": 0.7, "low": 0.5, "sites": 30}
    rows = [row | {"class": "C1", "compounds": 1, "wells": 6}, row | {"class": "C2", "compounds": 1, "wells": 4},
            row | {"class": "DMSO", "compounds": 0, "wells": 5}]  # fmt: skip
    assert [one["judged"] for one in judge_classes(rows, areas, "wells")[0]] == [True, False, True]
    assert [one["judged"] for one in judge_classes(rows, areas, "compounds")[0]] == [False, False, True]
    run = compound_run(seed=0)
    assert judged_unit(run) == "compounds"
    assert judged_unit(replace(run, config={"label": schema.COMPOUND})) == "wells"


def test_controls_are_no_dose_of_zero() -> None:
    """Plate maps say 0 µM of solvent as often as nothing; either way they are what doses are set against."""
    run = compound_run(seed=3, compounds=(12, 12), controls=10)
    treated = run.table[schema.ROLE] == "trt"
    zero = replace(run, table=run.table.assign(Metadata_Dose_um=np.where(treated, run.table[schema.SITE], 0.0)))
    nothing = replace(run, table=run.table.assign(Metadata_Dose_um=np.where(treated, run.table[schema.SITE], np.nan)))
    assert scores_by_dose(zero, read_test(zero), 10) == scores_by_dose(nothing, read_test(nothing), 10) != []


def test_a_folds_threshold_is_chosen_by_its_own_validation_part() -> None:
    """Another fold's validation part holds this fold's test units, and its model's scores are on another scale."""
    run = compound_run(seed=2, compounds=(20, 20), folds=2)
    table = run.table.copy()
    of_second = (table[schema.FOLD] == 1) & (table[schema.PART] == schema.PART_VALIDATION)
    names = [schema.probability(name) for name in run.classes]
    table.loc[of_second, names] = table.loc[of_second, names] * 0.01
    other, test = replace(run, table=table), read_test(run)
    one, two = (
        validated_limits(test, read_test(each, schema.PART_VALIDATION), "compound", "compound") for each in (run, other)
    )
    assert np.isfinite(one).all()
    assert (one[test.folds == 0] == two[test.folds == 0]).all()
    assert (one[test.folds == 1] > two[test.folds == 1]).all()
