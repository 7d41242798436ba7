"""The smooth surfaces that fields are made of."""

import numpy as np

from kinfast.preprocess.surface import project, surface_basis, term_degrees


def test_the_basis_is_orthonormal_with_a_constant_first() -> None:
    basis = surface_basis(13, 21)
    assert basis.shape == (273, 15)
    np.testing.assert_allclose(basis.T @ basis, np.eye(15), atol=1e-12)  # 273 sums of products of order one
    np.testing.assert_allclose(basis[:, 0], 1 / np.sqrt(273), rtol=1e-12)


def test_a_polynomial_is_found_again() -> None:
    y, x = np.mgrid[0:17, 0:11]
    surface = (3 + 0.2 * y - 0.1 * x + 0.01 * x * y - 0.003 * x**2 * y).ravel()
    basis = surface_basis(17, 11)
    np.testing.assert_allclose(basis @ project(basis, surface), surface, rtol=1e-10)


def test_small_grids_get_fewer_terms() -> None:
    assert surface_basis(2, 5).shape == (10, 3)
    assert surface_basis(1, 1).shape == (1, 1)


def test_terms_are_sorted_by_degree() -> None:
    assert term_degrees(6).tolist() == [0, 1, 1, 2, 2, 2]
