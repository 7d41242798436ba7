"""What was measured, row by row: written as soon as it is there, as JSON and as a Markdown table."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torchvision

from kinfast import __version__

HEAD = ("model", "loader", "cache", "compile", "sites/s", "of the ceiling", "peak GPU memory", "note")


@dataclass(slots=True)
class Row:
    """One line of the table.

    Attributes:
        model: backbone, streams, batch.
        loader, cache, compile: how.
        rate: sites/s (images/s with one stream).
        ceiling: the same model's rate on a minibatch that stays on the device, measured just before and after.
        peak_gb: torch's, of the row.
        note: anything else.
    """

    model: str
    loader: str = ""
    cache: str = ""
    compile: str = ""
    rate: float | None = None
    ceiling: float | None = None
    peak_gb: float | None = None
    note: str = ""

    def cells(self) -> list[str]:
        """Give the row's cells as text."""
        rate = "" if self.rate is None else f"{self.rate:,.0f}" if self.rate >= 100 else f"{self.rate:.3g}"
        share = f"{self.rate / self.ceiling:.1%}" if self.rate and self.ceiling else ""
        peak = "" if self.peak_gb is None else f"{self.peak_gb:.1f} GB"
        return [self.model, self.loader, self.cache, self.compile, rate, share, peak, self.note]


@dataclass(slots=True)
class Results:
    """All rows so far, in a folder."""

    folder: Path
    machine: dict[str, Any]
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Take a row, print it, and write both files again, so that whatever ends the run leaves them whole."""
        self.rows.append(row)
        print(" | ".join(row.cells()), flush=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"machine": self.machine, "rows": [asdict(one) for one in self.rows]}
        (self.folder / "gpu.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        (self.folder / "gpu.md").write_text(self.markdown(), encoding="utf-8")

    def markdown(self) -> str:
        """Give the table, headed by the machine."""
        lines = [f"{' · '.join(f'{name} {value}' for name, value in self.machine.items())}", ""]
        lines += [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
        lines += [f"| {' | '.join(row.cells())} |" for row in self.rows]
        return "\n".join(lines) + "\n"


def describe_machine(device: str, threads: int) -> dict[str, Any]:
    """Name the card and what ran on it."""
    card = torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else platform.processor() or device
    return {
        "card": card,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "CUDA": torch.version.cuda,
        "cores": os.cpu_count(),
        "threads": threads,
        "kinfast": __version__,
    }
