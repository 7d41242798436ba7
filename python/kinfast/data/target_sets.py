"""The task `targets`: each target a label of its own, several a site, those that are not known left out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.data.groups import compound_identity
from kinfast.data.labels import LabelledSites, finish_labels, name_classes, parse_classes, require_column, spell_value
from kinfast.data.multilabel import rarest_label
from kinfast.plate.annotation.targets import TargetSet, are_symbols, parse_targets


def select_target_sets(
    sites: pd.DataFrame,
    *,
    classes: str | Sequence[str] | None = None,
    excluded_flags: Sequence[str] = tuple(schema.EXCLUDED_FLAGS),
) -> LabelledSites:
    """Give each site the set of its compound's targets.

    A target that is named is 1, one that is not 0. Not known (NaN) are a name with a ? behind it, and all other targets
    where the set is open: by a lone ?, or a word that is no known target. Negative controls have none. A compound
    without a target is unlabelled: nothing is known of it.

    Args:
        sites: the store's table.
        classes: targets that count; by default all.
        excluded_flags: as in `select_labels`.

    Raises:
        UsageError: there is no column of targets. InputError: fewer than two targets.
    """
    require_column(sites, schema.TARGET)
    cells = [spell_value(value) for value in sites[schema.TARGET]]
    symbols = are_symbols(cell for cell in cells if cell)
    read = {cell: parse_targets(cell, symbols=symbols) for cell in dict.fromkeys(cells) if cell}
    roles = sites[schema.ROLE] if schema.ROLE in sites.columns else [None] * len(sites)
    sets = [
        TargetSet(()) if spell_value(role) == schema.ROLE_NEGATIVE else read.get(cell or "")
        for cell, role in zip(cells, roles, strict=True)
    ]
    wanted = parse_classes(classes) if isinstance(classes, str) else tuple(classes or ())
    names = name_classes([name for found in read.values() for name in found.names], wanted, schema.TARGET)
    position = {name: index for index, name in enumerate(names)}
    hot = np.full((len(sites), len(names)), np.nan, np.float32)
    for row, found in enumerate(sets):
        if found is None:
            continue
        hot[row] = np.nan if found.open else 0.0
        hot[row, [position[name] for name in found.possible if name in position]] = np.nan
        hot[row, [position[name] for name in found.names if name in position]] = 1.0
    known = np.asarray(~np.isnan(hot).all(axis=1), np.bool_)
    return finish_labels(sites, schema.TARGET, "targets", names, rarest_label(hot, known), hot, excluded_flags)


def count_compounds(sites: pd.DataFrame, labels: LabelledSites) -> dict[str, int]:
    """Count the compounds behind each class; a class of controls alone has none."""
    compounds = compound_identity(sites)
    return {
        name: len(set(compounds[labels.members(code)].tolist()) - {""}) for code, name in enumerate(labels.class_names)
    }


def large_classes(sites: pd.DataFrame, labels: LabelledSites, least: int) -> tuple[tuple[str, ...], str]:
    """Choose the classes that `least` compounds stand behind; one of controls alone stays.

    Returns:
        Their names, and a line that says which go.
    """
    counts = count_compounds(sites, labels)
    small = {name: n for name, n in counts.items() if 0 < n < least}
    kept = tuple(name for name in labels.class_names if name not in small)
    named = "; ".join(f"{name} {n}" for name, n in small.items()) or "none"
    return kept, f"classes with fewer than {least} compounds are left out: {len(small)} of {len(counts)} ({named})"
