"""Deals groups of sites out to folds and parts, class by class.

scikit-learn's StratifiedGroupKFold evens out the numbers of sites and may leave a fold without a class that has groups
enough for all folds; here each fold gets its share of every class's groups, and the numbers of sites come second.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast.errors import SplitError

GROUPS_FOR_ALL_PARTS = 3
"""A class with fewer groups cannot stand in train, validation and test."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups that hold labelled sites. sizes: (g,) sites; of_site: (n,) group of each sorted site, -1 for none."""

    sizes: NDArray[np.int64]
    of_site: NDArray[np.int64]


class Deal:
    """Deals groups out to folds or parts, class by class, seeded."""

    def __init__(self, table: Groups, strata: NDArray[np.int64], seed: int) -> None:
        self._table, self._strata, self._seed = table, strata, seed

    def folds(self, count: int) -> list[NDArray[np.bool_]]:
        """Deal all groups to `count` folds: one (g,) mask each, disjoint, together everything."""
        n_groups = len(self._table.sizes)
        if n_groups < count:
            raise SplitError(f"{n_groups} groups cannot fill {count} folds: wanted fewer folds, or a finer split")
        rng = np.random.default_rng([self._seed, 0])
        fold_of = np.full(n_groups, -1, np.int64)
        load = np.zeros(count, np.int64)
        for members in self._classes(np.ones(n_groups, np.bool_), rng):
            for start in range(0, len(members), count):
                # each round gives every fold one group of the class, the emptiest fold the largest
                hand = members[start : start + count]
                seats = np.lexsort([rng.permutation(count), load])[: len(hand)]
                fold_of[hand] = seats
                load[seats] += self._table.sizes[hand]
        return [fold_of == fold for fold in range(count)]

    def share(self, among: NDArray[np.bool_], fraction: float, stream: int) -> NDArray[np.bool_]:
        """Draw a share of the groups `among`: of each class the fraction, rounded so that the whole comes out right.

        A class of one group is never drawn from, one of three or more always: training goes first, then testing.
        """
        taken = np.zeros(len(among), np.bool_)
        if fraction == 0:
            return taken
        rng = np.random.default_rng([self._seed, 1, stream])
        carried = 0.0
        classes = self._classes(among, rng)
        for members in classes:
            ideal = fraction * len(members) + carried
            least = 1 if len(members) >= GROUPS_FOR_ALL_PARTS else 0
            most = min(len(members) - 1, math.ceil(fraction * len(members)))
            count = int(np.clip(round(ideal), least, most))
            # what many small classes could not give must not be taken from the next large one
            carried = float(np.clip(ideal - count, -1, 1))
            taken[members[rng.permutation(len(members))[:count]]] = True
        if not taken.any() and classes and len(classes[-1]) > 1:
            taken[classes[-1][0]] = True
        return taken

    def _classes(self, among: NDArray[np.bool_], rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Give each class's groups, largest first, shuffled among equals; classes with fewest groups come first."""
        found = []
        for stratum in np.unique(self._strata[among]):
            members = rng.permutation(np.flatnonzero(among & (self._strata == stratum)))
            found.append(members[np.argsort(-self._table.sizes[members], kind="stable")])
        return sorted(found, key=len)


def tabulate_groups(names: NDArray[np.str_], codes: NDArray[np.int64]) -> tuple[Groups, NDArray[np.int64]]:
    """Number the groups with labelled sites by their names, and give each its most frequent class: (g,)."""
    labelled = codes >= 0
    _, compact = np.unique(names[labelled], return_inverse=True)
    of_site = np.full(len(names), -1, np.int64)
    of_site[labelled] = compact
    sizes = np.bincount(compact)
    pairs = pd.DataFrame({"group": compact, "code": codes[labelled]}).value_counts().reset_index()
    pairs = pairs.sort_values(["group", "count", "code"], ascending=[True, False, True])
    strata = pairs.drop_duplicates("group")["code"].to_numpy(np.int64)
    return Groups(sizes.astype(np.int64), of_site), strata
