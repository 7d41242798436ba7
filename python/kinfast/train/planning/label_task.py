"""What a run learns: the labels of its task, and what there is to say of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kinfast.config import TrainConfig
from kinfast.data.labels import LabelledSites, select_labels
from kinfast.data.multilabel import select_multi_labels
from kinfast.data.profile import read_profile, select_profile
from kinfast.data.target_sets import select_target_sets
from kinfast.errors import UsageError

TARGETS, PROFILE, GROUP = "targets", "target-profile", "target-group"


def select_task(
    sites: pd.DataFrame,
    config: TrainConfig,
    task: str | None,
    classes: Sequence[str] | None,
    flags: Sequence[str],
) -> tuple[LabelledSites, list[str]]:
    """Take the labels of a task, or of one or several columns.

    Args:
        sites: the store's table.
        config: its label, selectivity and selectivity_kind are read.
        task: the task, None with a label.
        classes: those that count; None: all.
        flags: that exclude a site.

    Raises:
        UsageError, InputError: as in the functions that take labels; a profile without its task, or the reverse.
    """
    if (task == PROFILE) != (config.selectivity is not None):
        raise UsageError("--task target-profile and --selectivity FILE go together: give both or neither")
    if config.label is not None and "," in config.label and config.label not in sites.columns and task is None:
        columns = [name.strip() for name in config.label.split(",")]
        labels = select_multi_labels(sites, columns, classes=classes, excluded_flags=flags)
        return labels, _known_line(labels)
    if config.label is not None or task not in (TARGETS, PROFILE):
        labels = select_labels(sites, label=config.label, task=task, classes=classes, excluded_flags=flags)
        return labels, _group_line(sites, labels) if task == GROUP else []
    if config.selectivity is not None:
        profile = read_profile(Path(config.selectivity), config.selectivity_kind)
        return select_profile(sites, profile, classes=classes, excluded_flags=flags)
    labels = select_target_sets(sites, classes=classes, excluded_flags=flags)
    return labels, _known_line(labels)


def _known_line(labels: LabelledSites) -> list[str]:
    assert labels.multi_hot is not None
    hot = labels.multi_hot[labels.labelled]
    several = int((hot >= 0.5).sum(axis=1).max(initial=0))
    return [
        f"{len(labels.class_names)} labels, up to {several} a site; {np.isnan(hot).mean():.1%} of the values are "
        "not known and are left out of the loss"
    ]


def _group_line(sites: pd.DataFrame, labels: LabelledSites) -> list[str]:
    named = sites[labels.label].notna().to_numpy() & (labels.unflagged_codes < 0)
    n = sites.loc[named, labels.label].nunique()
    return [
        f"{n} sets of targets lie in several kinase groups, or in none that is known: their sites are unlabelled"
    ] * bool(n)
