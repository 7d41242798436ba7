"""Permute the controls' roles in a table of wells: a model trained on it must find nothing.

Usage: python docs/bbbc013_permute.py wells.csv permuted.csv SEED
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def permute(wells: Path, out: Path, seed: int) -> None:
    """Shuffle the roles among the control wells; the dose wells stay as they are."""
    table = pd.read_csv(wells, keep_default_na=False)
    controls = table["role"].isin(["negcon", "poscon"])
    table.loc[controls, "role"] = np.random.default_rng(seed).permutation(table.loc[controls, "role"].to_numpy())
    table.to_csv(out, index=False)


if __name__ == "__main__":
    permute(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
