"""`kinfast doctor`: what works on this machine and what does not."""

import importlib.metadata
import io
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from kinfast.cli.options import Debug, usable_threads

Verdict = Literal["ok", "absent", "broken"]

COMPRESSIONS: dict[str, str | None] = {
    "uncompressed": None,
    "PackBits": "packbits",
    "LZW": "lzw",
    "Deflate": "zlib",
    "Zstd": "zstd",
}
BASE_PACKAGES = ("numpy", "pandas", "pyarrow", "opencv-python-headless", "tifffile", "imagecodecs", "openpyxl")
TRAIN_PACKAGES = ("torch", "torchvision", "scikit-learn", "matplotlib", "safetensors")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is for, its state, and what to do where it is not well."""

    what: str
    verdict: Verdict
    detail: str


def command(
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when anything is broken.")] = False,
    debug: Debug = False,
) -> None:
    """Show versions, CPU features, GPU, DALI and codecs: what works here and what does not.

    Example: kinfast doctor
    """
    from rich.console import Console
    from rich.table import Table

    findings = list(examine())
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    colours = {"ok": "green", "absent": "yellow", "broken": "red"}
    for finding in findings:
        table.add_row(finding.what, f"[{colours[finding.verdict]}]{finding.verdict}[/]", finding.detail)
    Console(highlight=False).print(table)
    broken = [finding.what for finding in findings if finding.verdict == "broken"]
    typer.echo(f"broken: {', '.join(broken)}" if broken else "Everything that is installed works.")
    if strict and broken:
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """Look at everything, one finding a line."""
    yield _machine()
    yield _native()
    yield from (_codec(name, codec) for name, codec in COMPRESSIONS.items())
    yield from (_package(name, "pip install kinfast") for name in BASE_PACKAGES)
    yield from (_package(name, 'pip install "kinfast[train]"') for name in TRAIN_PACKAGES)
    yield _guarded("GPU", _gpu)
    yield _guarded("DALI", _dali)


def _machine() -> Finding:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    detail = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Finding("machine", "ok", f"{detail}, {usable_threads(None)} threads, {memory:.0f} GiB of memory")


def _native() -> Finding:
    from kinfast import __version__
    from kinfast.io import instruction_sets

    active, available = instruction_sets()
    note = f"kinfast {__version__}, uses {active} (this CPU has {', '.join(available)}; KINFAST_FORCE_ISA chooses)"
    return Finding("native core", "ok", note)


def _codec(name: str, codec: str | None) -> Finding:
    import numpy as np
    import tifffile

    from kinfast.io import imread

    pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    predictors = (False,) if codec in (None, "packbits") else (False, True)
    for predictor in predictors:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels, compression=codec, predictor=predictor)
        if not np.array_equal(imread(buffer.getvalue()), pixels):
            return Finding(f"TIFF {name}", "broken", "decodes to other pixels than were written: please report it")
    return Finding(f"TIFF {name}", "ok", "with and without predictor" if len(predictors) > 1 else "")


def _package(name: str, remedy: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "absent", remedy)


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except ImportError as error:
        return Finding(what, "absent", f"{error}; training then uses what there is")
    except Exception as error:  # a driver or a library that fails in its own way is a finding, not a crash
        return Finding(what, "broken", " ".join(str(error).split())[:200])


def _gpu() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return Finding("GPU", "absent", "no CUDA device: training runs on the CPU, fit for trials and the demo only")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    bf16 = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return Finding("GPU", "ok", f"{', '.join(names)}; CUDA {torch.version.cuda}; --amp uses {bf16}")


def _dali() -> Finding:
    import numpy as np
    from nvidia.dali import Pipeline, __version__, fn

    pipeline = Pipeline(batch_size=1, num_threads=1, device_id=None)
    with pipeline:
        pipeline.set_outputs(fn.flip(fn.external_source(source=lambda: [np.array([[[1], [2]]], np.uint8)])))
    pipeline.build()
    result = np.asarray(pipeline.run()[0].as_array()).ravel().tolist()
    if result != [2, 1]:
        return Finding("DALI", "broken", f"{__version__} flips [1, 2] to {result}")
    return Finding("DALI", "ok", f"{__version__}; used on the GPU, and on the CPU with --loader dali")
