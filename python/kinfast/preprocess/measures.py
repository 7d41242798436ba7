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
    "corrected_mean",
    "corrected_std",
)
SITE_MEASURES = ("cells", "nuclei_share")


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """Measures of n sites.

    Attributes:
        channels: names, in the store's order.
        values: measure -> (n, C) float64. Counts for min, max, mean, std, percentiles and the corrected ones; shares
            of pixels for saturated; none for focus.
        cells: (n,) float64, nuclei in the field; nan where no channel shows nuclei.
        nuclei_share: (n,) float64, share of the field that they cover; nan likewise.
    """

    channels: tuple[str, ...]
    values: dict[str, NDArray[np.float64]]
    cells: Column
    nuclei_share: Column

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
        return named | {schema.quality(name): column for name, column in zip(SITE_MEASURES, site, strict=True)}


def collect_measures(
    results: Sequence[Sequence[_native.ChannelResult]], channels: tuple[str, ...], stored_pixels: int
) -> Measures:
    """Turn the results of the native pass, sites x channels, into columns.

    Args:
        results: of sound sites only.
        channels: names, in the order of the results.
        stored_pixels: pixels of a stored plane, which nuclei were counted on.
    """
    table = np.array([[_numbers(channel) for channel in site] for site in results], np.float64)
    table = table.reshape(len(results), len(channels), len(CHANNEL_MEASURES))
    counted = [max(site, key=lambda channel: channel.nuclei) for site in results]
    cells = np.array([c.nuclei if c.nuclei >= 0 else np.nan for c in counted], np.float64)
    shares = [c.nuclei_pixels / stored_pixels if c.nuclei >= 0 else np.nan for c in counted]
    return Measures(
        channels, {name: table[:, :, i] for i, name in enumerate(CHANNEL_MEASURES)}, cells, np.array(shares, np.float64)
    )


def _numbers(result: _native.ChannelResult) -> list[float]:
    statistics = result.statistics
    return [
        statistics.minimum,
        statistics.maximum,
        statistics.mean,
        statistics.std,
        *statistics.percentiles,
        statistics.saturated_fraction,
        statistics.focus,
        result.corrected_mean,
        result.corrected_std,
    ]
