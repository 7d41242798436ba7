"""Balanced sampling: an epoch in which each class has as many sites, however many it has in the train part.

Each class's sites stand in an endless line, one shuffled round after the other; the classes take turns, and an epoch is
the next so many turns. So no site is seen twice before all others of its class are, over epochs, too.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_TAG = 11
"""Parts these draws from those of order and augmentation, which come from the same seed."""


def balanced_rows(
    rows: NDArray[np.int64], codes: NDArray[np.int64], draws: int, seed: int, epoch: int
) -> NDArray[np.int64]:
    """Give the sites of an epoch: (draws,) int64, numbers of the classes differ by one at most.

    Args:
        rows: (n,) positions in the store's table, each once.
        codes: (n,) class of each.
        draws: sites of an epoch.
        seed: of the order.
        epoch: 0-based; what it holds depends on no other epoch.
    """
    classes = np.unique(codes)
    taken = []
    for turn, code in enumerate(classes):
        first, last = (_turns(turn, len(classes), end) for end in (epoch * draws, (epoch + 1) * draws))
        taken.append(_line(rows[codes == code], int(code), seed, first, last))
    return np.concatenate(taken)


def balance_lines(names: Sequence[str], counts: NDArray[np.int64], draws: int, epochs: int) -> list[str]:
    """Say what an epoch is, how often sites of the smallest and largest class are seen, and which never are.

    Args:
        names: of the classes.
        counts: (n_classes,) sites in the train part; classes of none are left out.
        draws: sites of an epoch.
        epochs: at most.
    """
    present = [(int(count), name) for count, name in zip(counts, names, strict=True) if count]
    each = draws / len(present)
    few, many = min(present), max(present)
    how_often = " and ".join(f"of {name} ({n} sites) {each / n:.3g} times" for n, name in dict.fromkeys((few, many)))
    lines = [
        f"balanced sampling: an epoch is {draws} sites, {each:g} of each of {len(present)} classes; it sees a site "
        f"{how_often}"
    ]
    never = [(count - int(each * epochs), name) for count, name in present if count > each * epochs]
    if never:
        said = ", ".join(f"{count} of {name}" for count, name in sorted(never, reverse=True)[:5])
        more = f", and of {len(never) - 5} other classes" if len(never) > 5 else ""
        lines.append(f"not seen at all in {epochs} epochs: {said}{more}; more --epochs or --steps-per-epoch see them")
    return lines


def _turns(turn: int, n_classes: int, end: int) -> int:
    """Count a class's turns among the first `end`."""
    return (end - turn + n_classes - 1) // n_classes


def _line(members: NDArray[np.int64], code: int, seed: int, first: int, last: int) -> NDArray[np.int64]:
    """Take places `first` to `last` of a class's line."""
    rounds = range(first // len(members), -(-last // len(members)))
    line = [members[np.random.default_rng([seed, code, number, _TAG]).permutation(len(members))] for number in rounds]
    skipped = first - rounds.start * len(members)
    return np.concatenate([*line, members[:0]])[skipped : skipped + last - first]
