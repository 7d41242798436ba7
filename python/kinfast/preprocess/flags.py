"""Flags: what is wrong with a site, as booleans, and why, in words. A flagged site stays in the store."""

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.measures import Measures
from kinfast.preprocess.thresholds import Thresholds

Flag = NDArray[np.bool_]
MUCH = 2.0
"""A single channel that is blurred by this factor beyond its threshold counts alone; else half of them must be."""


class Verdicts:
    """Flags of n sites with their reasons, filled one by one."""

    def __init__(self, n_sites: int) -> None:
        self.flags: dict[str, Flag] = {}
        self.reasons: list[list[str]] = [[] for _ in range(n_sites)]

    def add(self, name: str, flag: Flag, reasons: list[str]) -> None:
        """Set a flag; reasons: (n,), used where it is true."""
        self.flags[name] = flag
        for i in np.flatnonzero(flag):
            self.reasons[i].append(reasons[i])

    def texts(self) -> list[str]:
        """Give each site's reasons in one line; empty where there is none."""
        return ["; ".join(reasons) for reasons in self.reasons]


def flag_sites(measures: Measures, thresholds: Thresholds) -> Verdicts:
    """Judge every site of a plate; duplicates are found later, over all plates."""
    verdicts = Verdicts(len(measures))
    blank = measures.values["max"] <= measures.values["min"]
    verdicts.add("Flag_blank", any_channel(blank), _name_channels("blank (all pixels equal)", blank, measures))
    dark = ~blank & (measures.values["mean"] < _row(thresholds.dark, measures))
    verdicts.add("Flag_dark", any_channel(dark), _name_channels("dark (not lit)", dark, measures))
    shares = measures.values["saturated"]
    saturated = shares >= thresholds.saturated
    texts = _name_channels("saturated", saturated, measures, shares, "{:.1%}")
    verdicts.add("Flag_saturated", any_channel(saturated), texts)
    spoilt = any_channel(blank | dark | saturated)  # without an image to judge
    empty = ~spoilt & _is_empty(measures, thresholds)
    verdicts.add("Flag_empty", empty, ["empty (no cells)"] * len(measures))
    few = ~spoilt & ~empty & (measures.cells < thresholds.few_cells)
    verdicts.add("Flag_few_cells", few, [f"few cells ({cells:.0f})" for cells in np.nan_to_num(measures.cells)])
    reach = measures.values["p99_9"] - measures.values["p50"]
    debris = ~spoilt[:, None] & (reach > _row(thresholds.debris, measures))
    verdicts.add("Flag_debris", any_channel(debris), _name_channels("debris (very bright)", debris, measures))
    _flag_blurred(verdicts, measures, thresholds, spoilt | empty | any_channel(debris), few)
    return verdicts


def _is_empty(measures: Measures, thresholds: Thresholds) -> Flag:
    """Tell which sites have no cells: no nucleus, and in most channels no body of a cell beyond the border either."""
    textureless = measures.values["corrected_std"] < _row(thresholds.textureless, measures)
    if np.isnan(measures.cells).all():
        return ~any_channel(~textureless)
    bare = np.array([np.isnan(thresholds.textureless[channel]) for channel in measures.channels])
    empty: Flag = (measures.cells <= thresholds.empty_cells) & ((textureless | bare).mean(axis=1) > 0.5)
    return empty


def _flag_blurred(verdicts: Verdicts, measures: Measures, thresholds: Thresholds, hidden: Flag, few: Flag) -> None:
    """Flag sites out of focus; where there are few cells, one of them says little, and much is asked."""
    focus = measures.values["focus"]
    limits = _row(thresholds.blurred, measures) / np.where(few, MUCH, 1.0)[:, None]
    low = focus < limits
    most: Flag = low.mean(axis=1) >= 0.5
    blurred = ~hidden & (most | any_channel((focus > 0) & (focus < limits / MUCH)))
    verdicts.add("Flag_blurred", blurred, _name_channels("blurred", low, measures))


def any_channel(flags: NDArray[np.bool_]) -> Flag:
    """Tell for each site whether any of its channels is flagged: (n, C) -> (n,)."""
    any_of: Flag = np.logical_or.reduce(flags, axis=1)
    return any_of


def _row(by_channel: dict[str, float], measures: Measures) -> NDArray[np.float64]:
    """Lay a channel's thresholds out along the measures' columns; nan compares as not judged."""
    return np.array([by_channel[channel] for channel in measures.channels], np.float64)


def _name_channels(
    words: str,
    flagged: NDArray[np.bool_],
    measures: Measures,
    values: NDArray[np.float64] | None = None,
    form: str = "",
) -> list[str]:
    """Say for each site which channels are meant, with their values where given."""
    texts = []
    for i, row in enumerate(flagged):
        named = [
            measures.channels[c] + (f" {form.format(values[i, c])}" if values is not None else "")
            for c in np.flatnonzero(row)
        ]
        texts.append(f"{words}: {', '.join(named)}")
    return texts
