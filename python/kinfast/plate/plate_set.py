"""What a folder of plates turned out to be: the one value that this room hands to the others."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from kinfast.domain import IgnoredFile, Plate, QuarantineRow
from kinfast.plate.specs import DatasetSpec


@dataclass(frozen=True, slots=True)
class ConventionScore:
    """How well one convention reads the names.

    Attributes:
        name: the convention's.
        share: of the TIFF files looked at, those it reads, 0 … 1.
        fallback: True where it is only taken when no other reads anything.
    """

    name: str
    share: float
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class PlateSet:
    """Plates that can be processed, and everything that is not one.

    Attributes:
        root: the folder that paths are relative to.
        spec: what the channels are.
        convention: name of the convention that read the names.
        plates: only complete sites, sorted by key; `Site.channels` in the spec's order.
        quarantine: missing channels and duplicate images, one row a cause.
        ignored: files that are no plate image, with the reason.
        labels: a row per plate x well: schema.PLATE, WELL, LABELS and any other Metadata_* column of the tables.
        notes: lines that a person should read.
        audit: contradictions between the counts of plates, wells, sites, images and labels; empty when there is none.
        scores: of all conventions, best first.
        pixel_um: micrometres per pixel by plate, where spec or microscope say so.
    """

    root: Path
    spec: DatasetSpec
    convention: str
    plates: tuple[Plate, ...]
    quarantine: tuple[QuarantineRow, ...]
    ignored: tuple[IgnoredFile, ...]
    labels: pd.DataFrame
    notes: tuple[str, ...]
    audit: tuple[str, ...] = ()
    scores: tuple[ConventionScore, ...] = ()
    pixel_um: dict[str, float] = field(default_factory=dict)
