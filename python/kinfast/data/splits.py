"""Splits: which sites are trained, validated and tested on, by groups that never stand on two sides."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.crossed import TEST as _TEST
from kinfast.data.crossed import TRAIN as _TRAIN
from kinfast.data.crossed import UNLABELLED as _UNLABELLED
from kinfast.data.crossed import VALIDATION as _VALIDATION
from kinfast.data.crossed import Parts, cross_parts, hold_out, repeat_seeds, validate_by_well
from kinfast.data.deal import GROUPS_FOR_ALL_PARTS, Deal, Groups, tabulate_groups
from kinfast.data.groups import COMPOUND_PLATE, group_sites
from kinfast.data.labels import LabelledSites
from kinfast.errors import SplitError

TEST_FRACTION = 0.2
"""Source: the thesis, 3.8."""
VALIDATION_FRACTION = 0.2
"""Of what is not test."""
LEVELS = ("image", "well", "plate", "compound", COMPOUND_PLATE)
_NAMES = np.array([schema.PART_TRAIN, schema.PART_VALIDATION, schema.PART_TEST, schema.PART_UNLABELLED])


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A split and what a person should know about it.

    Attributes:
        frame: the manifest: the key columns, `fold` (0 …), `part`; for each fold a row per site, in the table's order.
        by: image, well, plate, compound or compound-plate.
        notes: lines to print: classes with too few groups, what follows from it.
    """

    frame: pd.DataFrame
    by: str
    notes: tuple[str, ...]

    @property
    def n_folds(self) -> int:
        """How many folds there are; 1 for a single split."""
        return int(self.frame[schema.FOLD].max()) + 1

    @property
    def hash(self) -> str:
        """Fingerprint of who is where."""
        return split_hash(self.frame)

    def rows(self, fold: int, part: str) -> NDArray[np.int64]:
        """Give the positions, in the table that was split, of a fold's part."""
        mine = self.frame.loc[self.frame[schema.FOLD] == fold, schema.PART].to_numpy()
        return np.flatnonzero(mine == part).astype(np.int64)


def choose_level(sites: pd.DataFrame, labels: LabelledSites) -> tuple[str, str]:
    """Choose what to split by when nobody said: by compound where the labels allow it, else by well.

    Returns:
        The level, and a line that says which and why.
    """
    try:
        _check_level("compound", labels)
        groups = group_sites(sites, "compound")
    except SplitError as error:
        return "well", f"split by well, not by compound: {error}"
    few = {name: n for name, n in _groups_per_class(groups, labels).items() if n < GROUPS_FOR_ALL_PARTS}
    if few:
        shown = ", ".join(f"{name} {n}" for name, n in list(few.items())[:5]) + (", …" if len(few) > 5 else "")
        return "well", (
            f"split by well, not by compound: {len(few)} of {len(labels.class_names)} classes have fewer than "
            f"{GROUPS_FOR_ALL_PARTS} compounds ({shown}); the same compound is on both sides"
        )
    return "compound", "split by compound: all wells and doses of a compound are on one side"


def make_split(
    sites: pd.DataFrame,
    labels: LabelledSites,
    *,
    by: str,
    folds: int | None = None,
    repeats: int = 1,
    seed: int = 0,
    validation_fraction: float = VALIDATION_FRACTION,
    test_fraction: float = TEST_FRACTION,
    stratified: bool = True,
    held_out: NDArray[np.bool_] | None = None,
) -> Split:
    """Split the labelled sites by groups. The result depends on the keys and the seed, not on the rows' order.

    With folds, each labelled site is in the test part of exactly one fold of each repetition. Each class's groups are
    dealt out evenly, so that every fold's test part gets the same number of them, give or take one. A class with too
    few groups for all parts is kept: it goes to train first (without folds), and the notes name it.

    Args:
        sites: the store's table.
        labels: aligned with it.
        by: image, well, plate, compound or compound-plate.
        folds: how many, 2 or more; None (or 1) makes a single split.
        repeats: how often all is dealt out anew; the folds of the second repetition follow those of the first.
        seed: of the dealing.
        validation_fraction: share of the groups that are not test; 0 makes no validation part.
        test_fraction: share of the groups, without folds.
        stratified: deal class by class.
        held_out: (n,) sites of a second data set that all tests are made on; then there is one fold.

    Raises:
        SplitError: the labels do not allow it, or a part would be empty.
    """
    _check_level(by, labels)
    _check_fractions(folds, validation_fraction, test_fraction)
    if repeats < 1 or (held_out is not None and (folds or 1) * repeats > 1):
        raise SplitError(
            f"{folds} folds, {repeats} repeats: wanted 1 or more, and a single one where --test-on is given"
        )
    order = np.lexsort([sites[column].to_numpy() for column in reversed(schema.KEY)])
    ordered, codes = sites.iloc[order], labels.codes[order]
    parts: list[Parts] = []
    notes = _notes(sites, labels, by, folds)
    for own_seed in repeat_seeds(seed, repeats):
        if held_out is not None:
            found, said = hold_out(
                ordered, codes, held_out[order], by=by, seed=own_seed, validation_fraction=validation_fraction
            )
            dealt, notes = [found], [*notes, *said]
        elif by == COMPOUND_PLATE:
            dealt = cross_parts(
                ordered,
                codes,
                folds=folds,
                seed=own_seed,
                validation_fraction=validation_fraction,
                test_fraction=test_fraction,
            )
        else:
            dealt = _deal_parts(ordered, codes, by, folds, own_seed, (validation_fraction, test_fraction), stratified)
        if by == "plate" and validation_fraction and any(not (fold == _VALIDATION).any() for fold in dealt):
            dealt = [
                validate_by_well(ordered, codes, fold, own_seed, validation_fraction, number)
                for number, fold in enumerate(dealt)
            ]
            notes.append("too few plates for a validation part of their own: it is taken by well from the train plates")
        parts += dealt
    for fold in parts:
        _check_parts(fold, by, validation_fraction)
    inverse = np.argsort(order)
    frames = [_manifest(sites, number, fold[inverse]) for number, fold in enumerate(parts)]
    return Split(pd.concat(frames, ignore_index=True), by, tuple(dict.fromkeys(notes)))


