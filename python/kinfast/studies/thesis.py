"""What the thesis printed, and which recipe belongs to which cell of its Table 1."""

from dataclasses import dataclass
from typing import Any

from kinfast.plate.shipped import shipped_folder
from kinfast.plate.spec_files import read_mapping

BACKBONES = {"resnet50": "ResNet50", "mobilenet_v2": "MobileNetV2", "vgg16": "VGG16"}
"""In the order of Table 1's rows."""
INPUTS = {"one": "MiCoPh and MiSyHo", "two": "MiCoPh and SyHoPh"}
MODES = {"sgd": "Pretrained SGD", "adam": "Pretrained Adam", "adam-scratch": "Not pretrained, Adam"}
SECTIONS = {"one": "3.8", "two": "3.9"}
SGD_RATES = {"one": "1e-4", "two": "0.01"}
FIGURES = {"vgg16": 8, "resnet50": 9, "mobilenet_v2": 10}
EXTREMES = {"table2": "resnet50", "table3": "mobilenet_v2"}
FIGURE_RECIPES = {
    "figure5": {"one plate, MiCoPh": "thesis-3.5-one-plate", "whole set, five channels": "thesis-3.6-rmsprop"},
    "figure6": {"Adam": "thesis-3.6-adam", "SGD": "thesis-3.6-sgd"},
    "figure7": {"RMSprop 3e-5": "thesis-3.7-mobilenetv2-rmsprop", "SGD 1e-5": "thesis-3.7-mobilenetv2-sgd"},
}


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of Table 1."""

    backbone: str
    input: str
    mode: str

    @property
    def recipe(self) -> str:
        """The recipe's name."""
        return f"thesis-{SECTIONS[self.input]}-{self.backbone.replace('_', '')}-{self.mode}"

    @property
    def heading(self) -> str:
        """The column's heading, without the input."""
        return MODES[self.mode] + (f" (lr={SGD_RATES[self.input]})" if self.mode == "sgd" else "")

    @property
    def column(self) -> int:
        """Position among the six columns."""
        return list(INPUTS).index(self.input) * len(MODES) + list(MODES).index(self.mode)


PLACES = tuple(Place(backbone, stream, mode) for backbone in BACKBONES for stream in INPUTS for mode in MODES)


def printed_tables() -> dict[str, Any]:
    """Read Tables 1 to 3 as the thesis printed them."""
    return read_mapping(shipped_folder() / "thesis" / "tables.yaml")
