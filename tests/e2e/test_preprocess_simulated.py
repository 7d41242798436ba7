"""Preprocessing against the truth of simulated plates."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinfast import _native, schema
from kinfast.config import PreprocessConfig
from kinfast.plate.open import open_plates
from kinfast.preprocess.run import preprocess
from kinfast.simulate.run import simulate_plates
from kinfast.simulate.settings import SimulationSettings

PLANTED = {"dark": 2, "blank": 2, "empty": 2, "saturated": 2, "debris": 1, "blurred": 1}


@pytest.mark.slow
@pytest.mark.parametrize("cells", [8, 40])
def test_what_was_planted_is_found(tmp_path: Path, cells: int) -> None:
    settings = SimulationSettings(
        plates=1, wells=10, sites=6, height=192, width=192, cells=cells, toxic=0.0, broken=3, seed=3, **PLANTED
    )
    simulate_plates(tmp_path / "plates", settings, 2)
    done = preprocess(open_plates(tmp_path / "plates"), tmp_path / "prepared", PreprocessConfig(), threads=2)
    assert done.n_quarantined == 3
    truth = pd.read_csv(tmp_path / "plates/truth/sites.csv")
    sites = pd.read_parquet(tmp_path / "prepared/sites.parquet")
    joined = sites.merge(truth, left_on=[schema.WELL, schema.SITE], right_on=["well", "site"], validate="one_to_one")
    for condition in ("dark", "blank", "empty", "saturated"):
        planted = joined[joined["condition"] == condition]
        assert len(planted) == PLANTED[condition]
        assert planted[f"Flag_{condition}"].all(), condition
    normal = joined[(joined["condition"] == "normal") & (joined["n_cells"] > 2)]
    assert not normal[[flag for flag in schema.FLAGS if flag != "Flag_few_cells"]].any(axis=None)
    _check_fields(tmp_path)


def _check_fields(tmp_path: Path) -> None:
    """At most 3 % RMS in the median channel and 6 % in the worst: what is asked of plates of 270 sites."""
    dataset = json.loads((tmp_path / "prepared/dataset.json").read_text())
    truth = np.load(tmp_path / "plates/truth/fields.npz")
    errors = []
    for plate in dataset["plates"]:
        for channel in dataset["channels"]:
            planted = truth[f"{plate}/{channel}/flatfield"]
            with np.load(tmp_path / f"prepared/illumination/{plate}/{channel}.npz") as stored:
                found = _native.expand_field(stored["flatfield"], *planted.shape)
            errors.append(np.sqrt(np.mean((found / found.mean() / (planted / planted.mean()) - 1) ** 2)))
    assert np.median(errors) < 0.03
    assert np.max(errors) < 0.06
