"""What was asked for and does nothing in a run, or the opposite of what it is for: each is said in one line."""

import torch

from kinfast.config import TrainConfig
from kinfast.data.labels import LabelledSites
from kinfast.io import instruction_sets
from kinfast.train.stepping.losses import CROSS_ENTROPY
from kinfast.train.stepping.precision import Precision


def no_effect_lines(config: TrainConfig, loss: str, labels: LabelledSites, precision: Precision) -> list[str]:
    """Say which of a run's options have no effect.

    Args:
        config: what was asked for.
        loss: cross_entropy or binary_cross_entropy.
        labels: that are learned.
        precision: the number format, with the device.
    """
    lines = []
    if config.label_smoothing and loss != CROSS_ENTROPY:
        lines.append(f"label smoothing {config.label_smoothing:g} has no effect: it is of softmax, not of sigmoids")
    if config.class_weights and labels.soft:
        lines.append("--class-weights has no effect: a target between 0 and 1 is of no class")
    if precision.dtype is not None and _only_acts(precision):
        lines.append(f"{precision.name} is slower than float32 here: this CPU has no instructions for it")
    return lines


def _only_acts(precision: Precision) -> bool:
    """Whether each number is turned into float32 and back: on x86 before AVX-512."""
    x86 = {"avx2", "avx512"} & set(instruction_sets()[1])
    return torch.device(precision.device).type == "cpu" and bool(x86) and "avx512" not in x86
