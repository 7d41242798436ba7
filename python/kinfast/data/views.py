"""Views: the fixed crops of a site that validation and test average over, where nothing is drawn at random."""

import numpy as np
from numpy.typing import NDArray

from kinfast.config import MAX_VIEWS
from kinfast.data.augment import check_output_size
from kinfast.errors import UsageError


def fixed_views(image_size: tuple[int, int], output_size: int, views: int | None = None) -> NDArray[np.int64]:
    """Lay a fixed grid of crops over a site, for validation and test.

    Args:
        image_size: (h, w) of the stored images.
        output_size: side of a crop.
        views: how many; by default as many as cover the site, 9 at most. Rows x columns nearest to that many, not more.

    Returns:
        (views, 2) int64 top-left corners (y, x), evenly spread from border to border; the middle where one is enough.
    """
    check_output_size(image_size, output_size)
    wanted = (-(-image_size[0] // output_size), -(-image_size[1] // output_size))
    rows, columns = wanted if views is None else _grid_of(views, wanted)
    while views is None and rows * columns > MAX_VIEWS:
        rows, columns = (rows - 1, columns) if rows >= columns else (rows, columns - 1)
    ys, xs = (_spread(n, side - output_size) for n, side in zip((rows, columns), image_size, strict=True))
    return np.array([(y, x) for y in ys for x in xs], np.int64)


def _grid_of(views: int, covering: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= views <= MAX_VIEWS:
        raise UsageError(f"{views} views: wanted 1 to {MAX_VIEWS}")
    shapes = [(rows, columns) for rows in range(1, views + 1) for columns in range(1, views // rows + 1)]
    tall = covering[0] / covering[1]
    return max(shapes, key=lambda shape: (shape[0] * shape[1], -abs(np.log(shape[0] / shape[1] / tall))))


def _spread(count: int, room: int) -> list[int]:
    return [room // 2] if count == 1 else [round(index * room / (count - 1)) for index in range(count)]
