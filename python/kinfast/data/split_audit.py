"""An audit of any split: what stands on two sides of it, down to the images themselves."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.data.leaks import check_leaks
from kinfast.data.store import PreparedStore
from kinfast.data.twins import NEAR, describe_images, find_twins
from kinfast.progress import Reporter, Silent

SHARED = ("images", "wells", "compounds", "plates")
LIKE = ("identical_images", "near_identical_images")
_SIDES = (schema.PART_TRAIN, schema.PART_VALIDATION, schema.PART_TEST)


@dataclass(frozen=True, slots=True)
class SplitAudit:
    """What was found.

    Attributes:
        shared: a row per fold and pair of parts: fold, first, second, how many images (sites), wells, compounds and
            plates are in both, and how many sites of the second have an identical or near-identical image in the
            first.
        twins: a row per such pair: fold, first and second part, both sites' keys, correlation, identical.
    """

    shared: pd.DataFrame
    twins: pd.DataFrame

    def entry(self) -> dict[str, Any]:
        """Give it as audit.json holds it."""
        return {
            "shared": self.shared.to_dict("records"),
            "twins": self.twins.to_dict("records"),
            "verdicts": self.verdicts(),
        }

    def verdicts(self) -> list[dict[str, Any]]:
        """Answer for each kind whether train and test share it: name, holds, text."""
        pairs = self.shared[(self.shared["first"] == schema.PART_TRAIN) & (self.shared["second"] == schema.PART_TEST)]
        found = []
        for kind in (*SHARED, *LIKE):
            most = int(pairs[kind].max()) if len(pairs) else 0
            words = kind.replace("_", " ")
            text = f"train and test share {most} {words}" if most else f"train and test share no {words}"
            if kind in LIKE and most:
                text = f"{most} test sites have {words.removesuffix('s')}s in train"
            found.append({"name": f"{kind}_on_both_sides", "holds": most > 0, "text": text})
        return found


def audit_split(
    frame: pd.DataFrame, store: PreparedStore, *, threads: int = 1, reporter: Reporter | None = None
) -> SplitAudit:
    """Audit a split of a store's sites.

    Args:
        frame: key columns, fold, part.
        store: that holds the sites.
        threads: of reading.
        reporter: told of the progress.
    """
    reporter = reporter or Silent()
    shared = check_leaks(frame, store.sites, "image", allow=True).shared
    keys = pd.MultiIndex.from_frame(store.sites[schema.KEY])
    where = keys.get_indexer(pd.MultiIndex.from_frame(frame[schema.KEY])).astype(np.int64)
    rows, position = np.unique(where, return_inverse=True)
    reporter.stage("comparing images", None, "folds")
    images = describe_images(store, rows, threads)
    parts, folds = frame[schema.PART].to_numpy(), frame[schema.FOLD].to_numpy()
    counts, twins = [], []
    for fold in np.unique(folds):
        for first, second in itertools.combinations(_SIDES, 2):
            one, other = (np.unique(position[(folds == fold) & (parts == part)]) for part in (first, second))
            pairs = find_twins(images, one.astype(np.int64), other.astype(np.int64))
            # a site that is on both sides is counted as an image that is shared, not as its own twin
            pairs = [pair for pair in pairs if pair[0] != pair[1]]
            identical = sum(pair[3] for pair in pairs)
            counts.append((identical, len(pairs) - identical))
            twins += [_pair(store.sites, rows, int(fold), first, second, pair) for pair in pairs]
        reporter.advance()
    shared = shared.assign(**dict(zip(LIKE, np.array(counts).T.tolist(), strict=True)))
    names = ["fold", "first", "second", "first_site", "second_site", "correlation", "identical"]
    return SplitAudit(shared, pd.DataFrame(twins, columns=names))


def audit_lines(audit: SplitAudit) -> list[str]:
    """Give an audit as lines of a terminal."""
    lines = [str(audit.shared.to_string(index=False)), ""]
    lines += [f"{'LEAK' if verdict['holds'] else 'ok  '}  {verdict['text']}" for verdict in audit.verdicts()]
    lines += [
        f"      {row['second_site']} ({row['second']}) is {'the same image as' if row['identical'] else 'much like'} "
        f"{row['first_site']} ({row['first']}), correlation {row['correlation']:.3f}"
        for row in audit.twins.head(10).to_dict("records")
    ]
    return [*lines, f"near-identical: thumbnails that correlate by {NEAR} or more, in any turn or mirroring"]


def _pair(
    sites: pd.DataFrame, rows: np.ndarray[Any, np.dtype[np.int64]], fold: int, first: str, second: str, pair: Any
) -> tuple[Any, ...]:
    def name(row: int) -> str:
        return " ".join(str(value) for value in sites.iloc[rows[row]][schema.KEY[:3]])

    return fold, first, second, name(pair[0]), name(pair[1]), round(pair[2], 4), pair[3]
