"""The two kinds of file that a model is exported to: how each is written, and read again by what others would use."""

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kinfast.train.finished.whole_sites import WholeSites

INPUT, OUTPUTS = "sites", ("logits", "probabilities")
METADATA = "kinfast"
"""Key of the metadata in an ONNX file; in a .pt2 file it is the extra file of this name with .json."""
Said = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Logits and probabilities, (n, n_classes) each."""
Ask = Callable[[NDArray[np.uint8]], Said]
"""Asks an exported model about sites, (n, h, w, channels) uint8."""


def write_onnx(module: WholeSites, example: torch.Tensor, metadata: str, path: Path) -> None:
    """Write an ONNX file for any number of sites. example: two or more sites; metadata: JSON."""
    import onnx

    with warnings.catch_warnings():
        # torch would rather have its other exporter used, which takes seven times as long (17 s of two MobileNetV2)
        # for a file that is no nearer, and one package more
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            module,
            (example,),
            str(path),
            dynamo=False,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "batch"} for name in (INPUT, *OUTPUTS)},
        )
    written = onnx.load(str(path))
    onnx.helper.set_model_props(written, {METADATA: metadata})
    onnx.checker.check_model(written)
    onnx.save(written, str(path))


def read_onnx(path: Path) -> Ask | None:
    """Open an ONNX file to be asked; None where ONNX Runtime is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda sites: tuple(session.run(list(OUTPUTS), {INPUT: sites}))


def write_torch(module: WholeSites, example: torch.Tensor, metadata: str, path: Path) -> None:
    """Write a file of torch.export for any number of sites. example: two or more sites; metadata: JSON."""
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    program = torch.export.export(module, (example,), dynamic_shapes=shapes)
    torch.export.save(program, path, extra_files={f"{METADATA}.json": metadata})


def read_torch(path: Path) -> Ask | None:
    """Open a file of torch.export to be asked."""
    loaded = torch.export.load(path).module()

    def ask(sites: NDArray[np.uint8]) -> Said:
        logits, probabilities = loaded(torch.from_numpy(sites))
        return logits.numpy(), probabilities.numpy()

    return ask
