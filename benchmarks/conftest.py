"""Fixtures that every benchmark may use."""

from tests.conftest import test_data

__all__ = ["test_data"]
