"""What a run ran on: versions, processors, and where training's libraries come from."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import torch

from kinfast.io import instruction_sets

PACKAGES = (
    "kinfast",
    "torch",
    "torchvision",
    "nvidia-dali-cuda130",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "safetensors",
)


def describe_environment(
    *, device: str, loader: str, precision: str, threads: int, processes: int = 1
) -> dict[str, Any]:
    """Describe the machine and the software of a run, for environment.json.

    Args:
        device: torch's name of the one that trains.
        loader: dali or torch.
        precision: float32, bfloat16 or float16.
        threads: of torch and of the loaders.
        processes: that train together.
    """
    active, available = instruction_sets()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cuda": torch.version.cuda,
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "processes": processes,
        "isa": active,
        "isas": available,
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "device": device,
        "precision": precision,
        "loader": loader,
    }


def changed_since(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say what differs from the environment that a run was begun in: a line for each, in words."""
    lines = []
    for key, value in now.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            lines += [f"{name} {old.get(name)} -> {value[name]}" for name in value if value[name] != old.get(name)]
        elif key in before and old != value:
            lines.append(f"{key} {old} -> {value}")
    return [f"changed since the run began: {line}; its curve need not be what it would have been" for line in lines]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    table = Path("/proc/cpuinfo")
    if table.is_file():
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
