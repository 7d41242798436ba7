"""Every knob of a simulation, with its default, unit and reason."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from kinfast.config import SEED
from kinfast.domain import CELL_PAINTING_CHANNELS, WellName, well_name
from kinfast.errors import UsageError
from kinfast.simulate.phenotype import SIGNATURES, TARGETS

CHANNELS = CELL_PAINTING_CHANNELS
"""Simulated planes are always in this order."""
WAVELENGTHS = {"DNA": 1, "RNA": 2, "ER": 4, "AGP": 5, "Mito": 3}
"""Source: the thesis, 3.2 (channel 3 MitoTracker, 4 concanavalin A, 5 phalloidin and WGA)."""
COMPRESSIONS = ("none", "lzw", "deflate", "zstd", "packbits")
CONDITIONS = ("dark", "blank", "empty", "blurred", "saturated", "debris")
"""What can be planted at a site."""
LAYOUTS = {96: ((2, 7), (2, 11)), 384: ((2, 15), (2, 23))}
"""Rows and columns used of a plate, first and last: its outer wells stay empty. Source for 96: the thesis, 3.2."""
PLANTED_SHARE = 0.008
"""Share of a plate's sites that each condition gets by default: one in 120, rounded."""


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """What is simulated. The same settings give the same bytes, with any number of threads.

    Attributes:
        plates: number of plates.
        layout: 96 (60 inner wells) or 384 (308 inner wells).
        wells: wells used of each plate, row by row; None for all of the layout's.
        sites: sites a well.
        height, width: pixels of an image.
        pixel_um: um a pixel; 0.656 is a 20x objective on an ImageXpress camera read out 2 by 2.
        cells: expected nuclei in a field of an untreated well.
        compounds: number of compounds; None for as many as the wells hold at all doses.
        targets: number of target strings, at most 112, as in the thesis.
        doses_um: doses of every compound, uM. Source: the thesis, 3.2.
        control_share: share of the wells with DMSO.
        own_share: how much of a compound's effect is its own and not its target's, 0 to 1.
        effect: factor on all effects; 0 gives plates without any biology.
        inactive, toxic: shares of the compounds.
        toxicity: smallest and largest share of the cells that a toxic compound takes at a saturating dose.
        signatures: what targets do to cells: "known" is drawn after what is known of kinases and changes brightness,
            texture and sizes; "shape" makes cells anything from round to spindle-shaped, which changes none of these.
        only_stain: the one channel in which compounds change anything; None for all of them.
        vignetting: share of the light that is lost in the darkest corner.
        dark_counts: smallest and largest dark offset, counts; each channel draws one.
        background: factor on the background fluorescence.
        exposure: factor on all light.
        read_noise: standard deviation of the camera's read noise, counts.
        plate_effect, well_effect: standard deviation of the logarithm of the brightness, of each channel for itself
            and, within a plate, of all together; cell numbers vary as much.
        position_effect: by how much a plate's left and right ends differ in cell number.
        dark, blank, empty, blurred, saturated, debris: sites of each plate with that condition; None for about one
            in 120.
        broken: broken files over all plates, of all kinds in turn.
        convention: whose file names are used, a name in data_specs/conventions.
        compression: one of none, lzw, deflate, zstd, packbits.
        predictor: horizontal differences before lzw, deflate or zstd.
        seed: of everything.
    """

    plates: int = 2
    layout: int = 96
    wells: int | None = None
    sites: int = 9
    height: int = 512
    width: int = 512
    pixel_um: float = 0.656
    cells: float = 60.0
    compounds: int | None = None
    targets: int = 8
    doses_um: tuple[float, ...] = (10.0, 6.0, 5.0, 4.0)
    control_share: float = 0.2
    own_share: float = 0.3
    effect: float = 1.0
    inactive: float = 0.1
    toxic: float = 0.1
    toxicity: tuple[float, float] = (0.5, 0.85)
    signatures: str = "known"
    only_stain: str | None = None
    vignetting: float = 0.4
    dark_counts: tuple[float, float] = (50.0, 250.0)
    background: float = 1.0
    exposure: float = 1.0
    read_noise: float = 4.0
    plate_effect: float = 0.12
    well_effect: float = 0.12
    position_effect: float = 0.1
    dark: int | None = None
    blank: int | None = None
    empty: int | None = None
    blurred: int | None = None
    saturated: int | None = None
    debris: int | None = None
    broken: int = 0
    convention: str = "imagexpress"
    compression: str = "none"
    predictor: bool = False
    seed: int = SEED

    def __post_init__(self) -> None:
        _check_ranges(self)
        _check_choices(self)
        _check_room(self)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of an image in pixels."""
        return self.height, self.width

    @property
    def well_names(self) -> tuple[WellName, ...]:
        """The wells used of each plate, row by row."""
        (top, bottom), (left, right) = LAYOUTS[self.layout]
        wells = [well_name(r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)]
        return tuple(wells[: self.wells])

    @property
    def plate_columns(self) -> int:
        """Columns of the whole plate, outer wells included."""
        return {96: 12, 384: 24}[self.layout]

    @property
    def n_controls(self) -> int:
        """DMSO wells of each plate: at least one, unless there is one well only."""
        n = len(self.well_names)
        return min(max(1, round(self.control_share * n)), n - 1) if n > 1 else 0

    @property
    def treated_wells(self) -> int:
        """Wells with a compound, over all plates."""
        return self.plates * (len(self.well_names) - self.n_controls)

    @property
    def n_compounds(self) -> int:
        """Compounds used."""
        return max(1, self.treated_wells // len(self.doses_um)) if self.compounds is None else self.compounds

    def n_planted(self, condition: str) -> int:
        """Sites of each plate that get a condition."""
        asked: int | None = getattr(self, condition)
        return round(PLANTED_SHARE * len(self.well_names) * self.sites) if asked is None else asked

    def as_dict(self) -> dict[str, Any]:
        """Give all settings as JSON's types."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SimulationSettings":
        """Read what `as_dict` gave; unknown keys are dropped."""
        known = {field.name for field in fields(cls)}
        kept: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
        return cls(**kept)


