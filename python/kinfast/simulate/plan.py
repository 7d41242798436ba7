"""The list of all sites to simulate, each with everything that decides its images but the pixels."""

from dataclasses import dataclass

import numpy as np

from kinfast.simulate.optics import SIGNAL_COUNTS
from kinfast.simulate.phenotype import Compound
from kinfast.simulate.platemap import Well, column_share, lay_out
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import CONDITIONS, SimulationSettings

NORMAL = "normal"
DYING = 0.5
"""Wells that lose a larger share of their cells get planted conditions last: a blur needs something to blur."""


@dataclass(frozen=True, slots=True)
class SitePlan:
    """One site.

    Attributes:
        site: 1-based.
        condition: "normal" or one of `CONDITIONS`.
        light: factor on each channel's light, from plate, well and site.
        cells: expected number of cells in the field, before the treatment's losses.
    """

    well: Well
    site: int
    condition: str
    light: tuple[float, ...]
    cells: float

    @property
    def planted(self) -> bool:
        """Whether the site is spoilt on purpose."""
        return self.condition != NORMAL

    @property
    def place(self) -> tuple[int, int, int]:
        """Plate, well and site, 0-based: where its random streams begin."""
        return self.well.plate_index, self.well.well_index, self.site - 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be simulated; sites in the order of plate, well, site."""

    settings: SimulationSettings
    compounds: tuple[Compound, ...]
    sites: tuple[SitePlan, ...]

    def by_well(self) -> list[tuple[SitePlan, ...]]:
        """Group the sites by well: one piece of work."""
        n = self.settings.sites
        return [self.sites[start : start + n] for start in range(0, len(self.sites), n)]


def make_plan(settings: SimulationSettings, compounds: tuple[Compound, ...]) -> Plan:
    """Plan every site."""
    wells = lay_out(settings, compounds)
    sites: list[SitePlan] = []
    per_plate = len(settings.well_names)
    for plate in range(settings.plates):
        mine = wells[plate * per_plate : (plate + 1) * per_plate]
        conditions = _choose_conditions(settings, plate, mine)
        for index, well in enumerate(mine):
            start = index * settings.sites
            sites += _plan_well(settings, well, conditions[start : start + settings.sites])
    return Plan(settings, compounds, tuple(sites))


def _choose_conditions(settings: SimulationSettings, plate: int, wells: tuple[Well, ...]) -> list[str]:
    chosen = [NORMAL] * (len(wells) * settings.sites)
    order = generator(settings.seed, Stream.CONDITIONS, plate).permutation(len(chosen))
    dying = [wells[i // settings.sites].treatment.phenotype.of("death") > DYING for i in order]
    queue = iter([*order[~np.array(dying)], *order[np.array(dying)]])
    for condition in CONDITIONS:
        for _ in range(settings.n_planted(condition)):
            chosen[next(queue)] = condition
    return chosen


def _plan_well(settings: SimulationSettings, well: Well, conditions: list[str]) -> list[SitePlan]:
    n = len(SIGNAL_COUNTS)
    of_plate = generator(settings.seed, Stream.PLATE, well.plate_index)
    light = np.exp(of_plate.normal(0, settings.plate_effect, n))
    cells = settings.cells * np.exp(of_plate.normal(0, settings.plate_effect))
    of_well = generator(settings.seed, Stream.WELL, well.plate_index, well.well_index)
    light *= np.exp(of_well.normal(0, settings.well_effect) + of_well.normal(0, settings.well_effect, n))
    cells *= np.exp(of_well.normal(0, settings.well_effect))
    cells *= 1 + settings.position_effect / 2 * column_share(well.name, settings.plate_columns)
    plans = []
    for index, condition in enumerate(conditions):
        jitter = np.exp(of_well.normal(0, 0.02, n))
        plans.append(SitePlan(well, index + 1, condition, tuple((light * jitter).tolist()), float(cells)))
    return plans
