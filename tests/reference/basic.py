"""The slow and obvious BaSiC: all images held, each formula over the whole stack."""

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]

CELL, NOISE, FIRST_CELL, FIRST_NOISE = 0.1, 0.02, 30.0, 6.0
DIMMEST, RIDGE, SPARSITY, EVENNESS, FLATTEST, TOLERANCE = 0.1, 1e-3, 3.0, 60.0, 0.05, 1e-4
BASELINE_STEPS, PASSES = 3, 40
Ends = tuple[float, float]


def cosines(n: int) -> Grid:
    """The orthonormal DCT-II, (n, n): waves by positions."""
    k, x = np.arange(n)[:, None], np.arange(n)[None, :]
    waves: Grid = np.cos(np.pi * k * (x + 0.5) / n) * np.sqrt(np.where(k == 0, 1.0, 2.0) / n)
    return waves


def denoise(image: Grid, times: float = SPARSITY) -> Grid:
    """Draw each wave towards zero by some times the waves' mean size; the mean stays."""
    down, across = cosines(image.shape[0]), cosines(image.shape[1])
    waves = down @ image @ across.T
    mean = waves[0, 0]
    threshold = times * (np.abs(waves).sum() - abs(mean)) / (waves.size - 1)
    waves = np.sign(waves) * np.maximum(np.abs(waves) - threshold, 0)
    waves[0, 0] = mean
    smooth: Grid = down.T @ waves @ across
    return smooth


def weights(rest: Grid, base: float, ends: Ends) -> Grid:
    """The slope of log(e + cell) over e, kept finite at 0."""
    cell, noise = ends
    e = np.abs(rest) / base
    found: Grid = 1 / ((e + cell) * (e + noise))
    return found


def baseline(light: Grid, flat: Grid, least: float, ends: Ends) -> float:
    """One image's level of background."""
    base = max(float(np.sort((light / flat).ravel())[light.size // 2]), least)
    for _ in range(BASELINE_STEPS):
        w = weights(light - base * flat, base, ends)
        base = max(float((w * flat * light).sum() / (w * flat**2).sum()), least)
    return base


def even_dark(sums: tuple[Grid, ...], dark: Grid, darkest: float) -> Grid:
    """Where the line through each pixel's counts meets zero, without what follows the flat-field."""
    one, b, bb, i, bi = sums
    pulled, pulled_i = one + RIDGE * one, i + RIDGE * one * dark
    determinant = bb * pulled - b**2
    slope = denoise((bi * pulled - b * pulled_i) / determinant)
    offset = denoise((bb * pulled_i - b * bi) / determinant)
    spread = slope - slope.mean()
    tilt = (spread * (offset - offset.mean())).sum() / ((spread**2).sum() + 1e-12)
    clipped: Grid = np.clip(denoise(offset - tilt * slope, EVENNESS), 0, darkest)
    return clipped


def fit(images: NDArray[np.float32], darkfield: bool) -> tuple[Grid, Grid]:
    """(n, gh, gw) counts to the flat-field of mean 1 and the dark-field, (gh, gw)."""
    stack = images.astype(np.float64)
    level, darkest = stack.mean(), max(float(stack.min()), 0.0)
    flat, dark = np.ones(stack.shape[1:]), np.zeros(stack.shape[1:])
    for k in range(PASSES):
        ends = (max(CELL, FIRST_CELL / 2**k), max(NOISE, FIRST_NOISE / 2**k))
        bases = [baseline(image - dark, flat, DIMMEST * level, ends) for image in stack]
        b = np.array(bases)[:, None, None]
        rests = [weights(image - dark - base * flat, base, ends) for image, base in zip(stack, bases, strict=True)]
        w = np.stack(rests) / b**2
        sums = tuple((w * term).sum(axis=0) for term in (1.0, b, b * b, stack, b * stack))
        if darkfield:
            dark = even_dark(sums, dark, darkest)
        before, flat = flat, denoise((sums[4] - sums[1] * dark) / sums[2])
        flat = np.maximum(flat / flat.mean(), FLATTEST)
        flat = flat / flat.mean()
        if ends == (CELL, NOISE) and np.abs(flat - before).mean() < TOLERANCE:
            break
    return flat, dark
