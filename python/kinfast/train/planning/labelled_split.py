"""Which sites a run learns from: the label of each and its part of the split, and what a person should know of both."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.inactive import exclude_inactive
from kinfast.data.labels import LabelledSites
from kinfast.data.leaks import check_leaks
from kinfast.data.merged import STORES, store_lines
from kinfast.data.policies import EXCLUDE, FlagPolicies, parse_policies, policy_lines
from kinfast.data.splits import Split, choose_level, make_split
from kinfast.data.store import PreparedStore
from kinfast.data.target_sets import large_classes
from kinfast.errors import UsageError
from kinfast.train.planning.label_task import select_task

FIRST_PLATE = "first"
"""Stands for the first plate by name, whatever it is called: a recipe knows no names."""


def without_inactive(store: PreparedStore, config: TrainConfig) -> tuple[PreparedStore, list[str]]:
    """Leave out the compounds that do nothing, where a table of them is given, and say which."""
    if config.drop_inactive is None:
        return store, []
    sites, lines = exclude_inactive(store.sites, Path(config.drop_inactive))
    return replace(store, sites=sites), lines


def choose_labels(store: PreparedStore, config: TrainConfig) -> tuple[LabelledSites, list[str]]:
    """Label the store's sites by the task, less what flags, plates and too small classes leave out.

    Returns:
        The labels; lines that say what was taken and what was left out.

    Raises:
        UsageError: there is nothing to learn, or a plate is unknown.
    """
    policies = parse_policies(config.policy)
    flags = policies.with_policy(EXCLUDE)
    task, note = config.task, []
    if config.label is None and task is None:
        task = _default_task(store)
        note = [f"task {task} (--task or --label says otherwise)"]
    plates = _plate_rows(store, config.plates)
    sites = store.sites if plates is None else store.sites.iloc[plates]
    labels, said = select_task(sites, config, task, config.classes, flags)
    if config.min_compounds > 1:
        kept, line = large_classes(sites, labels, config.min_compounds)
        labels, _ = select_task(sites, config, task, kept, flags)
        said = [*said, line]
    if plates is not None:
        labels = labels.spread(plates, len(store.sites))
    return labels, [*note, *said, *_class_lines(labels), *_flag_lines(store, labels, policies)]


def _plate_rows(store: PreparedStore, plates: tuple[str, ...] | None) -> NDArray[np.int64] | None:
    """Find the sites of the only plates that count; None where all do."""
    if not plates:
        return None
    names = store.sites[schema.PLATE].astype(str)
    known = sorted(names.unique())
    wanted = {known[0] if name == FIRST_PLATE else name for name in plates}
    if unknown := sorted(wanted - set(known)):
        raise UsageError(f"no plate {', '.join(unknown)}: the store has {', '.join(known[:12])}")
    return np.flatnonzero(names.isin(wanted)).astype(np.int64)


def _flag_lines(store: PreparedStore, labels: LabelledSites, policies: FlagPolicies) -> list[str]:
    """Say what flags take from each class and compound."""
    sites, excluded = store.sites, labels.excluded
    classes = labels.class_of_sites()
    lines = policy_lines(sites, classes, excluded, policies)
    if schema.COMPOUND in sites.columns and labels.label != schema.COMPOUND:
        compounds = [
            c if isinstance(c, str) and v is not None else None
            for c, v in zip(sites[schema.COMPOUND], classes, strict=True)
        ]
        lines += policy_lines(sites, compounds, excluded, policies)
    return [policies.describe(), *(lines or ["no labelled site has such a flag"])]


def _default_task(store: PreparedStore) -> str:
    """Choose the thesis' main question, the target, where targets are known, else compound against control."""
    sites = store.sites
    if schema.TARGET in sites.columns and sites[schema.TARGET].nunique() > 1:
        return "target"
    if schema.ROLE in sites.columns and sites[schema.ROLE].nunique() > 1:
        return "role"
    known = [name for name in sites.columns if str(name).startswith("Metadata_") and name not in schema.KEY]
    raise UsageError(
        f"{store.root} has neither targets nor roles to learn: give preprocess a --metadata table, or --label one of "
        f"{', '.join(known) or 'its columns (there are none)'}"
    )


def choose_split(store: PreparedStore, labels: LabelledSites, config: TrainConfig) -> tuple[Split, list[str]]:
    """Divide the labelled sites into training, validation and test parts, and check what they share.

    Raises:
        SplitError: the labels do not allow the split; LeakError: it leaks.
    """
    held_out = _held_out(store, config)
    if config.split_by is None and held_out is not None:
        level, reason = "plate", "train on one data set, test on another: no plate is on both sides"
    elif config.split_by is None:
        level, reason = choose_level(store.sites, labels)
    else:
        level, reason = config.split_by, f"split by {config.split_by}, as asked"
    split = make_split(
        store.sites,
        labels,
        by=level,
        folds=config.folds,
        repeats=config.repeats,
        seed=config.seed,
        validation_fraction=config.validation_fraction,
        test_fraction=config.test_fraction,
        held_out=held_out,
    )
    leaks = check_leaks(split.frame, store.sites, level, allow=config.allow_leak)
    return split, [*store_lines(store), reason, *_part_lines(store, split, labels), *leaks.lines(), *split.notes]


def _held_out(store: PreparedStore, config: TrainConfig) -> NDArray[np.bool_] | None:
    """Mark the sites of the store that is tested on only; None without one."""
    names = [part["name"] for part in store.dataset.get(STORES, ()) if part["test_only"]]
    if not names:
        if config.test_on:
            raise UsageError(f"--test-on {config.test_on}: the store was not opened with it")
        return None
    return store.sites[schema.STORE].isin(names).to_numpy(np.bool_)


def _class_lines(labels: LabelledSites) -> list[str]:
    counts = np.array([labels.members(code).sum() for code in range(len(labels.class_names))])
    order = np.argsort(-counts, kind="stable")
    shown = [f"{labels.class_names[index]} {counts[index]}" for index in order[:12]]
    more = f", and {len(order) - 12} smaller ones" if len(order) > 12 else ""
    unlabelled = int((labels.codes < 0).sum())
    head = (
        f"{len(order)} classes of {labels.label} (sites): {', '.join(shown)}{more}; {unlabelled} sites are unlabelled"
    )
    return [head]


def _part_lines(store: PreparedStore, split: Split, labels: LabelledSites) -> list[str]:
    wells = store.sites[schema.PLATE].astype(str) + "\x1f" + store.sites[schema.WELL].astype(str)
    lines = []
    for fold in range(split.n_folds):
        said = []
        for part in (schema.PART_TRAIN, schema.PART_VALIDATION, schema.PART_TEST):
            rows = split.rows(fold, part)
            classes = len(np.unique(labels.codes[rows]))
            said.append(f"{part} {len(rows)} sites of {wells.iloc[rows].nunique()} wells, {classes} classes")
        lines.append(f"fold {fold}: {'; '.join(said)}")
    return lines
