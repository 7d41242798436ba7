"""The way in: fit a plate x channel's field by a named method, and judge it.

`auto` estimates (`likelihood`), judges on held-out wells, and keeps the flat-field where that leaves less shading than
no correction, the interval taken into account, or, where wells cannot tell, where a field that large against its error
is expected to leave less shading than none; otherwise it only subtracts the dark offset. A method that was
asked for by name is judged in the same way, and used whatever the verdict.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kinfast.preprocess.illumination.basic import basic_field
from kinfast.preprocess.illumination.field import Illumination, flat_illumination, normalise
from kinfast.preprocess.illumination.likelihood import fit_fields
from kinfast.preprocess.illumination.smooth import gaussian_field, mean_field, median_field
from kinfast.preprocess.illumination.verdict import Verdict, judge, part_units

AUTO, LIKELIHOOD, NONE = "auto", "likelihood", "none"
PLAIN: dict[str, Callable[[NDArray[np.float32], float], NDArray[np.float64]]] = {
    "basic": basic_field,
    "mean": mean_field,
    "median-filter": median_field,
    "gaussian": gaussian_field,
}
METHODS = (AUTO, LIKELIHOOD, *PLAIN, NONE)
MIN_IMAGES = 4
"""Fewer give no two halves to compare: then nothing is corrected."""

CLEAR_OF_ERROR = 2.0**0.5
"""How many times its error a field's contrast must be where held-out wells cannot tell whether it helps.

With the field used, what is expected to be left is error^2; without it the true contrast^2, of which
contrast^2 - error^2 is the unbiased estimate, since error adds to the contrast that is seen. The lesser of the two:
the field where contrast^2 > 2 error^2."""

Fields = tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32]], float]


def fit_illumination(
    thumbnails: NDArray[np.float32],
    offset: float,
    method: str = AUTO,
    wells: Sequence[str] = (),
    control: NDArray[np.bool_] | None = None,
) -> Illumination:
    """Fit and judge the flat-field of a plate x channel.

    Args:
        thumbnails: (n, gh, gw) float32, mean raw counts of grid cells, of lit and unspoilt images.
        offset: dark offset, counts.
        method: one of `METHODS`.
        wells: of each image; empty: each image is one.
        control: (n,) bool, in a negative control well; None: unknown.
    """
    n, grid = len(thumbnails), (thumbnails.shape[1], thumbnails.shape[2])
    if method == NONE:
        return flat_illumination(grid, 0.0, "not corrected: as asked")
    if n < MIN_IMAGES or min(grid) < 2:
        words = f"dark offset only: {n} images, wanted {MIN_IMAGES}"
        return flat_illumination(grid, offset, words, n, method)
    units = part_units(wells, n)
    flatfield, halves, error = _fit(thumbnails, offset, method, units)
    judged = judge(thumbnails, offset, halves, units, _classes(n, control))
    contrast = float(flatfield.std())
    doubt = _doubt(contrast, error, judged)
    if method == AUTO and doubt:
        words = f"dark offset only: {doubt}; {judged.words()}"
        return flat_illumination(grid, offset, words, n, method, error, judged)
    words = f"corrected: contrast {contrast:.1%}, error {error:.1%}; {judged.words()}"
    if doubt:
        words = f"corrected as asked, though {doubt}; {judged.words()}"
    dark = np.full(grid, offset, np.float32)
    return Illumination(flatfield, dark, contrast, error, n, True, words, method, judged)


def _fit(thumbnails: NDArray[np.float32], offset: float, method: str, units: NDArray[np.int64]) -> Fields:
    """Give the field, those of both halves of the units, and its standard error."""
    even = units % 2 == 0
    if method in (AUTO, LIKELIHOOD):
        return fit_fields(thumbnails, offset, even)
    fit = PLAIN[method]
    whole, one, other = (normalise(fit(some, offset)) for some in (thumbnails, thumbnails[even], thumbnails[~even]))
    return whole, (one, other), 0.5 * float(np.sqrt(np.mean(np.square(one - other), dtype=np.float64)))


def _classes(n: int, control: NDArray[np.bool_] | None) -> dict[str, NDArray[np.bool_]]:
    if control is None or not control.any():
        return {"all wells": np.ones(n, bool)}
    return {"negative controls": control, "other wells": ~control}


def _doubt(contrast: float, error: float, judged: Verdict) -> str:
    """Say why the flat-field should not be used; empty where it should.

    Few wells, or cells that differ much, give an interval too wide to decide by. There the field must stand well out
    of the error that halves of the wells tell.
    """
    if not contrast > error:
        return f"a contrast of {contrast:.1%} does not stand out of its error ({error:.1%})"
    if judged.gain_high <= 0:
        return "correction does not help on held-out wells"
    if not judged.gain_low > 0 and not contrast > CLEAR_OF_ERROR * error:
        return f"held-out wells do not show that it helps, and its error is {error:.1%} of {contrast:.1%}"
    return ""
