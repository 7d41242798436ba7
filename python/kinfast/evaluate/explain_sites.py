"""Which held-out sites of a run are explained."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.errors import RunError
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.test_part import read_test
from kinfast.metrics.labels import HALF


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """Held-out sites to explain, fold by fold; one of several labels once for each that is explained of it.

    Attributes:
        folds: (n,) whose model was not trained on the site.
        rows: (n,) positions in the store's table.
        codes: (n,) true classes, or the label that is explained.
        units: (n,) compounds; wells of controls.
        plates: (n,) names.
        truths: (n, n_classes) of several labels, NaN where not known; else None.
    """

    folds: NDArray[np.int64]
    rows: NDArray[np.int64]
    codes: NDArray[np.int64]
    units: NDArray[np.int64]
    plates: NDArray[Any]
    truths: NDArray[np.float64] | None = None

    def others(self, mine: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of some sites (columns) are known not to be of each one's class (rows): (n_mine, n_mine)."""
        codes = self.codes[mine]
        if self.truths is None:
            return np.asarray(codes[:, None] != codes[None, :])
        return np.asarray(self.truths[mine][:, codes].T < HALF)


def choose_sites(run: Run, sites: pd.DataFrame, each: int) -> Sites:
    """Choose test sites of every class, from as many compounds as there are.

    Args:
        run: with its predictions.
        sites: the store's table.
        each: of a class, at most.

    Raises:
        RunError: the store holds none of them.
    """
    test = run.part(schema.PART_TEST)
    key = list(schema.KEY)
    places = sites[key].reset_index(drop=True).assign(row=np.arange(len(sites)))
    held, codes = read_test(run).held()  # in the table's order, as `part` gives it
    test = test.iloc[held].assign(code=codes).merge(places, on=key, how="inner")
    if test.empty:
        raise RunError(f"{run.path}: none of its test sites are in this store: give the one that it was trained on")
    wells = test[schema.PLATE].astype(str) + "\t" + test[schema.WELL].astype(str)
    compounds = test[schema.COMPOUND].astype(object) if schema.COMPOUND in test else pd.Series(None, index=test.index)
    treated = compounds.notna()
    if schema.ROLE in test:
        treated &= test[schema.ROLE].astype(object) != schema.ROLE_NEGATIVE
    units = pd.factorize(np.where(treated, compounds.astype(str), wells))[0]
    test = test.assign(unit=units)
    # round after round a site of each unit, so that few sites are of many compounds; from every fold alike
    test["round"] = test.groupby([schema.FOLD, "code", "unit"]).cumcount()
    of_a_fold = -(-each // test[schema.FOLD].nunique())
    ordered = test.sort_values(["code", "round", "unit"], kind="stable")
    kept = ordered.groupby([schema.FOLD, "code"]).head(of_a_fold)
    kept = kept.sort_values([schema.FOLD, "code", "row"], kind="stable")
    folds, rows, codes, numbers = (kept[name].to_numpy(np.int64) for name in (schema.FOLD, "row", "code", "unit"))
    truths = run.truths(kept) if run.several else None
    return Sites(folds, rows, codes, numbers, kept[schema.PLATE].astype(str).to_numpy(), truths)


def surest_sites(codes: NDArray[np.int64], before: NDArray[np.float64], each: int) -> NDArray[np.int64]:
    """Take of each class the sites with the highest probability."""
    order = np.lexsort((-before, codes))
    ranks = pd.Series(codes[order]).groupby(codes[order]).cumcount().to_numpy()
    return np.asarray(order[ranks < each])
