"""Flags: what is wrong with a site, as booleans, with what was compared, and why, in words. A flagged site is kept."""

import numpy as np
from numpy.typing import NDArray

from kinfast import schema
from kinfast.preprocess import bit_depth
from kinfast.preprocess.channel_swap import swap_evidence
from kinfast.preprocess.measures import Measures
from kinfast.preprocess.thresholds import Thresholds

Flag = NDArray[np.bool_]
Values = NDArray[np.float64]
MUCH = 2.0
"""A single channel that is blurred by this factor beyond its threshold counts alone; else half of them must be."""

BARE_FIELD = 8.0
"""(p99 - p5) / noise that a field without cells stays below: twice that of Gaussian noise, which is 4."""


class Verdicts:
    """Flags of n sites with what they compared and their reasons, filled one by one."""

    def __init__(self, n_sites: int) -> None:
        self.flags: dict[str, Flag] = {}
        self.compared: dict[str, tuple[Values, Values]] = {}
        self.reasons: list[list[str]] = [[] for _ in range(n_sites)]

    def add(self, name: str, flag: Flag, reasons: list[str], measure: Values, threshold: Values | float) -> None:
        """Set a flag; reasons: (n,), used where it is true. measure, threshold: (n,), what is compared at each site."""
        self.flags[name] = flag
        self.compared[name] = measure, np.broadcast_to(np.asarray(threshold, np.float64), measure.shape)
        for i in np.flatnonzero(flag):
            self.reasons[i].append(reasons[i])

    def texts(self) -> list[str]:
        """Give each site's reasons in one line; empty where there is none."""
        return ["; ".join(reasons) for reasons in self.reasons]

    def columns(self) -> dict[str, Values]:
        """Give what was compared, under its names in the table."""
        named = {}
        for flag, (measure, threshold) in self.compared.items():
            named[schema.judged(flag, "measure")] = measure
            named[schema.judged(flag, "threshold")] = threshold
        return named


def flag_sites(measures: Measures, thresholds: Thresholds) -> Verdicts:
    """Judge every site of a plate; duplicates are found later, over all plates."""
    verdicts = Verdicts(len(measures))
    spoilt = _flag_unexposed(verdicts, measures, thresholds) | _flag_saturated(verdicts, measures, thresholds)
    empty, few = _flag_cells(verdicts, measures, thresholds, spoilt)
    reach, limits = measures.values["p99_9"] - measures.values["p50"], _row(thresholds.debris, measures)
    debris = ~spoilt[:, None] & (reach > limits)
    texts = _name_channels("debris (very bright)", debris, measures)
    verdicts.add("Flag_debris", any_channel(debris), texts, *_worst(reach, limits, highest=True))
    _flag_blurred(verdicts, measures, thresholds, spoilt | empty | any_channel(debris), few)
    _flag_bit_depth(verdicts, measures, spoilt)
    _flag_swapped(verdicts, measures, thresholds, spoilt | empty | few | any_channel(debris))
    return verdicts


def _flag_unexposed(verdicts: Verdicts, measures: Measures, thresholds: Thresholds) -> Flag:
    span = measures.values["max"] - measures.values["min"]
    blank = span <= 0
    texts = _name_channels("blank (all pixels equal)", blank, measures)
    verdicts.add("Flag_blank", any_channel(blank), texts, *_worst(span, np.ones(span.shape[1]), highest=False))
    mean, limits = measures.values["mean"], _row(thresholds.dark, measures)
    dark = ~blank & (mean < limits)
    texts = _name_channels("dark (not lit)", dark, measures)
    verdicts.add("Flag_dark", any_channel(dark), texts, *_worst(mean, limits, highest=False))
    return any_channel(blank | dark)


def _flag_saturated(verdicts: Verdicts, measures: Measures, thresholds: Thresholds) -> Flag:
    shares = measures.values["saturated"]
    saturated = shares >= thresholds.saturated
    texts = _name_channels("saturated", saturated, measures, shares, "{:.1%}")
    worst = shares.max(axis=1, initial=0.0)
    verdicts.add("Flag_saturated", any_channel(saturated), texts, worst, thresholds.saturated)
    return any_channel(saturated)


def _flag_cells(verdicts: Verdicts, measures: Measures, thresholds: Thresholds, spoilt: Flag) -> tuple[Flag, Flag]:
    sign = signs_of_cells(measures, thresholds)
    empty = ~spoilt & (sign < 1)
    verdicts.add("Flag_empty", empty, ["empty (no cells)"] * len(measures), sign, 1.0)
    cells = measures.cells
    few = ~spoilt & ~empty & (cells < thresholds.few_cells)
    texts = [f"few cells ({count:.0f}, fewer than {thresholds.few_cells:.0f})" for count in np.nan_to_num(cells)]
    verdicts.add("Flag_few_cells", few, texts, cells, thresholds.few_cells)
    return empty, few


