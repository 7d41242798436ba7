"""The likelihood fit of a smooth field, slow and plain: one scoring step at a time, in NumPy."""

import numpy as np
from numpy.typing import NDArray

BINS = 600
Array = NDArray[np.float64]


def density_of(rest: Array, bandwidth: float) -> tuple[float, float, Array, Array]:
    """Give (lowest value, bin width, log density, score) of values under a Gaussian of `bandwidth` spreads."""
    some = rest.ravel()[:: max(1, rest.size // 5000)]
    bottom, top = np.quantile(some, [0.001, 0.999])
    low, width = bottom - 0.2 * (top - bottom), max(1.4 * (top - bottom), 1e-4) / BINS
    counts = np.bincount(np.clip((rest.ravel() - low) / width, 0, BINS - 1).astype(np.int64), minlength=BINS)
    cumulated = np.concatenate([[0], np.cumsum(counts)])
    half = cumulated[-1] / 2
    starts = np.flatnonzero(cumulated[:-1] + half <= cumulated[-1])
    ends = np.interp(cumulated[starts] + half, cumulated, np.arange(BINS + 1))
    sigma = max(1.0, bandwidth * float((ends - starts).min()) / 1.35)
    reach = min(int(4 * sigma) + 1, BINS)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    smooth = np.convolve(counts, kernel / kernel.sum(), "full")[reach : reach + BINS]
    log = np.log(smooth / smooth.sum() + 1e-3 / BINS)
    return float(low), float(width), log, -np.gradient(log, width)


def climb(logs: Array, basis: Array, bandwidths: tuple[float, ...]) -> tuple[Array, Array]:
    """Give levels (n,) and terms (t,) after a step for each bandwidth, from the means on."""
    inverse = np.linalg.inv(basis.T @ basis)
    levels = logs.mean(axis=1)
    terms = inverse @ basis.T @ (logs - levels[:, None]).mean(axis=0)
    for bandwidth in bandwidths:
        rest = logs - levels[:, None] - basis @ terms
        low, width, log, score = density_of(rest, bandwidth)

        def bins(values: Array, low: float = low, width: float = width) -> NDArray[np.int64]:
            return np.clip((values - low) / width, 0, BINS - 1).astype(np.int64)

        pull = score[bins(rest)]
        information = np.mean(pull**2)
        towards, lift = inverse @ basis.T @ pull.mean(axis=0) / information, pull.mean(axis=1) / information
        for size in (1.0, 0.5, 0.25, 0.125, 0.0625):
            moved = logs - (levels + size * lift)[:, None] - basis @ (terms + size * towards)
            if log[bins(moved)].sum() >= log[bins(rest)].sum():
                levels, terms = levels + size * lift, terms + size * towards
                break
    return levels, terms