_RANGES: dict[str, tuple[float, float]] = {
    "plates": (1, 999),
    "wells": (1, 308),
    "sites": (1, 999),
    "height": (64, 4320),
    "width": (64, 4320),
    "pixel_um": (0.1, 4.0),
    "cells": (0, 5000),
    "compounds": (1, 100_000),
    "targets": (1, len(TARGETS)),
    "control_share": (0, 1),
    "own_share": (0, 1),
    "effect": (0, 3),
    "inactive": (0, 1),
    "toxic": (0, 1),
    "vignetting": (0, 0.9),
    "background": (0, 100),
    "exposure": (0.01, 10),
    "read_noise": (0, 1000),
    "plate_effect": (0, 2),
    "well_effect": (0, 2),
    "position_effect": (0, 1),
    **dict.fromkeys(CONDITIONS, (0, 10000)),
    "broken": (0, 100_000),
    "seed": (0, 2**63 - 1),
}


def _check_ranges(settings: SimulationSettings) -> None:
    for name, (low, high) in _RANGES.items():
        value = getattr(settings, name)
        if value is not None and not low <= value <= high:
            raise UsageError(f"{name} is {value:g}: wanted {low:g} to {high:g}")
    low, high = settings.dark_counts
    if not 0 <= low <= high <= 5000:
        raise UsageError(f"dark_counts are {low:g} to {high:g}: wanted a rising pair from 0 to 5000 counts")
    low, high = settings.toxicity
    if not 0 <= low <= high <= 1:
        raise UsageError(f"toxicity is {low:g} to {high:g}: wanted a rising pair from 0 to 1")
    if not settings.doses_um or min(settings.doses_um) <= 0:
        raise UsageError(f"doses_um are {list(settings.doses_um)}: wanted one or more numbers above 0")
    if settings.inactive + settings.toxic > 1:
        raise UsageError(f"inactive {settings.inactive:g} and toxic {settings.toxic:g} add up to more than 1")


def _check_choices(settings: SimulationSettings) -> None:
    if settings.layout not in LAYOUTS:
        raise UsageError(f"layout is {settings.layout}: wanted 96 or 384")
    if settings.only_stain is not None and settings.only_stain not in CHANNELS:
        raise UsageError(f"only_stain is {settings.only_stain!r}: wanted one of {', '.join(CHANNELS)}")
    if settings.signatures not in SIGNATURES:
        raise UsageError(f"signatures are {settings.signatures!r}: wanted one of {', '.join(SIGNATURES)}")
    if settings.only_stain is not None and settings.signatures != "known":
        raise UsageError("only_stain confines effects to one channel, and shapes show in all of them: choose one")
    if settings.compression not in COMPRESSIONS:
        raise UsageError(f"compression is {settings.compression!r}: wanted one of {', '.join(COMPRESSIONS)}")
    if settings.predictor and settings.compression in ("none", "packbits"):
        raise UsageError(f"compression {settings.compression} takes no predictor: choose lzw, deflate or zstd")


def _check_room(settings: SimulationSettings) -> None:
    available = len(settings.well_names)
    if settings.wells is not None and settings.wells > available:
        raise UsageError(f"wells is {settings.wells}: layout {settings.layout} has {available} (the inner ones)")
    wanted = settings.n_compounds * len(settings.doses_um)
    if settings.compounds is not None and wanted > settings.treated_wells:
        raise UsageError(
            f"{settings.compounds} compounds at {len(settings.doses_um)} doses need {wanted} wells and "
            f"{settings.treated_wells} are free on {settings.plates} plates: choose fewer compounds or more plates"
        )
    planted = sum(settings.n_planted(condition) for condition in CONDITIONS)
    sites = available * settings.sites
    if planted > sites or planted * settings.plates + settings.broken > sites * settings.plates:
        raise UsageError(
            f"{planted} planted sites a plate and {settings.broken} broken files do not fit {settings.plates} x "
            f"{sites} sites: plant fewer"
        )
