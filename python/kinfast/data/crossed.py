"""Splits that are more than one deal: compounds and plates crossed, a second data set held out, validation by well."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast.data.deal import Deal, tabulate_groups
from kinfast.data.groups import group_sites
from kinfast.errors import SplitError

TRAIN, VALIDATION, TEST, UNLABELLED = range(4)
Parts = NDArray[np.int64]
"""(n,) part of each site."""


def cross_parts(
    sites: pd.DataFrame,
    codes: NDArray[np.int64],
    *,
    folds: int | None,
    seed: int,
    validation_fraction: float,
    test_fraction: float,
) -> list[Parts]:
    """Test compounds that were not trained on, on plates that were not trained on.

    Each fold holds out some compounds (controls by well) and some plates: the held-out compounds' wells on the held-out
    plates are the test part, the other compounds' wells on the other plates are trained and validated on (by
    compound), and what is neither is left out of the fold. With fewer plates than folds, plates take turns.

    Args:
        sites: n rows.
        codes: (n,) class of each site, -1 for none.
        folds: how many; None: a single split.
        seed: of the dealing.
        validation_fraction: share of the compounds that are not test.
        test_fraction: share of the compounds, and of the plates, without folds.

    Raises:
        SplitError: fewer than two plates, or a fold without test sites.
    """
    compounds, strata = tabulate_groups(group_sites(sites, "compound"), codes)
    plates, plate_strata = tabulate_groups(group_sites(sites, "plate"), codes)
    if len(plates.sizes) < 2:
        raise SplitError("a split by compound and plate needs two plates with labelled sites; there is 1: use compound")
    deal, plate_deal = Deal(compounds, strata, seed), Deal(plates, np.zeros_like(plate_strata), seed)
    everyone = np.ones(len(compounds.sizes), np.bool_)
    if folds is None or folds == 1:
        held = [deal.share(everyone, test_fraction, stream=0)]
        held_plates = [plate_deal.share(np.ones(len(plates.sizes), np.bool_), test_fraction, stream=0)]
    else:
        held, held_plates = deal.folds(folds), plate_deal.folds(min(folds, len(plates.sizes)))
    found = []
    for fold, test in enumerate(held):
        new_plate = _of_sites(held_plates[fold % len(held_plates)], plates.of_site)
        known_plate = _of_sites(~held_plates[fold % len(held_plates)], plates.of_site)
        validation = deal.share(~test, validation_fraction, stream=fold + 1)
        parts = np.full(len(sites), UNLABELLED, np.int64)
        parts[_of_sites(test, compounds.of_site) & new_plate] = TEST
        parts[_of_sites(~test & validation, compounds.of_site) & known_plate] = VALIDATION
        parts[_of_sites(~test & ~validation, compounds.of_site) & known_plate] = TRAIN
        found.append(parts)
    return found


def hold_out(
    sites: pd.DataFrame,
    codes: NDArray[np.int64],
    held_out: NDArray[np.bool_],
    *,
    by: str,
    seed: int,
    validation_fraction: float,
) -> tuple[Parts, list[str]]:
    """Test on all labelled sites of a second data set, and train and validate on the others.

    Args:
        sites: n rows of both.
        codes: (n,) class of each site, -1 for none.
        held_out: (n,) which sites are of the second.
        by: what stands on one side only. With `compound`, compounds of the second data set are left out of the first.
        seed: of the dealing.
        validation_fraction: share of the first data set's groups.

    Returns:
        The parts, and lines that a person should read.
    """
    compound = by == "compound"
    groups = group_sites(sites, by)
    theirs = np.unique(groups[held_out & (codes >= 0)])
    shared = compound & ~held_out & (codes >= 0) & np.isin(groups, theirs)
    own = np.where(held_out | shared, -1, codes)
    table, strata = tabulate_groups(groups, own)
    deal = Deal(table, strata, seed)
    validation = deal.share(np.ones(len(table.sizes), np.bool_), validation_fraction, stream=1)
    parts = np.full(len(sites), UNLABELLED, np.int64)
    parts[own >= 0] = np.where(_of_sites(validation, table.of_site), VALIDATION, TRAIN)[own >= 0]
    parts[held_out & (codes >= 0)] = TEST
    note = f"test: all {int((parts == TEST).sum())} labelled sites of the second data set"
    if compound:
        note += f"; its compounds are left out of the first ({int(shared.sum())} sites)"
    return parts, [note]


def validate_by_well(
    sites: pd.DataFrame, codes: NDArray[np.int64], parts: Parts, seed: int, fraction: float, fold: int
) -> Parts:
    """Take the validation part from the training part's wells, where there are too few plates for one of their own."""
    own = np.where(parts == TRAIN, codes, -1)
    table, strata = tabulate_groups(group_sites(sites, "well"), own)
    validation = Deal(table, strata, seed).share(np.ones(len(table.sizes), np.bool_), fraction, stream=fold + 1)
    return np.where(_of_sites(validation, table.of_site), VALIDATION, parts)


def repeat_seeds(seed: int, repeats: int) -> Sequence[int]:
    """Give each repetition's seed; the first is the seed itself."""
    return [seed, *(int(np.random.default_rng([seed, number]).integers(2**31)) for number in range(1, repeats))]


def _of_sites(of_group: NDArray[np.bool_], group_of_site: NDArray[np.int64]) -> NDArray[np.bool_]:
    inside = group_of_site >= 0
    result = np.zeros(len(group_of_site), np.bool_)
    result[inside] = of_group[group_of_site[inside]]
    return result
