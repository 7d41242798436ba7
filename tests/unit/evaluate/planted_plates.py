"""Well profiles of plates with compounds that do something and compounds that do not."""

import numpy as np
import pandas as pd

N_FEATURES = 12
FEATURES = [f"f{index}" for index in range(N_FEATURES)]


def planted_plates(
    seed: int,
    compounds: int = 30,
    active: int = 10,
    wells: int = 2,
    plates: int = 2,
    controls: int = 12,
    effect: float = 4.0,
    doses: int = 1,
) -> pd.DataFrame:
    """One site a well. The first `active` compounds move away along a direction of their own, each dose as far as its
    share of the highest squared; features are correlated, and plates differ in location and scale."""
    rng = np.random.default_rng(seed)
    mix = 0.4 * rng.normal(size=(N_FEATURES, N_FEATURES)) + np.eye(N_FEATURES)
    directions = rng.normal(size=(compounds, N_FEATURES))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rows = []
    for plate in range(plates):
        shift, scale = 3 * rng.normal(size=N_FEATURES), rng.uniform(0.5, 2, N_FEATURES)
        items = [("DMSO", "negcon", None, np.zeros(N_FEATURES))] * controls
        for number in range(compounds):
            for dose in range(1, doses + 1):
                moved = (number < active) * effect * (dose / doses) ** 2 * directions[number]
                items += [(f"C{number:02d}", "trt", float(dose), moved)] * wells
        for place, (name, role, dose, moved) in enumerate(items):
            values = (rng.normal(size=N_FEATURES) @ mix + moved) * scale + shift
            rows.append(
                {
                    "Metadata_Plate": f"P{plate}", "Metadata_Well": f"W{place:03d}", "Metadata_Site": 1,
                    "Metadata_Timepoint": 1, "Metadata_Compound": name, "Metadata_Role": role, "Metadata_Dose_um": dose,
                }
                | dict(zip(FEATURES, values, strict=True))
            )  # fmt: skip
    return pd.DataFrame(rows)
