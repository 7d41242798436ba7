"""Labels: which class each site is of, which sites are left out of training, and what that takes from each class."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.errors import InputError, UsageError
from kinfast.plate.annotation.kinases import UNKNOWN, kinase_table
from kinfast.plate.annotation.targets import are_symbols, parse_targets
from kinfast.words import csv_words

TASKS = {
    "role": schema.ROLE,
    "compound": schema.COMPOUND,
    "target": schema.TARGET,
    "target-group": schema.TARGET,
}
"""Tasks of one class a site, and their column."""
HALF = 0.5
"""From this value on a soft target counts as one: at half inhibition, or half occupancy."""
ROLE_CLASSES = (schema.ROLE_NEGATIVE, schema.ROLE_TREATMENT)
CONTROL_CLASS = "control"
"""Class of the negative controls in the task `target`. Source: the thesis' 112 families and the control."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSites:
    """What is to be learned, aligned with the rows of the table that it was taken from.

    Attributes:
        label: the label column, or several joined by a comma.
        task: as it was named, or empty where a column was.
        class_names: verbatim, sorted.
        codes: (n,) int64 class of each site; -1 is unlabelled, be it by an empty label, a value that is no class, or a
            flag. Where a site has several labels, the rarest of them (for stratifying), or len(class_names) for none.
        unflagged_codes: (n,) int64, the codes as they were without any flag.
        excluded: (n,) bool, sites that have a class but that flags keep out of training.
        multi_hot: (n, n_classes) float32 where a site may have several labels, else None: 0 and 1, or, of soft targets,
            anything between; NaN where it is not known.
        taken: index class; columns `sites`, `kept`, `excluded` and one for each flag that took something.
    """

    label: str
    task: str
    class_names: tuple[str, ...]
    codes: NDArray[np.int64]
    unflagged_codes: NDArray[np.int64]
    excluded: NDArray[np.bool_]
    multi_hot: NDArray[np.float32] | None
    taken: pd.DataFrame
    soft: bool = False
    """Whether the values of multi_hot lie between 0 and 1."""

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(n,) bool, sites that may be trained, validated and tested on."""
        return self.codes >= 0

    def targets(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.float32]:
        """Give what a loss is computed against: (n,) int64 codes, or (n, n_classes) float32 with several labels."""
        return self.codes[rows] if self.multi_hot is None else self.multi_hot[rows]

    def spread(self, positions: NDArray[np.int64], n_sites: int) -> "LabelledSites":
        """Align with a larger table: row i becomes row positions[i] of n_sites; the others are unlabelled."""
        codes = np.full(n_sites, -1, np.int64)
        codes[positions] = self.codes
        excluded = np.zeros(n_sites, np.bool_)
        excluded[positions] = self.excluded
        hot = self.multi_hot
        if hot is not None:
            hot = np.zeros((n_sites, len(self.class_names)), np.float32)
            hot[positions] = self.multi_hot
        unflagged = np.full(n_sites, -1, np.int64)
        unflagged[positions] = self.unflagged_codes
        return replace(self, codes=codes, unflagged_codes=unflagged, excluded=excluded, multi_hot=hot)

    def members(self, code: int) -> NDArray[np.bool_]:
        """(n,) bool, the labelled sites of a class; of soft targets those at `HALF` or more."""
        inside: NDArray[np.bool_] = np.asarray(self.codes == code, np.bool_)
        if self.multi_hot is not None:
            inside = np.asarray(self.labelled & (self.multi_hot[:, code] >= HALF), np.bool_)
        return inside

    def class_counts(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Count the rows' sites of each class: (n_classes,) float32; of soft targets the sum."""
        if self.multi_hot is not None:
            sums: NDArray[np.float32] = np.nansum(self.multi_hot[rows], axis=0).astype(np.float32)
            return sums
        return np.bincount(self.codes[rows], minlength=len(self.class_names)).astype(np.float32)

    def class_weights(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Weigh classes by the inverse of their frequency among the rows; a class with none there gets 0.

        Returns:
            (n_classes,) float32 n / (k x count), k the classes present. Source: scikit-learn's `balanced`.
        """
        counts = self.class_counts(rows)
        present = counts > 0
        weights = np.zeros(len(counts), np.float32)
        weights[present] = counts[present].sum() / (present.sum() * counts[present])
        return weights

    def class_of_sites(self) -> list[str | None]:
        """Give each site's class, those that flags take included; None where it has none."""
        names = (*self.class_names, None, None)  # of several labels: none of them; and no label
        return [names[code] for code in self.unflagged_codes]


def parse_classes(text: str) -> tuple[str, ...]:
    """Read a list of class names as one CSV row: `"VEGrFR,Src",mTOR` is two."""
    return csv_words(text)


def select_labels(
    sites: pd.DataFrame,
    *,
    label: str | None = None,
    task: str | None = None,
    classes: str | Sequence[str] | None = None,
    excluded_flags: Sequence[str] = tuple(schema.EXCLUDED_FLAGS),
) -> LabelledSites:
    """Take one label per site from a column.

    Args:
        sites: the store's table, or any table with the label column; flag columns that it lacks flag nothing.
        label: a column; its values become the classes' names.
        task: role (negcon against trt), compound, or target (with the negative controls as `control`), instead.
        classes: the values that count, as a list or one CSV row; by default all (for the task role: negcon, trt).
        excluded_flags: columns that keep a site out of training; a person's own exclusions always do.

    Raises:
        UsageError: not exactly one of label and task, or an unknown one, or a class that no site has.
        InputError: fewer than two classes are left.
    """
    column = _label_column(sites, label, task)
    values = [spell_value(value) for value in sites[column]]
    if task == "target":
        negative = _negative(sites)
        values = [CONTROL_CLASS if v is None and control else v for v, control in zip(values, negative, strict=True)]
    if task == "target-group":
        values = group_values(values, _negative(sites))
    wanted = parse_classes(classes) if isinstance(classes, str) else tuple(classes or ())
    if task == "role" and not wanted:
        wanted = ROLE_CLASSES
    names = name_classes(values, wanted, column)
    position = {name: code for code, name in enumerate(names)}
    raw = np.array([position.get(value, -1) if value is not None else -1 for value in values], np.int64)
    return finish_labels(sites, column, task or "", names, raw, None, excluded_flags)


def group_values(targets: Sequence[str | None], negative: Sequence[bool]) -> list[str | None]:
    """Give the kinase group of each site's targets; None where they are unknown or lie in several groups."""
    table, cells = kinase_table(), [text for text in targets if text]
    symbols = are_symbols(cells)
    found: dict[str, str | None] = {}
    for text in dict.fromkeys(cells):
        groups = table.groups(parse_targets(text, symbols=symbols).names)
        found[text] = groups[0] if len(groups) == 1 and groups[0] != UNKNOWN else None
    return [
        CONTROL_CLASS if control else found.get(text or "") for text, control in zip(targets, negative, strict=True)
    ]


def _label_column(sites: pd.DataFrame, label: str | None, task: str | None) -> str:
    if (label is None) == (task is None):
        raise UsageError("wanted a task (role, compound, target, …) or a label column: give one of --task and --label")
    if task is not None and task not in TASKS:
        raise UsageError(
            f"task {task!r} is unknown: wanted {', '.join(TASKS)}, targets or target-profile; "
            "--label COLUMN takes any column"
        )
    column = label if label is not None else TASKS[str(task)]
    require_column(sites, column)
    return column


def require_column(sites: pd.DataFrame, column: str) -> None:
    if column not in sites.columns:
        known = [name for name in sites.columns if str(name).startswith("Metadata_")]
        raise UsageError(f"no column {column!r} among the sites; there are {', '.join(known)}")


def spell_value(value: object) -> str | None:
    """Spell a value as a class's name: text without blanks around it, numbers shortest, None where empty."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else str(int(value) if float(value).is_integer() else value)
    return str(value).strip() or None


def _negative(sites: pd.DataFrame) -> list[bool]:
    if schema.ROLE not in sites.columns:
        return [False] * len(sites)
    return [spell_value(role) == schema.ROLE_NEGATIVE for role in sites[schema.ROLE]]


def name_classes(values: Sequence[str | None], wanted: Sequence[str], column: str) -> tuple[str, ...]:
    present = sorted({str(value) for value in values if value is not None})
    absent = [name for name in wanted if name not in present]
    if absent:
        few = ", ".join(present[:12]) + (", …" if len(present) > 12 else "")
        raise UsageError(f"no site has {column} {', '.join(map(repr, absent))}; there are {few or 'no values at all'}")
    return tuple(sorted(set(wanted))) if wanted else tuple(present)


def finish_labels(
    sites: pd.DataFrame,
    label: str,
    task: str,
    names: tuple[str, ...],
    raw: NDArray[np.int64],
    hot: NDArray[np.float32] | None,
    excluded_flags: Sequence[str],
    soft: bool = False,
) -> LabelledSites:
    flags = _flags(sites, excluded_flags)
    excluded = flags.to_numpy(np.bool_).any(axis=1) & (raw >= 0)
    codes = np.where(excluded, -1, raw).astype(np.int64)
    taken = _count_taken(names, raw, codes, flags)
    _check_vanished(names, raw, excluded, hot, flags)
    if len(names) < 2:
        found = ", ".join(names) or "none"
        raise InputError(f"{label}: {len(names)} class with usable sites ({found}), wanted at least two")
    return LabelledSites(label, task, names, codes, raw, excluded, hot, taken, soft)


def _flags(sites: pd.DataFrame, excluded_flags: Sequence[str]) -> pd.DataFrame:
    unknown = [flag for flag in excluded_flags if flag not in schema.FLAGS and flag not in sites.columns]
    if unknown:
        raise UsageError(f"no flag {', '.join(unknown)}; there are {', '.join(schema.FLAGS)}")
    wanted = [flag for flag in (*excluded_flags, schema.FLAG_EXCLUDED) if flag in sites.columns]
    return sites[wanted].fillna(False).astype(bool)


def _count_taken(
    names: tuple[str, ...], raw: NDArray[np.int64], codes: NDArray[np.int64], flags: pd.DataFrame
) -> pd.DataFrame:
    def count(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(raw[mask & (raw >= 0)], minlength=len(names))[: len(names)].astype(np.int64)

    table = {"sites": count(raw >= 0), "kept": count(codes >= 0), "excluded": count((raw >= 0) & (codes < 0))}
    for flag in flags.columns:
        if (taken := count(flags[flag].to_numpy(np.bool_))).any():
            table[str(flag)] = taken
    return pd.DataFrame(table, index=pd.Index(names, name="class"))


def _check_vanished(
    names: tuple[str, ...],
    raw: NDArray[np.int64],
    excluded: NDArray[np.bool_],
    hot: NDArray[np.float32] | None,
    flags: pd.DataFrame,
) -> None:
    """Refuse a class of which flags leave no site: a model without it would not be what was asked for."""
    for code, name in enumerate(names):
        members = raw == code if hot is None else (raw >= 0) & (hot[:, code] > 0)
        if not members.any() or not excluded[members].all():
            continue
        counts = flags[members].sum()
        causes = [f"{int(n)} {str(flag).removeprefix('Flag_')}" for flag, n in counts.items() if n]
        first = str(counts.idxmax()).removeprefix("Flag_")
        way = "change the --exclude list" if first == "excluded" else f"--policy {first}=only-report trains on them"
        raise InputError(
            f"flags leave no site of class {name!r}: {int(members.sum())} left out ({', '.join(causes)}); {way}, "
            "--classes leaves the class out, and the store's report.html shows them"
        )
