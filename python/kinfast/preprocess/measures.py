"""What was measured of each site, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast import _native, schema

Column = NDArray[np.float64]

PERCENTILE_NAMES = tuple(f"p{value:g}".replace(".", "_") for value in _native.STATISTIC_PERCENTILES)
"""p0_1, p1, p5, p25, p50, p75, p95, p99, p99_9: raw counts."""
CHANNEL_MEASURES = (
    "min",
    "max",
    "mean",
    "std",
    *PERCENTILE_NAMES,
    "saturated",
    "focus",
    "noise",
    "level_step",
    "corrected_mean",
    "corrected_std",
    "detail",
    "bits",
    "background",
    "foreground",
    "signal_to_noise",
)
SITE_MEASURES = ("cells", "nuclei_share")


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """Measures of n sites.

    Attributes:
        channels: names, in the store's order.
        values: measure -> (n, C) float64. Counts for min, max, mean, std, percentiles, noise, level_step, background
            (the 5th percentile), foreground (the 99th) and the corrected ones; shares of pixels for saturated; none
            for focus, detail and signal_to_noise (foreground above background, over noise); bits of a sample.
        cells: (n,) float64, nuclei in the field; nan where no channel shows nuclei.
        nuclei_share: (n,) float64, share of the field that they cover; nan likewise.
        correlations: (n, C, C) float64, Pearson's, of the stored planes of each two channels; nan without spread.
    """

    channels: tuple[str, ...]
    values: dict[str, NDArray[np.float64]]
    cells: Column
    nuclei_share: Column
    correlations: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.cells)

    def of(self, measure: str, channel: str) -> Column:
        """Give one measure of one channel, (n,)."""
        column: Column = self.values[measure][:, self.channels.index(channel)]
        return column

    def columns(self) -> dict[str, Column]:
        """Give all of them under their names in the table."""
        named = {
            schema.quality(measure, channel): self.of(measure, channel)
            for channel in self.channels
            for measure in CHANNEL_MEASURES
        }
        site = (self.cells, self.nuclei_share)
        pairs = {
            schema.quality("correlation", f"{one}_{other}"): self.correlations[:, i, j]
            for i, one in enumerate(self.channels)
            for j, other in enumerate(self.channels)
            if i < j
        }
        return named | {schema.quality(name): c for name, c in zip(SITE_MEASURES, site, strict=True)} | pairs


def collect_measures(
    results: Sequence[Sequence[_native.ChannelResult]],
    channels: tuple[str, ...],
    stored_pixels: int,
    correlations: NDArray[np.float64],
) -> Measures:
    """Turn the results of the native pass, sites x channels, into columns.

    Args:
        results: of sound sites only.
        channels: names, in the order of the results.
        stored_pixels: pixels of a stored plane, which nuclei were counted on.
        correlations: (n, C, C), of the same sites.
    """
    table = np.array([[_numbers(channel) for channel in site] for site in results], np.float64)
    table = table.reshape(len(results), len(channels), len(CHANNEL_MEASURES))
    counted = [max(site, key=lambda channel: channel.nuclei) for site in results]
    cells = np.array([c.nuclei if c.nuclei >= 0 else np.nan for c in counted], np.float64)
    shares = [c.nuclei_pixels / stored_pixels if c.nuclei >= 0 else np.nan for c in counted]
    values = {name: table[:, :, i] for i, name in enumerate(CHANNEL_MEASURES)}
    return Measures(channels, values, cells, np.array(shares, np.float64), correlations)


def _numbers(result: _native.ChannelResult) -> list[float]:
    statistics = result.statistics
    percentiles = dict(zip(PERCENTILE_NAMES, statistics.percentiles.tolist(), strict=True))
    background, foreground = percentiles["p5"], percentiles["p99"]
    return [
        statistics.minimum,
        statistics.maximum,
        statistics.mean,
        statistics.std,
        *percentiles.values(),
        statistics.saturated_fraction,
        statistics.focus,
        statistics.noise,
        statistics.level_step,
        result.corrected_mean,
        result.corrected_std,
        result.detail,
        result.bits,
        background,
        foreground,
        (foreground - background) / statistics.noise if statistics.noise > 0 else 0.0,
    ]
