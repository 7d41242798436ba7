"""Leaks: what stands on two sides of a split."""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.groups import COMPOUND_PLATE, compound_identity, group_sites
from kinfast.errors import LeakError, SplitError

_SIDES = (schema.PART_TRAIN, schema.PART_VALIDATION, schema.PART_TEST)


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What the parts of a split have in common.

    Attributes:
        shared: a row per fold and pair of parts: fold, first, second, and how many images, wells, compounds and plates
            have sites in both.
        by: what was split by.
        leaks: levels on which there is a leak: the split's own level, or a well on two sides. Other things shared,
            such as plates under a split by well, are what that split means.
    """

    shared: pd.DataFrame
    by: str
    leaks: tuple[str, ...]

    def lines(self) -> list[str]:
        """Say it in words: what train and test have in common, the most over the folds."""
        worst = self.shared[(self.shared["first"] == schema.PART_TRAIN) & (self.shared["second"] == schema.PART_TEST)]
        counts = [f"{int(worst[level].max())} {level}" for level in ("wells", "compounds", "plates")]
        return [f"train and test share {', '.join(counts)} (split by {self.by})"]


def check_leaks(frame: pd.DataFrame, sites: pd.DataFrame, by: str, *, allow: bool = False) -> LeakReport:
    """Count what stands on two sides, and refuse a leak.

    Args:
        frame: a manifest: key columns, fold, part.
        sites: the store's table, for wells and compounds.
        by: the level of the split.
        allow: report a leak, and go on. A split by image always leaks: a well's sites are on both sides.

    Raises:
        LeakError: a group of the split's level, or a well, is on two sides, and that was not allowed.
        SplitError: the manifest names sites that the table lacks.
    """
    names = _level_names(frame, sites, by)
    shared = pd.DataFrame(_count_shared(frame, names))
    # crossed: validation shares plates with train, and no fold may test on a compound or a plate that it trained on
    crossed = by == COMPOUND_PLATE
    counted = shared[shared["second"] == schema.PART_TEST] if crossed else shared
    levels = ("compounds", "plates", "wells") if crossed else (f"{by}s", "wells")
    if by == "plate":  # with too few plates validation is taken by well from the train plates
        counted = shared[shared["second"] == schema.PART_TEST]
    leaks = tuple(level for level in dict.fromkeys(levels) if int(counted[level].sum()) > 0)
    report = LeakReport(shared, by, leaks)
    if leaks and not allow:
        worst = counted.sort_values(leaks[0], kind="stable").iloc[-1]
        raise LeakError(
            f"split by {by}: {worst[leaks[0]]} {leaks[0]} are in both {worst['first']} and {worst['second']} of fold "
            f"{worst['fold']}; split by well, plate or compound, or give --allow-leak"
        )
    return report


def _level_names(frame: pd.DataFrame, sites: pd.DataFrame, by: str) -> dict[str, NDArray[np.str_]]:
    """Name each manifest row's image, well, compound and plate; the empty name is shared with nothing."""
    where = pd.MultiIndex.from_frame(sites[schema.KEY]).get_indexer(pd.MultiIndex.from_frame(frame[schema.KEY]))
    if (where < 0).any():
        raise SplitError(f"the split names {(where < 0).sum()} sites that the store lacks")
    names = {f"{level}s": group_sites(sites, level)[where] for level in ("image", "well", "plate")}
    try:
        names["compounds"] = compound_identity(sites)[where]
    except SplitError:
        if by in ("compound", COMPOUND_PLATE):
            raise
        names["compounds"] = np.full(len(frame), "", np.str_)
    return names


def _count_shared(frame: pd.DataFrame, names: dict[str, NDArray[np.str_]]) -> list[dict[str, object]]:
    parts, folds = frame[schema.PART].to_numpy(), frame[schema.FOLD].to_numpy()
    rows: list[dict[str, object]] = []
    for fold in np.unique(folds):
        for first, second in itertools.combinations(_SIDES, 2):
            one, other = ((folds == fold) & (parts == part) for part in (first, second))
            counts = {level: _n_common(values[one], values[other]) for level, values in names.items()}
            rows.append({"fold": int(fold), "first": first, "second": second, **counts})
    return rows


def _n_common(one: NDArray[np.str_], other: NDArray[np.str_]) -> int:
    common = np.intersect1d(one, other)
    return int((common != "").sum())
