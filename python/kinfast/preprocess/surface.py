"""Smooth surfaces over an image: low-order polynomials of position."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DEGREE = 4
"""Vignetting is a smooth bowl with a tilt; cos^4 needs the fourth order. Fifteen numbers leave little room to noise."""


@lru_cache(maxsize=16)
def surface_basis(height: int, width: int, degree: int = DEGREE) -> NDArray[np.float64]:
    """Give an orthonormal basis of polynomials up to a total degree, at the centres of a grid's cells.

    Args:
        height: cells of the grid along y.
        width: along x.
        degree: the highest total degree; lowered where the grid has too few cells for it.

    Returns:
        (height * width, n) float64 with orthonormal columns; the first is constant and positive. Columns are sorted
        by total degree, see `term_degrees`. Kept for the next call, and therefore read-only.
    """
    degree = min(degree, height - 1, width - 1)
    y = np.polynomial.legendre.legvander((np.arange(height) + 0.5) / height * 2 - 1, max(degree, 0))
    x = np.polynomial.legendre.legvander((np.arange(width) + 0.5) / width * 2 - 1, max(degree, 0))
    columns = [np.outer(y[:, d - k], x[:, k]).ravel() for d in range(max(degree, 0) + 1) for k in range(d + 1)]
    basis = _orthonormal(np.stack(columns, axis=1))
    basis.flags.writeable = False
    return basis


def project(basis: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give each basis column's product with values, (cells,) -> (terms,), summed in a fixed order.

    Not `basis.T @ values`: a BLAS sums in an order that depends on its number of threads, and bytes must not.
    """
    products: NDArray[np.float64] = (basis * values[:, None]).sum(axis=0)
    return products


def _orthonormal(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormalise columns from left to right (Gram-Schmidt, twice over for precision)."""
    basis = columns.copy()
    for _ in range(2):
        for i in range(basis.shape[1]):
            for j in range(i):
                basis[:, i] -= (basis[:, j] * basis[:, i]).sum() * basis[:, j]
            basis[:, i] /= np.sqrt((basis[:, i] ** 2).sum())
    return basis


def term_degrees(n_terms: int) -> NDArray[np.int64]:
    """Give the total degree of each of `surface_basis`'s columns: 0, 1, 1, 2, 2, 2, …"""
    degrees = np.concatenate([np.full(d + 1, d) for d in range(n_terms)])
    return degrees[:n_terms].astype(np.int64)
