"""File names of simulated images under any convention, and the spec that lets a bare command read them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kinfast.errors import UsageError
from kinfast.plate.conventions import Convention, shipped_conventions
from kinfast.plate.template import make_path
from kinfast.simulate.settings import CHANNELS, WAVELENGTHS, SimulationSettings


@dataclass(frozen=True, slots=True)
class Naming:
    """How images are named.

    Attributes:
        plate_columns: columns of the whole plate, for conventions that number wells row by row.
    """

    convention: Convention
    plate_columns: int

    def path(self, plate: str, well: str, site: int, channel: str) -> str:
        """Give the path of one image below the plates' root, with forward slashes.

        site: 1-based. channel: one of `CHANNELS`.
        """
        return make_path(
            self.convention,
            plate=plate,
            well=well,
            site=site,
            channel=str(WAVELENGTHS[channel]),
            channel_name=channel,
            columns=self.plate_columns,
        )


def load_naming(settings: SimulationSettings) -> Naming:
    """Find the settings' convention.

    Raises:
        UsageError: there is no such convention, or its names cannot hold what is to be simulated.
    """
    known = {convention.name: convention for convention in shipped_conventions() if convention.template}
    if settings.convention not in known:
        raise UsageError(f"convention {settings.convention!r} is unknown: wanted one of {', '.join(sorted(known))}")
    naming = Naming(known[settings.convention], settings.plate_columns)
    if settings.sites > 1 and naming.path("P", "B02", 1, "DNA") == naming.path("P", "B02", 2, "DNA"):
        raise UsageError(
            f"convention {settings.convention} names no sites and sites is {settings.sites}: wanted 1 site a well"
        )
    return naming


def dataset_spec(naming: Naming, settings: SimulationSettings) -> Mapping[str, Any]:
    """Give the content of dataset.yaml: the thesis' spec, with this simulation's table, pixel size and file names."""
    spec: dict[str, Any] = {
        "extends": "kinase_u2os",
        "name": "simulated",
        "title": "Simulated Cell Painting plates of kinase inhibitors",
        "cell_line": "none: simulated U2OS-like cells",
        "provenance": "Drawn by kinfast simulate: no living cell is behind these images.",
        "consent": "None is needed.",
        "metadata": "metadata.csv",
        "convention": naming.convention.name,
        "pixel_um": settings.pixel_um,
    }
    if "channel_name" in naming.convention.template:
        spec["channels"] = [{"name": name, "wavelength": [str(WAVELENGTHS[name]), name]} for name in CHANNELS]
    return spec
