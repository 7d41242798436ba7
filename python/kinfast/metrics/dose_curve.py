"""A four-parameter curve of response against dose: EC50 with an interval, and whether there is a response at all.

The point estimate is scipy's least squares. Draws and permutations use a grid of EC50 and slope, on which the other two
parameters have a closed form: thousands of fits are a few matrix products.
Source: Hill's equation in its logistic form; Ritz et al. 2015, PLoS ONE 10:e0146021.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast.metrics.arrays import Float

GRID_PLACES, GRID_SLOPES = 81, 12
GENTLEST, STEEPEST = 3.0, 80.0
"""Slopes over the whole range of doses: from nearly a line to a step between two doses."""
ROOM = 0.05
"""Bottom and top may lie so far outside of 0 … 1, for rounding and noise."""
FEWEST_DOSES = 5
"""A curve of four parameters goes through any four doses."""
FEWEST_WELLS = 2
"""Of each dose, for an interval: a single well would be drawn every time, and the interval have no width."""
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class DoseCurve:
    """A fitted curve, NaN where there is none.

    Attributes:
        ec50: place of half the response, in the units of `x`.
        low, high: bootstrap interval over wells; NaN where a dose has one well only, which nothing can be drawn from.
        bottom, top: responses far below and far above.
        slope: over the whole range of x.
        p_value: share of permutations of the wells over the doses that a curve explains as well.
    """

    ec50: float
    low: float
    high: float
    bottom: float
    top: float
    slope: float
    p_value: float


NAN = float("nan")
NO_CURVE = DoseCurve(NAN, NAN, NAN, NAN, NAN, NAN, NAN)


def fit_dose_curve(x: Float, y: Float, draws: int, confidence: float, rng: np.random.Generator) -> DoseCurve:
    """Fit a rising curve to wells.

    Without a response (p above 0.05), or with its middle at the end of the doses, EC50 is NaN and p stands.

    Args:
        x: (n_wells,) dose on the scale of the curve: a logarithm, or an index of a dilution series.
        y: (n_wells,) response, 0 … 1.
        draws: bootstrap draws of wells within each dose, and permutations.
        confidence: of the interval, 0 … 1.
        rng: draws.
    """
    doses, place, sizes = np.unique(x, return_inverse=True, return_counts=True)
    if doses.size < FEWEST_DOSES:
        return NO_CURVE
    unit = (doses - doses[0]) / (doses[-1] - doses[0])
    grid = _Grid.of(unit, sizes.astype(np.float64))
    observed = grid.best(_means(y[None], place, sizes))
    shuffled = rng.permuted(np.tile(y, (draws, 1)), axis=1)
    chance = grid.best(_means(shuffled, place, sizes)).explained
    p_value = float((1 + (chance >= observed.explained[0]).sum()) / (draws + 1))
    if p_value > SIGNIFICANT or observed.explained[0] <= 0:
        return DoseCurve(NAN, NAN, NAN, NAN, NAN, NAN, p_value)
    ec50, slope, bottom, top = _refine(unit[place], y, observed)
    if not 0 < ec50 < 1:
        return DoseCurve(NAN, NAN, NAN, bottom, top, slope, p_value)
    low, high = NAN, NAN
    if sizes.min() >= FEWEST_WELLS:
        drawn = grid.best(_means(y[_draw_wells(place, draws, rng)], place, sizes))
        low, high = np.quantile(drawn.ec50[drawn.explained > 0], [(1 - confidence) / 2, (1 + confidence) / 2])
        low, high = min(low, ec50), max(high, ec50)
    back = doses[0] + np.array([ec50, low, high]) * (doses[-1] - doses[0])
    return DoseCurve(float(back[0]), float(back[1]), float(back[2]), bottom, top, slope, p_value)


def curve(x: Float, ec50: float, slope: float, bottom: float, top: float) -> Float:
    """Give the response at places of the unit range: (n,)."""
    values: Float = bottom + (top - bottom) / (1 + np.exp(-np.clip(slope * (x - ec50), -60, 60)))
    return values


def _refine(x: Float, y: Float, start: "_Best") -> tuple[float, float, float, float]:
    from scipy.optimize import curve_fit

    bounds = ([0.0, GENTLEST, -ROOM, -ROOM], [1.0, STEEPEST, 1 + ROOM, 1 + ROOM])
    guess = np.clip(
        [start.ec50[0], start.slope[0], start.bottom[0], start.top[0]],
        np.add(bounds[0], 1e-6),
        np.subtract(bounds[1], 1e-6),
    )
    try:
        found, _ = curve_fit(curve, x, y, p0=guess, bounds=bounds, maxfev=2000)
    except RuntimeError:  # not converged: the grid's own fit is close
        found = guess
    ec50, slope, bottom, top = (float(value) for value in found)
    return ec50, slope, bottom, top


def _means(y: Float, place: NDArray[np.int64], sizes: NDArray[np.int64]) -> Float:
    """Average the wells of each dose: (draws, n_doses)."""
    member = np.zeros((place.size, sizes.size))
    member[np.arange(place.size), place] = 1.0
    means: Float = y @ member / sizes
    return means


def _draw_wells(place: NDArray[np.int64], draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw each dose's wells with replacement: (draws, n_wells) positions, in the order of the wells."""
    picked = np.empty((draws, place.size), np.int64)
    for dose in np.unique(place):
        mine = np.flatnonzero(place == dose)
        picked[:, mine] = mine[rng.integers(0, mine.size, (draws, mine.size))]
    return picked


@dataclass(frozen=True, slots=True)
class _Best:
    """The best grid point of each row: (n,) each. `explained` is the weighted sum of squares that it takes away."""

    explained: Float
    ec50: Float
    slope: Float
    bottom: Float
    top: Float


@dataclass(frozen=True, slots=True)
class _Grid:
    """Logistic shapes at each EC50 and slope: (n_points, n_doses), centred with the doses' weights."""

    weights: Float
    ec50: Float
    slope: Float
    centre: Float
    shapes: Float
    power: Float

    @classmethod
    def of(cls, unit: Float, weights: Float) -> "_Grid":
        grid = np.meshgrid(np.linspace(0, 1, GRID_PLACES), np.geomspace(GENTLEST, STEEPEST, GRID_SLOPES))
        ec50, slope = grid[0].ravel(), grid[1].ravel()
        shapes = 1 / (1 + np.exp(-np.clip(slope[:, None] * (unit - ec50[:, None]), -60, 60)))
        centre = shapes @ weights / weights.sum()
        shapes = shapes - centre[:, None]
        return cls(weights, ec50, slope, centre, shapes, np.maximum((shapes**2) @ weights, 1e-12))

    def best(self, means: Float) -> _Best:
        middle = means @ self.weights / self.weights.sum()
        height = ((means - middle[:, None]) * self.weights) @ self.shapes.T / self.power  # (n, n_points)
        bottom = middle[:, None] - height * self.centre
        possible = (height > 0) & (bottom >= -ROOM) & (bottom + height <= 1 + ROOM)
        explained = np.where(possible, height**2 * self.power, 0.0)
        at, rows = explained.argmax(axis=1), np.arange(len(means))
        low = bottom[rows, at]
        return _Best(explained[rows, at], self.ec50[at], self.slope[at], low, low + height[rows, at])
