"""One small simulation that the tests of this room read."""

from pathlib import Path

import pytest

from kinfast.simulate.run import simulate_plates
from kinfast.simulate.settings import SimulationSettings

SMALL = SimulationSettings(
    plates=1,
    wells=8,
    sites=4,
    height=96,
    width=112,
    pixel_um=1.2,
    cells=8.0,
    dark=2,
    blank=2,
    empty=2,
    blurred=1,
    saturated=2,
    debris=2,
    broken=7,
    compression="lzw",
    predictor=True,
    seed=3,
)


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plate of 8 wells and 4 sites with every condition and every kind of broken file."""
    root = tmp_path_factory.mktemp("simulated") / "plates"
    simulate_plates(root, SMALL)
    return root
