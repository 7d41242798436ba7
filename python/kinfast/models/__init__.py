"""Models: torchvision's backbones without their tops, one a stream, joined by one head. They take plain values."""

from kinfast.models.build import build_model, build_shapes
from kinfast.models.parameters import ParameterReport, count_parameters, report_parameters
from kinfast.models.streams import StreamClassifier
from kinfast.models.weights import PretrainedWeights, load_weights

__all__ = [
    "ParameterReport",
    "PretrainedWeights",
    "StreamClassifier",
    "build_model",
    "build_shapes",
    "count_parameters",
    "load_weights",
    "report_parameters",
]
