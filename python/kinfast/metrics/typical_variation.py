"""Takes out of features what varies between sites that should look alike: a plate's negative controls.

Each plate is centred on its controls and then scaled by them: feature by feature, or, as typical-variation
normalisation, along all directions in which they vary.
"""

import numpy as np
from numpy.typing import NDArray

from kinfast.metrics.arrays import Codes, Float

FEWEST_CONTROLS = 4
"""A plate with fewer control rows is scaled by all its rows."""
LEAST_SHRINKAGE = 0.01
"""Of the covariance towards a sphere, 0 to 1: else directions that no control varies in would be divided by nothing."""


def scarce_plates(plates: Codes, control: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Name the plates whose controls are too few to normalise by, in order."""
    counts = np.bincount(plates[control], minlength=plates.max(initial=-1) + 1)
    return np.array([plate for plate in np.unique(plates) if counts[plate] < FEWEST_CONTROLS], np.int64)


def standardise_by_controls(values: Float, plates: Codes, control: NDArray[np.bool_]) -> Float:
    """Give z-scores by the mean and standard deviation of each plate's controls; a feature that is constant in them by
    its deviation over the whole plate, and is 0 where it is constant there, too.

    Args:
        values: (n, n_features).
        plates: (n,) plate of each row.
        control: (n,) whether it is a negative control.
    """
    scaled = np.empty_like(values)
    for rows, reference in _references(plates, control):
        spread, whole = values[reference].std(axis=0), values[rows].std(axis=0)
        by = np.where(spread > _dust(values[rows]), spread, np.where(whole > _dust(values[rows]), whole, np.inf))
        scaled[rows] = (values[rows] - values[reference].mean(axis=0)) / by
    return scaled


def typical_variation(values: Float, plates: Codes, control: NDArray[np.bool_]) -> Float:
    """Centre each plate on its controls and whiten it by their covariance, shrunken after Ledoit and Wolf.

    The controls of every plate then have mean 0 and about unit variance in every direction, so that what sets them
    apart counts for little, and what no control does counts for much. Arguments as in `standardise_by_controls`.

    Source: Ando, McLean, Berndl 2017, Improving phenotypic measurements in high-content imaging screens,
    bioRxiv 161422; here plate by plate, with a shrunken covariance because controls are fewer than features.
    """
    whitened = np.empty_like(values)
    for rows, reference in _references(plates, control):
        centre = values[reference].mean(axis=0)
        whitened[rows] = _whiten(values[rows] - centre, values[reference] - centre)
    return whitened


def _whiten(values: Float, controls: Float) -> Float:
    """Multiply by the inverse root of the controls' shrunken covariance, without ever forming it."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    variance = float(controls.var(axis=0).mean())
    if variance <= 0.0:
        return values
    shrinkage = max(float(ledoit_wolf_shrinkage(controls, assume_centered=True)), LEAST_SHRINKAGE)
    _, singular, directions = np.linalg.svd(controls, full_matrices=False)
    floor = shrinkage * variance
    along = values @ directions.T
    roots = 1.0 / np.sqrt((1.0 - shrinkage) * singular**2 / len(controls) + floor) - 1.0 / np.sqrt(floor)
    whitened: Float = values / np.sqrt(floor) + (along * roots) @ directions
    return whitened


def _references(plates: Codes, control: NDArray[np.bool_]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Give the rows of each plate, and those that it is scaled by."""
    scarce = set(scarce_plates(plates, control).tolist())
    return [
        (rows := np.flatnonzero(plates == plate), rows if plate in scarce else rows[control[rows]])
        for plate in np.unique(plates).tolist()
    ]


def _dust(values: Float) -> Float:
    """Give what rounding alone makes a constant feature vary by: (n_features,)."""
    dust: Float = np.abs(values).max(axis=0) * 64 * np.finfo(np.float32).eps
    return dust