def signs_of_cells(measures: Measures, thresholds: Thresholds) -> Values:
    """Give the strongest sign of cells in each field, (n,); below 1 there are none.

    Signs are nuclei, over the number that passes for none and one more; and the bodies of cells beyond the border: the
    spread of the corrected image over that of a field without cells, in the channel of which half show less.

    Where nuclei cover most of each field, none stands out and none is counted; and a few sites do not tell how flat a
    field without cells is. Then noise is what is compared with, in the channel that stands out of it most.
    """
    limits = _row(thresholds.textureless, measures)
    if np.isposinf(thresholds.nuclei_brightness) and np.isnan(limits).any():
        strongest: Values = measures.values["signal_to_noise"].max(axis=1, initial=0.0) / BARE_FIELD
        return strongest
    spread = measures.values["corrected_std"]
    ratios = np.sort(np.divide(spread, limits, out=np.zeros_like(spread), where=limits > 0), axis=1)
    if np.isnan(measures.cells).all():
        known = ~np.isnan(limits).any()
        return ratios[:, -1] if known else np.full(len(measures), np.nan)
    bodies: Values = ratios[:, ratios.shape[1] // 2]
    nuclei: Values = measures.cells / (thresholds.empty_cells + 1)
    return np.maximum(nuclei, bodies)


def _flag_blurred(verdicts: Verdicts, measures: Measures, thresholds: Thresholds, hidden: Flag, few: Flag) -> None:
    """Flag sites out of focus: both measures must say so. Of few cells one channel says little, and much is asked.

    The measure is in shares of the thresholds, of the channel that decides: the one below which half of the channels
    lie, or the worst one, of which more is asked.
    """
    focus = _shares(measures.values["focus"], _row(thresholds.blurred, measures))
    shares = np.maximum(focus, _shares(measures.values["detail"], _row(thresholds.detail, measures)))
    shares = shares * np.where(few, MUCH, 1.0)[:, None]
    ranked = np.sort(np.nan_to_num(shares, nan=np.inf), axis=1)
    single = np.where(measures.values["focus"] > 0, np.nan_to_num(shares, nan=np.inf), np.inf).min(axis=1)
    measure = np.minimum(ranked[:, (ranked.shape[1] - 1) // 2], MUCH * single)
    texts = _name_channels("blurred", shares < 1, measures, measures.values["focus"], "focus {:.3g}")
    verdicts.add("Flag_blurred", ~hidden & (measure < 1), texts, measure, 1.0)


def _flag_bit_depth(verdicts: Verdicts, measures: Measures, spoilt: Flag) -> None:
    factors = bit_depth.depth_factors(measures.values["level_step"], measures.values["bits"], ~spoilt)
    other = ~spoilt[:, None] & (factors >= bit_depth.OTHER)
    texts = _name_channels("other bit depth than the plate", other, measures, factors, "{:.0f} times")
    verdicts.add("Flag_bit_depth", any_channel(other), texts, factors.max(axis=1, initial=1.0), bit_depth.OTHER)


def _flag_swapped(verdicts: Verdicts, measures: Measures, thresholds: Thresholds, hidden: Flag) -> None:
    evidence, order = swap_evidence(measures.correlations, ~hidden)
    swapped: Flag = ~hidden & (evidence > thresholds.channel_swap)
    names = measures.channels
    texts = [
        "channels seem exchanged: " + ", ".join(f"{names[c]} looks as {names[p]}" for p, c in enumerate(row) if p != c)
        for row in order
    ]
    verdicts.add("Flag_channel_swap", swapped, texts, evidence, thresholds.channel_swap)


def any_channel(flags: NDArray[np.bool_]) -> Flag:
    """Tell for each site whether any of its channels is flagged: (n, C) -> (n,)."""
    result: Flag = np.asarray(flags.any(axis=1), np.bool_)
    return result


def _row(by_channel: dict[str, float], measures: Measures) -> Values:
    return np.array([by_channel[channel] for channel in measures.channels])


def _shares(values: Values, limits: Values) -> Values:
    """Give values as shares of their channel's limit, nan where there is none."""
    return np.divide(values, limits, out=np.full_like(values, np.nan), where=limits > 0)


def _worst(values: Values, limits: Values, *, highest: bool) -> tuple[Values, Values]:
    """Give each site's value and limit in the channel that is nearest to its limit, or furthest beyond it."""
    shares = np.nan_to_num(_shares(values, limits), nan=-np.inf if highest else np.inf)
    worst = shares.argmax(axis=1) if highest else shares.argmin(axis=1)
    return values[np.arange(len(values)), worst], limits[worst]


def _name_channels(
    words: str, flagged: NDArray[np.bool_], measures: Measures, values: Values | None = None, form: str = ""
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
