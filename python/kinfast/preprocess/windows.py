"""Which window each plate x channel gets: its own, one aligned within its batch, or one fixed by a person.

plate: two percentiles of the plate's own control pixels.
batch: location + scale x (low, high), where location and scale are the plate's (`Levels`) and the pair is the batch's.
    So controls of one brightness get one level on every plate of the batch, however many cells they have.
fixed: one window for all plates, from --window or the spec: what differs between plates stays to be seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kinfast.config import PreprocessConfig
from kinfast.errors import UsageError
from kinfast.preprocess.intensity import Levels

PLATE, BATCH, FIXED = "plate", "batch", "fixed"
INTENSITIES = (PLATE, BATCH, FIXED)

Window = tuple[float, float]
Reference = dict[str, Window]
"""Channel -> (low, high) of a batch, in scales from the location."""


def parse_windows(texts: Sequence[str]) -> dict[str, Window]:
    """Read windows by hand: "DNA=100:4000", several in one text parted by commas.

    Raises:
        UsageError: a text is none.
    """
    windows: dict[str, Window] = {}
    for text in (part.strip() for whole in texts for part in whole.split(",") if part.strip()):
        channel, _, span = text.rpartition("=")
        low, _, high = span.partition(":")
        try:
            windows[channel.strip()] = float(low), float(high)
        except ValueError:
            raise UsageError(f"--window {text!r}: wanted CHANNEL=LOW:HIGH in corrected counts") from None
    return windows


def settle_windows(
    config: PreprocessConfig, channels: Sequence[str], of_spec: Mapping[str, Window]
) -> PreprocessConfig:
    """Give the parameters with the windows that hold: none unless they are fixed; else one for each channel.

    Args:
        config: parameters; its windows come before the spec's.
        channels: names, in the store's order.
        of_spec: the spec's windows.

    Raises:
        UsageError: an unknown kind, a window that is not asked for, is missing, empty or of no channel.
    """
    if config.intensity not in INTENSITIES:
        raise UsageError(f"intensity {config.intensity!r}: wanted one of {', '.join(INTENSITIES)}")
    by_hand = {channel: (low, high) for channel, low, high in config.windows}
    if config.intensity != FIXED:
        if by_hand:
            raise UsageError(f"--window sets a fixed window, and --intensity is {config.intensity}: wanted fixed")
        return config
    windows = {**of_spec, **by_hand}
    strange = [channel for channel in windows if channel not in channels]
    missing = [channel for channel in channels if channel not in windows]
    if strange:
        raise UsageError(f"--window: {strange[0]} is no channel (they are {', '.join(channels)})")
    if missing:
        raise UsageError(
            f"--intensity fixed: no window for {', '.join(missing)}; give --window {missing[0]}=LOW:HIGH or the spec's "
            "intensity (dataset.json of a store names the windows of its plates)"
        )
    for channel, (low, high) in windows.items():
        if not (np.isfinite((low, high)).all() and low < high):
            raise UsageError(f"window of {channel}: {low:g} to {high:g}: wanted a rising pair of counts")
    return replace(config, windows=tuple((name, float(windows[name][0]), float(windows[name][1])) for name in channels))


def fit_reference(levels: Sequence[Mapping[str, Levels]], windows: Sequence[Mapping[str, Window]]) -> Reference:
    """Give a batch's reference: the median over plates of their own windows, in scales from the location.

    Plates without enough controls take part only where no plate has them. A channel in which nothing stands out on any
    plate has no reference.
    """
    reference: Reference = {}
    for channel in levels[0]:
        pairs = [(plate[channel], own[channel]) for plate, own in zip(levels, windows, strict=True)]
        usable = [pair for pair in pairs if pair[0].scale > 0]
        chosen = [pair for pair in usable if pair[0].of_controls] or usable
        if chosen:
            spans = [[(edge - of.location) / of.scale for edge in own] for of, own in chosen]
            low, high = (round(float(edge), 6) for edge in np.median(spans, axis=0))
            reference[channel] = low, high
    return reference


def choose_window(
    config: PreprocessConfig, reference: Mapping[str, Window], channel: str, levels: Levels, own: Window
) -> Window:
    """Give the window of a plate x channel, in corrected counts; low < high.

    Args:
        config: parameters with settled windows.
        reference: the batch's; of `batch` only.
        channel: its name.
        levels: the plate's.
        own: the plate's own window.
    """
    if config.intensity == FIXED:
        return next((low, high) for name, low, high in config.windows if name == channel)
    if config.intensity == BATCH and channel in reference and levels.scale > 0:
        low, high = (round(levels.location + levels.scale * edge, 2) for edge in reference[channel])
        return low, max(high, low + 0.01)
    return own
