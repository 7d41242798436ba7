"""One seed, many independent streams of random numbers: what is drawn never depends on the order of the work."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream is for; its number is part of the stream's seed and never changes."""

    BANK = 1
    COMPOUNDS = 2
    LAYOUT = 3
    OPTICS = 4
    PLATE = 5
    WELL = 6
    CELLS = 7
    CAMERA = 8
    CONDITIONS = 9
    FAULTS = 10
    DEBRIS = 11


def generator(seed: int, stream: Stream, *place: int) -> np.random.Generator:
    """Give the generator of one stream at one place (plate, well, site: 0-based)."""
    return np.random.default_rng([seed, int(stream), *place])
