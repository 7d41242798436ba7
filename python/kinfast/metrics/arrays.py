"""The arrays that scores are made of, and the division that knows where it says nothing."""

import numpy as np
from numpy.typing import NDArray

from kinfast.domain import AnyArray

Float = NDArray[np.float64]
Codes = NDArray[np.int64]
"""(n,) class or cluster of each row, counted from 0."""
Probabilities = NDArray[np.float64]
"""(n, n_classes) in 0 … 1; rows need not sum to 1, since a sigmoid head's do not."""


def ratio(part: AnyArray, whole: AnyArray, otherwise: float = np.nan) -> Float:
    """Divide element by element, NaN (or what is said) where the whole is not positive."""
    shape = np.broadcast_shapes(part.shape, whole.shape)
    result: Float = np.full(shape, otherwise)
    np.divide(part, whole, out=result, where=np.broadcast_to(whole > 0, shape))
    return result


def means_of_known(values: Float, axis: int) -> Float:
    """Average over an axis, leaving out NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis))