def _deal_parts(
    sites: pd.DataFrame,
    codes: NDArray[np.int64],
    by: str,
    folds: int | None,
    seed: int,
    fractions: tuple[float, float],
    stratified: bool,
) -> list[Parts]:
    """Deal the groups of one level out, once."""
    table, strata = tabulate_groups(group_sites(sites, by), codes)
    deal = Deal(table, strata if stratified else np.zeros_like(strata), seed)
    if folds is None or folds == 1:
        tests = [deal.share(np.ones(len(table.sizes), np.bool_), fractions[1], stream=0)]
    else:
        tests = deal.folds(folds)
    parts = []
    for fold, test in enumerate(tests):
        validation = deal.share(~test, fractions[0], stream=fold + 1)
        parts.append(_site_parts(table, np.where(test, _TEST, np.where(validation, _VALIDATION, _TRAIN))))
    return parts


def split_hash(frame: pd.DataFrame) -> str:
    """Hash a manifest, whatever the order of its rows: 16 hexadecimal digits."""
    lines = frame[[*schema.KEY, schema.FOLD, schema.PART]].astype(str).agg("\t".join, axis=1)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def part_rows(frame: pd.DataFrame, sites: pd.DataFrame, fold: int, part: str) -> NDArray[np.int64]:
    """Find a manifest's sites in a table by their keys: ascending positions.

    Raises:
        SplitError: the table lacks some of them.
    """
    wanted = frame.loc[(frame[schema.FOLD] == fold) & (frame[schema.PART] == part), schema.KEY]
    positions = pd.MultiIndex.from_frame(sites[schema.KEY]).get_indexer(pd.MultiIndex.from_frame(wanted))
    if (positions < 0).any():
        lost = wanted[positions < 0].iloc[0].tolist()
        raise SplitError(f"the split names {(positions < 0).sum()} sites that the store lacks, first {lost}")
    return np.sort(positions).astype(np.int64)


def _site_parts(table: Groups, group_parts: NDArray[np.int64]) -> Parts:
    parts = np.full(len(table.of_site), _UNLABELLED, np.int64)
    inside = table.of_site >= 0
    parts[inside] = group_parts[table.of_site[inside]]
    return parts


def _manifest(sites: pd.DataFrame, fold: int, parts: NDArray[np.int64]) -> pd.DataFrame:
    frame = sites[schema.KEY].copy()
    frame[schema.FOLD] = np.int64(fold)
    frame[schema.PART] = _NAMES[parts]
    return frame


def _groups_per_class(groups: NDArray[np.str_], labels: LabelledSites) -> dict[str, int]:
    return {name: len(np.unique(groups[labels.members(code)])) for code, name in enumerate(labels.class_names)}


def _notes(sites: pd.DataFrame, labels: LabelledSites, by: str, folds: int | None) -> list[str]:
    unit = "compound" if by == COMPOUND_PLATE else by
    counts = _groups_per_class(group_sites(sites, unit), labels)
    single = [name for name, n in counts.items() if n == 1]
    few = [name for name, n in counts.items() if 1 < n < max(folds or 1, GROUPS_FOR_ALL_PARTS)]
    notes = []
    if single:
        fate = "each is tested by a model that never saw it" if folds and folds > 1 else "trained on, never tested"
        notes.append(f"{len(single)} classes have one {unit} only ({fate}): {_listed(single)}")
    if few:
        notes.append(f"{len(few)} classes have too few {unit}s to be in every part: {_listed(few)}")
    notes.append(
        f"policy for small classes: all are kept; {GROUPS_FOR_ALL_PARTS} {unit}s are needed to be in every part, and a "
        "class with fewer is trained on first (--classes or --min-compounds leaves it out)"
    )
    return notes


def _listed(names: list[str]) -> str:
    return "; ".join(names[:10]) + (f"; and {len(names) - 10} more" if len(names) > 10 else "")


def _check_level(by: str, labels: LabelledSites) -> None:
    if by not in LEVELS:
        raise SplitError(f"split by {by!r} is unknown: wanted {', '.join(LEVELS)}")
    if by in ("compound", COMPOUND_PLATE) and (labels.task == "compound" or labels.label == schema.COMPOUND):
        raise SplitError(
            "the classes are the compounds themselves, so a split by compound would test on classes never trained on: "
            "split by well, plate or image"
        )


def _check_fractions(folds: int | None, validation: float, test: float) -> None:
    if folds is not None and folds < 1:
        raise SplitError(f"{folds} folds: wanted 2 or more, or none for a single split")
    if not 0 <= validation < 1 or not 0 < test < 1:
        raise SplitError(f"fractions {validation} (validation) and {test} (test): wanted 0 to 1")


def _check_parts(parts: NDArray[np.int64], by: str, validation_fraction: float) -> None:
    wanted = {_TRAIN: "train", _TEST: "test"} | ({_VALIDATION: "validation"} if validation_fraction else {})
    empty = [name for part, name in wanted.items() if not (parts == part).any()]
    if empty:
        raise SplitError(
            f"the groups (by {by}) are too few: nothing is left for {' and '.join(empty)}; "
            "wanted a finer split, fewer folds or more plates"
        )
