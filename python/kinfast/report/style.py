"""How kinfast's figures look, and how they are written: the same bytes for the same content."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

MODEL = "#1f6fb4"
CONTRAST = "#d9662b"
GREY = "#8a929c"
LIGHT = "#cfd5dc"
SPAN = "#9dbfe0"
"""Of an interval behind a point of the model's colour."""
INK = "#24292f"
BEST = ("#0b6e4f", "#2a9d6f", "#57b894", "#86cdb2", "#b3e0cf")
WORST = ("#8f1d14", "#c0392b", "#dd6b5c", "#eb9a8f", "#f5c6bf")
"""Best and worst classes: green and red of unlike lightness, told apart without colour too."""
PNG_DPI = 160

SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e9ed",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "kinfast",
    "svg.fonttype": "path",
    "path.simplify": True,
    "text.parse_math": False,  # a class may be named with a dollar
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw within: settings of this style on matplotlib's own defaults, whatever the user's are."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        matplotlib.rcdefaults()
        parameters: Any = matplotlib.rcParams  # its stubs take literal names only
        parameters.update(SETTINGS)
        yield


def label_powers(axis: Axis) -> None:
    """Label a logarithmic axis with numbers such as 1e-04: matplotlib's own labels need mathematics, off here."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}" if value < 0.01 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of some inches, without touching pyplot's state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write name.png and name.svg, through temporary names; both have the places that the first one's texts need."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        unfinished = folder / f".{name}.{os.getpid()}.{suffix}"
        figure.savefig(unfinished, format=suffix, dpi=PNG_DPI, metadata=metadata, facecolor="white")
        figure.set_layout_engine(None)  # it takes a third of the time
        unfinished.replace(folder / f"{name}.{suffix}")
