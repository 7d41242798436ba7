"""From where on a site of a plate is dark, empty, blurred, …: found from the plate, written down, overridable.

A threshold that cannot be found (too few sites) is nan, and what it would judge is not judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinfast.errors import SpecError
from kinfast.preprocess.channel_swap import swap_evidence
from kinfast.preprocess.measures import Measures

MIN_SITES = 12
"""Sites from which on a plate says what is usual on it."""
FEW_CELLS_SHARE = 0.2
"""A field with less than this share of the plate's median number of cells has few."""
EMPTY_SHARE = 0.02
"""A field with at most this share of it has none: debris is counted now and then."""
SATURATED_SHARE = 0.01
"""Share of pixels at the camera's limit from which a channel is saturated …"""
SATURATED_MOST = 0.05
"""… unless the plate's usual sites have more; from this share on it always is."""
OUTLIER_SIGMAS = 6.0
"""Robust standard deviations of the logarithm that an outlier is away from the plate's median …"""
BLUR_FACTOR = 2.0
"""… and by this factor at least, for focus …"""
DEBRIS_FACTOR = 4.0
"""… and by this one for the brightest pixels."""
TEXTURE_SHARE = 0.05
"""A channel with less than this share of its usual spread over the field shows no cell."""
NOISE_FACTOR, NOISE_SHARE = 1.5, 0.6
"""Where a stain is so dim that its noise is above that: less than this factor of the plate's flattest site, but never
more than this share of the usual one."""

WITNESS_SIGMAS, WITNESS_FACTOR = 3.0, 1.3
"""The same two for detail, the second measure of focus, which must agree with the first: less is asked of a witness."""
SWAP_FACTOR = 1.5
"""By which another order of the channels must fit better than the one given, at least."""

SITE_NAMES = ("nuclei_brightness", "nucleus_pixels", "few_cells", "empty_cells", "saturated", "channel_swap")
CHANNEL_NAMES = ("dark", "blurred", "debris", "textureless", "detail")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A plate's thresholds.

    Attributes:
        nuclei_brightness: corrected counts from which a pixel belongs to a nucleus.
        nucleus_pixels: stored pixels that a nucleus has at least.
        few_cells: a site with fewer cells has few.
        empty_cells: a site with at most so many has none.
        saturated: share of pixels at the camera's limit from which a channel is saturated.
        channel_swap: evidence (see `channel_swap.swap_evidence`) from which channels seem exchanged.
        dark: channel -> mean raw counts below which it was not lit.
        blurred: channel -> focus below which it is blurred.
        debris: channel -> counts by which the 99.9th percentile exceeds the median from which there is debris.
        textureless: channel -> corrected standard deviation below which no cell is to be seen.
        detail: channel -> detail below which it may be blurred.
    """

    nuclei_brightness: float
    nucleus_pixels: float
    few_cells: float
    empty_cells: float
    saturated: float
    channel_swap: float
    dark: dict[str, float]
    blurred: dict[str, float]
    debris: dict[str, float]
    textureless: dict[str, float]
    detail: dict[str, float]

    def as_json(self) -> dict[str, float | None]:
        """Give them flat, by the names that a spec's `quality` overrides; null where not judged."""
        flat: dict[str, float] = {name: getattr(self, name) for name in SITE_NAMES}
        for name in CHANNEL_NAMES:
            flat |= {f"{name}_{channel}": value for channel, value in getattr(self, name).items()}
        return {name: value if np.isfinite(value) else None for name, value in flat.items()}


def check_overrides(overrides: Mapping[str, float], channels: tuple[str, ...]) -> None:
    """Check a spec's `quality`.

    Raises:
        SpecError: a name is no threshold.
    """
    known = [*SITE_NAMES, *(f"{name}_{channel}" for name in CHANNEL_NAMES for channel in channels)]
    unknown = [name for name in overrides if name not in known]
    if unknown:
        raise SpecError(f"quality: {unknown[0]} is no threshold; they are {', '.join(known)}")


