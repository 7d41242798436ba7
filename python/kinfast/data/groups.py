"""Groups: which sites must stay on one side of a split."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.errors import SplitError

LEVELS = ("image", "well", "plate", "compound")
COMPOUND_PLATE = "compound-plate"
"""A split by both: neither the compounds nor the plates of the test part are trained on."""
INCHIKEY = "Metadata_InChIKey"
"""A compound's identity where it is known: suppliers' ids differ between versions of one plate."""
NO_COMPOUND = frozenset({"", "dmso", "control", "vehicle", "untreated", "mock", "none"})
"""Names, in lower case, that are no compound."""


def group_sites(sites: pd.DataFrame, by: str) -> NDArray[np.str_]:
    """Name the group of each site: (n,) text; sites of one name must not stand on two sides.

    With `compound`, all wells and doses of a compound are one group, over all plates. Controls are no compound: their
    wells are a group each, unless the same compound is also a treatment.

    Raises:
        SplitError: the level is unknown, or there is no compound column to group by.
    """
    if by not in LEVELS:
        raise SplitError(f"split by {by!r} is unknown: wanted {', '.join(LEVELS)}")
    if by == "plate":
        return sites[schema.PLATE].astype(str).to_numpy(np.str_)
    if by == "image":
        return _join(sites, schema.KEY)
    wells = _join(sites, [schema.PLATE, schema.WELL])
    if by == "well":
        return wells
    compounds = compound_identity(sites)
    return np.where(compounds == "", np.char.add("well ", wells), np.char.add("compound ", compounds))


def compound_identity(sites: pd.DataFrame) -> NDArray[np.str_]:
    """Give each site's compound: (n,) its InChIKey where known, else its name; empty for a control.

    Raises:
        SplitError: the table has no compound column, or an empty one.
    """
    if schema.COMPOUND not in sites.columns:
        raise SplitError(
            f"no column {schema.COMPOUND} to split by compound: give --metadata to preprocess, or split by well"
        )
    names = _text(sites, schema.COMPOUND)
    identity = _text(sites, INCHIKEY) if INCHIKEY in sites.columns else np.full(len(sites), "", np.str_)
    identity = np.where(identity == "", names, identity)
    none = np.isin(np.char.lower(names), sorted(NO_COMPOUND))
    if none.all():
        raise SplitError(
            f"{schema.COMPOUND} names no compound (only {', '.join(sorted(set(names.tolist())))!r}): split by well"
        )
    roles = _text(sites, schema.ROLE) if schema.ROLE in sites.columns else np.full(len(sites), "", np.str_)
    control = np.isin(roles, (schema.ROLE_NEGATIVE, schema.ROLE_POSITIVE))
    treatments = set(identity[~control & ~none].tolist())
    lone_control = control & ~np.isin(identity, sorted(treatments))
    return np.where(none | lone_control, "", identity)


def _join(sites: pd.DataFrame, columns: list[str]) -> NDArray[np.str_]:
    parts = [sites[column].astype(str).to_numpy(np.str_) for column in columns]
    joined = parts[0]
    for part in parts[1:]:
        joined = np.char.add(np.char.add(joined, "\x1f"), part)
    return joined


def _text(sites: pd.DataFrame, column: str) -> NDArray[np.str_]:
    return np.char.strip(sites[column].astype(object).where(sites[column].notna(), "").astype(str).to_numpy(np.str_))
