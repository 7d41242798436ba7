"""How large Table 1 is made: as in the thesis, or small enough for a laptop, on plates that it simulates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kinfast.config import SEED, PreprocessConfig, TrainConfig
from kinfast.models.weights import IMAGENET
from kinfast.progress import Reporter
from kinfast.studies.thesis import EXTREMES, PLACES, Place

MORE_EPOCHS = 1
"""Epochs of input two beyond those of input one, where a scale says how many: the thesis has five more."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How a table is made.

    Attributes:
        name: full or small.
        changes: of every recipe; full changes nothing.
        epochs: of input one and of Figures 5 to 7; None: the recipe's.
        simulated: whether it makes its own plates where no store is given.
        local_weights: random weights from a file in the place of ImageNet's.
        by_compound: cells of Table 1 that are trained under a split by compound, too.
        draws: bootstrap draws.
    """

    name: str
    changes: Mapping[str, Any]
    epochs: int | None
    simulated: bool
    local_weights: bool
    by_compound: tuple[Place, ...]
    draws: int

    def config(self, recipe: TrainConfig, weights: Mapping[str, Path], *, second_input: bool) -> TrainConfig:
        """Give what a recipe is trained with at this scale."""
        config = replace(recipe, **self.changes)
        if self.epochs is not None:
            config = replace(config, epochs=self.epochs + (MORE_EPOCHS if second_input else 0))
        if self.local_weights and config.weights == IMAGENET:
            config = replace(config, weights=str(weights[config.backbone]))
        return config


FULL = Scale("full", {}, None, False, False, PLACES, 1000)
SMALL = Scale(
    "small",
    {
        "input_size": 48,
        "batch_size": 4,
        "steps_per_epoch": 5,
        "validation_fraction": 0.06,
        "loader": "torch",
        "device": "cpu",
    },
    5,
    True,
    True,
    tuple(p for p in PLACES if (p.input, p.mode) == ("two", "adam") and p.backbone in EXTREMES.values()),
    200,
)
"""48-pixel inputs and 25 to 30 steps: enough for the thesis' pattern, far too few for a model that is any good. Split
by compound, too: the two models of Tables 2 and 3."""
SCALES = {scale.name: scale for scale in (FULL, SMALL)}


def simulate_small(folder: Path, threads: int, reporter: Reporter) -> Path:
    """Simulate and prepare the small scale's plates: 112 targets and the control, as many classes as in the thesis.

    Returns:
        The store's folder.
    """
    from kinfast.plate.open import open_plates
    from kinfast.preprocess.run import preprocess
    from kinfast.simulate.run import simulate_plates
    from kinfast.simulate.settings import SimulationSettings

    settings = SimulationSettings(
        plates=2,
        layout=384,
        wells=250,
        sites=1,
        height=96,
        width=96,
        pixel_um=1.2,
        cells=9,
        targets=112,
        doses_um=(10.0, 5.0),
        control_share=0.1,
        effect=1.6,
        own_share=0.15,
        inactive=0.0,
        toxic=0.0,
        dark=0,
        blank=0,
        empty=0,
        blurred=0,
        saturated=0,
        debris=0,
        seed=SEED,
    )
    plates, prepared = folder / "plates", folder / "prepared"
    simulate_plates(plates, settings, threads, reporter)
    preprocess(open_plates(plates, reporter=reporter), prepared, PreprocessConfig(shorter_side=48), threads=threads)
    return prepared


def write_local_weights(backbone: str, path: Path) -> Path:
    """Write seeded random weights with torchvision's names, without the top: what stands in for ImageNet's."""
    import torch
    from safetensors.torch import save_file

    from kinfast.models.backbones import TOPS, construct

    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        values = construct(backbone).state_dict()
    kept = {name: value.contiguous() for name, value in values.items() if name.partition(".")[0] not in TOPS}
    unfinished = path.with_suffix(".part")
    save_file(kept, unfinished)
    unfinished.replace(path)
    return path
