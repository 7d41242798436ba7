"""From a row per site to a row per well or compound, and what is resampled as a whole."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.groups import compound_identity
from kinfast.errors import SplitError
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.labels import HALF

LEVELS = ("site", "well", "compound")


@dataclass(frozen=True, slots=True)
class Level:
    """The rows of one level.

    Attributes:
        name: site, well or compound.
        member: (n_sites,) which row of the level each site row belongs to.
        codes: (n,) true class of each row.
        clusters: (n,) what the bootstrap draws and the permutation moves as a whole, 0 … n_clusters - 1.
        strata: (n,) fold, within which labels are permuted; all 0 where a row's sites lie in several folds.
        truths: (n, n_classes) of 0 … 1 where a row may have several labels, NaN where not known, the codes then being
            all 0; None where a row has one class.
    """

    name: str
    member: Codes
    codes: Codes
    clusters: Codes
    strata: Codes
    truths: Float | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.codes.size

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.clusters.max(initial=-1)) + 1

    def members(self, code: int) -> NDArray[np.bool_]:
        """Tell which rows are of a class, or have a label: (n,)."""
        return np.asarray(self.codes == code if self.truths is None else self.truths[:, code] >= HALF)

    def others(self, code: int) -> NDArray[np.bool_]:
        """Tell which rows are known not to be: (n,)."""
        return np.asarray(self.codes != code if self.truths is None else self.truths[:, code] < HALF)

    def average(self, probabilities: Probabilities) -> Probabilities:
        """Average the site rows' probabilities: (n, n_classes).

        What is averaged is the distance to the first row, so that equal rows average to exactly themselves whatever
        their number: rounding would else order the wells of a constant predictor, and give it a skill.
        """
        order = np.argsort(self.member, kind="stable")
        starts = np.searchsorted(self.member[order], np.arange(self.n_rows))
        first = probabilities[order[starts]]
        sums: Probabilities = np.add.reduceat(probabilities[order] - first[self.member[order]], starts, axis=0)
        return first + sums / np.bincount(self.member, minlength=self.n_rows)[:, None]


@dataclass(frozen=True, slots=True)
class Units:
    """The wells and compounds of some rows.

    Attributes:
        wells: (n,) number of the row's well.
        compounds: (n,) the row's compound, empty for a control: a solvent is no compound.
    """

    wells: Codes
    compounds: NDArray[np.str_]

    @property
    def groups(self) -> Codes:
        """Number the compounds, each control well being a group of its own, as in a split by compound: (n,)."""
        control = np.flatnonzero(self.compounds == "")
        groups = np.unique(self.compounds, return_inverse=True)[1].reshape(-1).astype(np.int64)
        groups[control] = groups.max(initial=0) + 1 + self.wells[control]
        return groups

    def of(self, mask: NDArray[np.bool_]) -> "Units":
        """Give the units of some of the rows."""
        return Units(self.wells[mask], self.compounds[mask])


def find_units(table: pd.DataFrame) -> Units:
    """Find the wells and compounds of a whole table: whether a control is also a treatment only the whole shows."""
    wells: Codes = np.asarray(table.groupby([schema.PLATE, schema.WELL], sort=True).ngroup(), dtype=np.int64)
    try:
        compounds = compound_identity(table)
    except SplitError:  # no column, or it names no compound: then there are wells only
        compounds = np.full(len(table), "", np.str_)
    if schema.ROLE in table:  # a negative control holds no compound, whatever its row of the plate map is called
        compounds[(table[schema.ROLE].astype(object) == schema.ROLE_NEGATIVE).to_numpy()] = ""
    return Units(wells, compounds)


def make_level(
    name: str, folds: Codes, codes: Codes, units: Units, split_by: str, truths: Float | None = None
) -> Level | None:
    """Group test rows to one level; None where it does not exist, since no row is of a compound.

    Args:
        name: site, well or compound.
        folds: (n,) fold of each test row.
        codes: (n,) their true classes.
        units: theirs.
        split_by: compounds are drawn where the split groups by compound, wells otherwise.
        truths: (n, n_classes) of sites of several labels, which a row averages; their codes are all 0.
    """
    compounds = bool((units.compounds != "").any())
    if name == "compound" and not compounds:
        return None
    cluster = units.groups if name == "compound" or (split_by == "compound" and compounds) else units.wells
    unit = {"site": np.arange(codes.size), "well": units.wells, "compound": cluster}[name]
    _, first, member = np.unique(np.stack([unit, codes]), axis=1, return_index=True, return_inverse=True)
    member = member.reshape(-1).astype(np.int64)
    one_fold = bool((folds == folds[first][member]).all())
    clusters = np.unique(cluster[first], return_inverse=True)[1].reshape(-1).astype(np.int64)
    strata = folds[first] if one_fold else np.zeros(first.size, dtype=np.int64)
    level = Level(name, member, codes[first], clusters, strata)
    return level if truths is None else replace(level, truths=mean_known(truths, member, first.size))


def mean_known(truths: Float, member: Codes, n_rows: int) -> Float:
    """Average what is known of a row's sites, NaN where nothing is: (n_rows, n_classes)."""
    known = ~np.isnan(truths)
    total, count = np.zeros((n_rows, truths.shape[1])), np.zeros((n_rows, truths.shape[1]))
    np.add.at(total, member, np.where(known, truths, 0.0))
    np.add.at(count, member, known)
    means: Float = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means
