"""Networks of shapes alone: to count them, or to load values into."""

from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")


def without_values(build: Callable[[], T]) -> T:
    """Build a network without drawing its values, where torch can: VGG16's 138 million take seconds."""
    try:
        with torch.device("meta"):
            return build()
    except NotImplementedError:  # RegNet reads values back while it is built
        return build()
