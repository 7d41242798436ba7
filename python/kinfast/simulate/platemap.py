"""Which well of which plate gets what."""

from dataclasses import dataclass

import numpy as np

from kinfast import schema
from kinfast.domain import WellName, well_position
from kinfast.simulate.one_stain import confine
from kinfast.simulate.phenotype import UNTREATED, Compound, Phenotype, make_compounds
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import SimulationSettings

FIRST_PLATE = 9063
"""Plates are called P009063 and on. Source: the thesis, 3.4."""
DMSO = "DMSO"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is in one well; compound None is DMSO.

    Attributes:
        dose_um: uM, 0 for DMSO.
    """

    compound: Compound | None
    dose_um: float

    @property
    def name(self) -> str:
        """The compound's name, or DMSO."""
        return self.compound.name if self.compound else DMSO

    @property
    def target(self) -> str:
        """The target string; empty for DMSO."""
        return self.compound.target if self.compound else ""

    @property
    def role(self) -> str:
        """`trt` or `negcon`."""
        return schema.ROLE_TREATMENT if self.compound else schema.ROLE_NEGATIVE

    @property
    def phenotype(self) -> Phenotype:
        """What the cells look like."""
        return self.compound.at_dose(self.dose_um) if self.compound else UNTREATED


@dataclass(frozen=True, slots=True)
class Well:
    """One well of one plate.

    Attributes:
        plate_index, well_index: 0-based, in the order of plates and wells.
    """

    plate: str
    plate_index: int
    name: WellName
    well_index: int
    treatment: Treatment


def plate_name(index: int) -> str:
    """Name the plate at a 0-based position."""
    return f"P{FIRST_PLATE + index:06d}"


def compounds_of(settings: SimulationSettings) -> tuple[Compound, ...]:
    """Make the settings' compounds."""
    made = make_compounds(
        generator(settings.seed, Stream.COMPOUNDS),
        signatures=settings.signatures,
        n_compounds=settings.n_compounds,
        n_targets=settings.targets,
        own_share=settings.own_share,
        effect=settings.effect,
        inactive=settings.inactive,
        toxic=settings.toxic,
        toxicity=settings.toxicity,
    )
    return confine(made, settings.only_stain, settings.targets, settings.effect) if settings.only_stain else made


def lay_out(settings: SimulationSettings, compounds: tuple[Compound, ...]) -> tuple[Well, ...]:
    """Fill the wells: controls and treatments at random places of each plate, so that position tells nothing.

    A compound's doses lie on one plate. When the wells are more than compounds x doses, everything is repeated.
    """
    series = [Treatment(compound, dose) for compound in compounds for dose in settings.doses_um]
    names, controls = settings.well_names, settings.n_controls
    wells, given = [], 0
    for plate in range(settings.plates):
        free = len(names) - controls
        contents = [Treatment(None, 0.0)] * controls + [series[(given + i) % len(series)] for i in range(free)]
        given += free
        order = generator(settings.seed, Stream.LAYOUT, plate).permutation(len(names))
        for index, name in enumerate(names):
            wells.append(Well(plate_name(plate), plate, name, index, contents[order[index]]))
    return tuple(wells)


def column_share(well: str, plate_columns: int) -> float:
    """Give a well's position across its plate: -1 in the first column, 1 in the last."""
    return float(np.interp(well_position(well)[1], (1, plate_columns), (-1, 1)))
