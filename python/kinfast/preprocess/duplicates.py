"""Sites that show the very same pixels under two keys: a stage that did not move, or a file copied over another."""

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.preprocess.plate_task import PIXEL_HASH


def find_duplicates(sites: pd.DataFrame, channels: tuple[str, ...]) -> list[str]:
    """Give each site's doubles (see `find_doubles`) as its reason in one line, empty where it has none."""
    return [describe_doubles(found) for found in find_doubles(sites, channels)]


def describe_doubles(found: list[str]) -> str:
    """Put a site's doubles into one line, empty where there is none."""
    return f"duplicate: {', '.join(found)}" if found else ""


def find_doubles(sites: pd.DataFrame, channels: tuple[str, ...]) -> list[list[str]]:
    """Compare the pixels' hashes over all plates and channels. Blank images are alike by nature and left out.

    A site with one frame in two of its channels is named: the camera gave it twice. Within one well the first of equal
    sites stays good, since its label is right. Across wells all of them are named: nobody can tell which of the labels
    is wrong.

    Args:
        sites: rows of the shards, sorted.
        channels: names.

    Returns:
        For each site its channels that show the same as another, in words.
    """
    reasons: list[list[str]] = [[] for _ in range(len(sites))]
    names = [f"{p} {w} s{s}" for p, w, s in sites[[schema.PLATE, schema.WELL, schema.SITE]].itertuples(index=False)]
    wells = (sites[schema.PLATE] + "/" + sites[schema.WELL]).to_numpy()
    _find_stuck(sites, channels, reasons)
    for channel in channels:
        low, high = (sites[schema.quality(m, channel)].to_numpy() for m in ("min", "max"))
        hashes = sites[PIXEL_HASH + channel].to_numpy()
        for group in _equal_groups(hashes, np.flatnonzero(high > low)):
            first = group[0]
            for i in group[1:] if (wells[group] == wells[first]).all() else group:
                other = names[first] if i != first else names[group[1]]
                reasons[i].append(f"{channel} as in {other}")
    return reasons


def _find_stuck(sites: pd.DataFrame, channels: tuple[str, ...], reasons: list[list[str]]) -> None:
    """Name the channels of a site that show one frame."""
    hashes = sites[[PIXEL_HASH + channel for channel in channels]].to_numpy()
    spans = [sites[schema.quality("max", c)].to_numpy() > sites[schema.quality("min", c)].to_numpy() for c in channels]
    for one, first in enumerate(channels):
        for other in range(one + 1, len(channels)):
            for i in np.flatnonzero((hashes[:, one] == hashes[:, other]) & spans[one]):
                reasons[i].append(f"{channels[other]} as in {first} of the same site")


def _equal_groups(hashes: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Give the rows that share a hash, each group in rising order."""
    order = rows[np.argsort(hashes[rows], kind="stable")]
    if len(order) == 0:
        return []
    starts = np.flatnonzero(np.diff(hashes[order].astype(np.uint64)) != 0) + 1
    return [group for group in np.split(order, starts) if len(group) > 1]