def find_thresholds(
    measures: Measures,
    dark: Mapping[str, float],
    nuclei: tuple[float, float],
    overrides: Mapping[str, float],
    control: NDArray[np.bool_] | None = None,
) -> Thresholds:
    """Find a plate's thresholds.

    Args:
        measures: of all its sound sites.
        dark: channel -> mean raw counts below which it was not lit, from pass one.
        nuclei: (brightness, pixels) of nuclei, from pass one.
        overrides: the spec's `quality`.
        control: (n,) bool, sites with negative controls: where they are enough, few cells means few against them.
    """
    lit = lit_sites(measures, dark)
    few, empty = _cell_limits(measures.cells[lit], measures.cells[_reference(lit, control)])
    populated = lit & ~(measures.cells <= empty)
    shares = measures.values["saturated"][populated]
    found = Thresholds(
        *nuclei,
        few,
        empty,
        _saturation_limit(shares),
        _swap_limit(measures, populated),
        dict(dark),
        _channels(measures, _focus_limits(measures, populated)),
        _channels(measures, _outlier_limits(_reach(measures)[populated], DEBRIS_FACTOR, 1)),
        _channels(measures, _texture_limits(measures.values["corrected_std"][lit])),
        _channels(
            measures,
            _outlier_limits(measures.values["detail"][populated], WITNESS_FACTOR, -1, WITNESS_SIGMAS),
        ),
    )
    return _overridden(found, overrides)


def lit_sites(measures: Measures, dark: Mapping[str, float]) -> NDArray[np.bool_]:
    """Tell which sites are neither blank nor dark in any channel, (n,) bool."""
    constant = measures.values["max"] <= measures.values["min"]
    unlit = measures.values["mean"] < np.array([dark[channel] for channel in measures.channels])
    result: NDArray[np.bool_] = ~np.logical_or.reduce(constant | unlit, axis=1)
    return result


def _reach(measures: Measures) -> NDArray[np.float64]:
    """Give by how many counts the brightest pixels exceed the median one, (n, C)."""
    return measures.values["p99_9"] - measures.values["p50"]


def _reference(lit: NDArray[np.bool_], control: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Give the lit controls where they are enough to say what is usual, else all lit sites."""
    if control is None or (lit & control).sum() < MIN_SITES:
        return lit
    return lit & control


def _cell_limits(cells: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[float, float]:
    if len(cells) == 0 or np.isnan(cells).any():
        return float("nan"), float("nan")
    if len(cells) < MIN_SITES:
        return float("nan"), 0.0
    median = float(np.median(reference))
    return FEW_CELLS_SHARE * median, float(np.floor(EMPTY_SHARE * median))


def _saturation_limit(shares: NDArray[np.float64]) -> float:
    if len(shares) < MIN_SITES:
        return SATURATED_MOST
    median = np.median(shares)
    usual = median + OUTLIER_SIGMAS * 1.4826 * np.median(np.abs(shares - median))
    return float(np.clip(usual, SATURATED_SHARE, SATURATED_MOST))


def _swap_limit(measures: Measures, populated: NDArray[np.bool_]) -> float:
    if populated.sum() < MIN_SITES:
        return float("nan")
    evidence = swap_evidence(measures.correlations, populated)[0][populated]
    return float(_outlier_limits(evidence[:, None], SWAP_FACTOR, 1)[0])


def _focus_limits(measures: Measures, populated: NDArray[np.bool_]) -> NDArray[np.float64]:
    return _outlier_limits(measures.values["focus"][populated], BLUR_FACTOR, -1)


def _texture_limits(spreads: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(spreads) < MIN_SITES:
        return np.full(spreads.shape[1], np.nan)
    usual = np.median(spreads, axis=0)
    noise = np.minimum(NOISE_FACTOR * spreads.min(axis=0), NOISE_SHARE * usual)
    limits: NDArray[np.float64] = np.maximum(TEXTURE_SHARE * usual, noise)
    return limits


def _outlier_limits(
    values: NDArray[np.float64], factor: float, side: int, sigmas: float = OUTLIER_SIGMAS
) -> NDArray[np.float64]:
    """Give each column's limit on one side (-1 low, 1 high): robust deviations of the logarithm, a factor at least."""
    limits = np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        positive = values[:, column][values[:, column] > 0]
        if len(positive) < MIN_SITES:
            continue
        logs = np.log(positive)
        median = np.median(logs)
        spread = 1.4826 * np.median(np.abs(logs - median))
        limits[column] = np.exp(median + side * max(sigmas * spread, np.log(factor)))
    return limits


def _channels(measures: Measures, limits: NDArray[np.float64]) -> dict[str, float]:
    return {channel: float(limit) for channel, limit in zip(measures.channels, limits, strict=True)}


def _overridden(found: Thresholds, overrides: Mapping[str, float]) -> Thresholds:
    site: dict[str, Any] = {name: float(overrides.get(name, getattr(found, name))) for name in SITE_NAMES}
    channel: dict[str, Any] = {
        name: {c: float(overrides.get(f"{name}_{c}", value)) for c, value in getattr(found, name).items()}
        for name in CHANNEL_NAMES
    }
    return replace(found, **site, **channel)
