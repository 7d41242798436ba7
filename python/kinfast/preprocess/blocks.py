"""Images in blocks: coarser than a cell, finer than the field."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCKS = 8
"""A side."""


def cut_blocks(grids: NDArray[Any]) -> NDArray[Any]:
    """Cut (n, gh, gw) into at most 8 x 8 blocks, (n, rows, columns, cells); what fills none is left at the border."""
    n, height, width = grids.shape
    rows, columns = (min(BLOCKS, side) for side in (height, width))
    deep, wide = height // rows, width // columns
    top, left = (height - deep * rows) // 2, (width - wide * columns) // 2
    inner = grids[:, top : top + deep * rows, left : left + wide * columns]
    return inner.reshape(n, rows, deep, columns, wide).swapaxes(2, 3).reshape(n, rows, columns, deep * wide)


def block_means(grids: NDArray[np.float64], blocks: int = BLOCKS) -> tuple[NDArray[np.float64], float]:
    """Average (n, gh, gw) over at most `blocks` blocks a side; the second value is the cells of a block."""
    height, width = grids.shape[1:]
    rows, columns = (np.arange(0, side, -(-side // blocks)) for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(grids, rows, axis=1), columns, axis=2)
    sizes = np.outer(np.diff(rows, append=height), np.diff(columns, append=width))
    return sums / sizes, height * width / sizes.size
