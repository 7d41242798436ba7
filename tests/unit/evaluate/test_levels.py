"""From sites to wells and compounds."""

import numpy as np
import pandas as pd

from kinfast.evaluate.levels import Units, find_units, make_level


def plate_map() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Metadata_Well": ["B02", "B02", "B03", "B04", "B05"],
            "Metadata_Compound": ["CBK1", "CBK1", "CBK1", "DMSO", "CBK2"],
            "Metadata_Role": ["trt", "trt", "trt", "negcon", "trt"],
        }
    )


def test_controls_are_no_compound_and_groups_of_their_own() -> None:
    units = find_units(plate_map())
    assert units.compounds.tolist() == ["CBK1", "CBK1", "CBK1", "", "CBK2"]
    assert units.wells.tolist() == [0, 0, 1, 2, 3]
    groups = units.groups
    assert groups[0] == groups[1] == groups[2]
    assert len({groups[0], groups[3], groups[4]}) == 3


def test_a_negative_control_holds_no_compound_whatever_its_row_is_called() -> None:
    table = plate_map()
    table.loc[3, "Metadata_Compound"] = "CBK1"
    assert find_units(table).compounds.tolist() == ["CBK1", "CBK1", "CBK1", "", "CBK2"]


def test_without_compounds_there_is_no_compound_level() -> None:
    units = find_units(plate_map().drop(columns=["Metadata_Compound", "Metadata_Role"]))
    zeros = np.zeros(5, dtype=np.int64)
    assert make_level("compound", zeros, zeros, units, "well") is None
    well = make_level("well", zeros, zeros, units, "compound")
    assert well is not None
    assert well.n_rows == well.n_clusters == 4


def test_wells_average_their_sites_and_clusters_follow_the_split() -> None:
    units = find_units(plate_map())
    codes, folds = np.array([1, 1, 1, 0, 1]), np.array([0, 0, 0, 1, 1])
    well = make_level("well", folds, codes, units, "compound")
    assert well is not None
    averaged = well.average(np.array([[0.2, 0.8], [0.4, 0.6], [0.1, 0.9], [1.0, 0.0], [0.5, 0.5]]))
    np.testing.assert_allclose(averaged, [[0.3, 0.7], [0.1, 0.9], [1.0, 0.0], [0.5, 0.5]])
    assert well.codes.tolist() == [1, 1, 0, 1]
    assert well.clusters[0] == well.clusters[1]  # two wells of one compound are drawn together
    assert well.n_clusters == 3
    assert well.strata.tolist() == [0, 0, 1, 1]


def test_equal_rows_average_to_exactly_themselves_whatever_their_number() -> None:
    """0.1 three times is not 0.3 in doubles; such dust once gave a constant predictor an area of 0.56."""
    wells = np.repeat(np.arange(30), np.arange(1, 31))
    zeros = np.zeros(wells.size, dtype=np.int64)
    level = make_level("well", zeros, zeros, Units(wells, np.full(wells.size, "", np.str_)), "well")
    assert level is not None
    averaged = level.average(np.tile([0.1, 0.7 / 3], (wells.size, 1)))
    assert (averaged == [0.1, 0.7 / 3]).all()


def test_a_unit_of_two_classes_is_two_rows_and_one_cluster() -> None:
    units = find_units(plate_map())
    level = make_level("well", np.zeros(5, dtype=np.int64), np.array([0, 1, 1, 0, 1]), units, "image")
    assert level is not None
    assert level.n_rows == 5
    assert level.n_clusters == 4


def test_a_row_whose_sites_lie_in_several_folds_is_permuted_without_folds() -> None:
    units = find_units(plate_map())
    level = make_level("well", np.array([0, 1, 0, 1, 1]), np.zeros(5, dtype=np.int64), units, "image")
    assert level is not None
    assert level.strata.tolist() == [0, 0, 0, 0]
