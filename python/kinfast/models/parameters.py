"""How many parameters a model has, beside the counts that the thesis names for Keras' models."""

from dataclasses import dataclass

from torch import nn

from kinfast.models.backbones import OWN, construct
from kinfast.models.shapes import without_values
from kinfast.models.streams import StreamClassifier

THESIS_COUNTS = {"vgg16": 138_357_544, "resnet50": 25_636_712, "mobilenet_v2": 3_538_984}
"""With their ImageNet tops, as Keras counts. Source: the thesis, 2.5."""
KERAS_DIFFERENCE = "Keras also counts the running means and variances of batch normalisation and the biases before it"


@dataclass(frozen=True, slots=True)
class ParameterReport:
    """Counts of one model.

    Attributes:
        backbone: its name.
        streams: number of networks.
        per_stream: parameters of each network, top left off.
        head: parameters of the head.
        torchvision_with_top: the whole ImageNet classifier's, one network; None for a backbone of our own.
        thesis_with_top: the thesis' number of the same; None where it names none.
    """

    backbone: str
    streams: int
    per_stream: tuple[int, ...]
    head: int
    torchvision_with_top: int | None
    thesis_with_top: int | None

    @property
    def total(self) -> int:
        """Parameters of the model as it is trained."""
        return sum(self.per_stream) + self.head

    def lines(self) -> list[str]:
        """Say it in words, a line each."""
        streams = " + ".join(f"{count:,}" for count in self.per_stream)
        said = [f"{self.backbone}: {self.total:,} parameters ({streams} in the streams, {self.head:,} in the head)"]
        if self.torchvision_with_top is not None:
            line = f"with its ImageNet top one {self.backbone} has {self.torchvision_with_top:,} in torchvision"
            if self.thesis_with_top is not None:
                line += f", {self.thesis_with_top:,} in the thesis (Keras)"
                if self.thesis_with_top != self.torchvision_with_top:
                    line += f"; {KERAS_DIFFERENCE}"
            said.append(line)
        return said


def count_parameters(module: nn.Module) -> int:
    """Count trainable values; running statistics are not among them."""
    return sum(parameter.numel() for parameter in module.parameters())


def report_parameters(model: StreamClassifier, backbone: str) -> ParameterReport:
    """Count a model's parameters, and those of its backbone's whole ImageNet classifier."""
    return ParameterReport(
        backbone=backbone,
        streams=len(model.backbones),
        per_stream=tuple(count_parameters(network) for network in model.backbones),
        head=count_parameters(model.head),
        torchvision_with_top=None if backbone in OWN else _count_whole(backbone),
        thesis_with_top=THESIS_COUNTS.get(backbone),
    )


def _count_whole(backbone: str) -> int:
    return count_parameters(without_values(lambda: construct(backbone)))
