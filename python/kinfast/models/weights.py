"""Pretrained weights: torchvision's ImageNet ones, a person's own file, or none. Files never run code."""

import contextlib
import io
import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import get_model_weights

from kinfast.errors import WeightsError

IMAGENET = "imagenet"
NONE = "none"
DOWNLOAD_SECONDS = 15.0
"""Silence on the line after which a download has failed: a person at a closed network should not wait for minutes."""
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "network.", "backbone.")


@dataclass(frozen=True, slots=True)
class PretrainedWeights:
    """Parameters and buffers by torchvision's names, and where they come from."""

    source: str
    values: Mapping[str, Tensor]

    def stem_channels(self, stem: str, otherwise: int) -> int:
        """Say how many channels the first convolution was trained on."""
        filters = self.values.get(f"{stem}.weight")
        return otherwise if filters is None or filters.ndim != 4 else filters.shape[1]

    def fill(self, network: nn.Module, tops: Collection[str]) -> None:
        """Copy the values into a network; only parts named in `tops` may be missing or of another shape.

        Raises:
            WeightsError: something below the top is missing or has another shape.
        """
        wanted = network.state_dict()
        fitting = {name: value for name, value in self.values.items() if _fits(wanted.get(name), value)}
        lacking = [name for name in wanted if name not in fitting and name.partition(".")[0] not in tops]
        lacking = [name for name in lacking if not name.endswith("num_batches_tracked")]
        if lacking:
            raise WeightsError(self._misfit(lacking, wanted))
        network.load_state_dict(fitting, strict=False)

    def _misfit(self, lacking: list[str], wanted: Mapping[str, Tensor]) -> str:
        first = lacking[0]
        found = f"of shape {tuple(self.values[first].shape)}" if first in self.values else "missing"
        return (
            f"{self.source} does not fit the network: {len(lacking)} of {len(wanted)} tensors, first {first!r}, "
            f"{found}, wanted {tuple(wanted[first].shape)}; give weights of the same backbone, or --weights none"
        )


def _fits(wanted: Tensor | None, value: Tensor) -> bool:
    return wanted is not None and wanted.shape == value.shape


def load_weights(backbone: str, weights: str) -> PretrainedWeights | None:
    """Get the weights that `--weights` names.

    Args:
        backbone: torchvision's name of the classifier.
        weights: "imagenet" (torchvision's default weights, fetched once into torch's cache), "none", or the path of a
            .safetensors or torch state_dict file with torchvision's names.

    Returns:
        the weights, or None for "none".

    Raises:
        WeightsError: they cannot be fetched or read, or the backbone has none.
    """
    if weights == NONE:
        return None
    if weights == IMAGENET:
        return _imagenet(backbone)
    return read_weights(Path(weights))


def _imagenet(backbone: str) -> PretrainedWeights:
    try:
        entry: Any = get_model_weights(backbone).DEFAULT
    except ValueError:
        raise WeightsError(
            f"there are no ImageNet weights for {backbone}: use --weights none or --weights FILE"
        ) from None
    try:
        # torch.hub announces itself on stdout, whose last line is the run's path
        with _impatient_sockets(), contextlib.redirect_stdout(io.StringIO()):
            values = entry.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"the ImageNet weights of {backbone} could not be fetched from {entry.url} ({reason}): "
            "use --weights none, or --weights FILE with that file fetched elsewhere"
        ) from None
    return PretrainedWeights(source=f"torchvision {entry}", values=values)


@contextlib.contextmanager
def _impatient_sockets() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_SECONDS)  # torch.hub opens its URL without a timeout of its own
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def read_weights(path: Path) -> PretrainedWeights:
    """Read a .safetensors file or a torch state_dict; nothing in the file is executed.

    Raises:
        WeightsError: the file is absent or is neither.
    """
    if not path.is_file():
        raise WeightsError(f"no weights file {path}: wanted imagenet, none, or a .safetensors or torch state_dict file")
    try:
        raw = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    except Exception as error:  # torch.load raises whatever the bytes lead it to
        kind = type(error).__name__
        raise WeightsError(f"{path} is no safetensors file and no plain torch state_dict ({kind})") from None
    return PretrainedWeights(source=str(path), values=_state_dict(path, raw))


def _state_dict(path: Path, raw: Any) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(raw, Mapping) and isinstance(raw.get(wrapper), Mapping):
            raw = raw[wrapper]
    if not isinstance(raw, Mapping):
        raise WeightsError(f"{path} holds a {type(raw).__name__}: wanted a state_dict, names to tensors")
    tensors = {str(name): value for name, value in raw.items() if isinstance(value, Tensor)}
    if not tensors:
        raise WeightsError(f"{path} holds no tensors: wanted a state_dict, names to tensors")
    return {_plain(name): value for name, value in tensors.items()}


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
