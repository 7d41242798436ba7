"""Any convention's names can be written, and are read back as what was meant."""

import dataclasses
from pathlib import Path

import pytest

from kinfast.errors import UsageError
from kinfast.plate.conventions import shipped_conventions
from kinfast.plate.open import open_plates
from kinfast.simulate.naming import load_naming
from kinfast.simulate.run import simulate_plates
from kinfast.simulate.settings import CHANNELS, SimulationSettings

TINY = SimulationSettings(plates=2, wells=3, sites=2, height=64, width=64, pixel_um=2.0, cells=2)
NAMES = [convention.name for convention in shipped_conventions() if convention.template]


@pytest.mark.parametrize("name", NAMES)
def test_a_bare_command_reads_every_convention_back(name: str, tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, convention=name, sites=1 if name == "sbs" else 2)
    simulate_plates(tmp_path, settings)
    plates = open_plates(tmp_path)
    assert plates.convention == name
    assert plates.spec.channel_names == CHANNELS
    keys = [site.key for plate in plates.plates for site in plate.sites]
    assert len(keys) == 2 * 3 * settings.sites
    assert {key.plate for key in keys} == {"P009063", "P009064"}
    assert {key.well for key in keys} == {"B02", "B03", "B04"}
    assert {key.site for key in keys} == set(range(1, settings.sites + 1))
    assert not plates.quarantine
    assert len(plates.labels) == 6


def test_sites_need_names() -> None:
    with pytest.raises(UsageError, match="wanted 1 site a well"):
        load_naming(dataclasses.replace(TINY, convention="sbs"))


def test_an_unknown_convention_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'zeiss' is unknown: .*imagexpress"):
        load_naming(dataclasses.replace(TINY, convention="zeiss"))
