"""ROC figures that stay readable with a hundred classes: curves in grey, the extremes named, the areas in a strip."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.curves import Curve, class_curves, label_curves, macro_curve, micro_curve, pooled_curve
from kinfast.metrics.scores import POSITIVE
from kinfast.report.style import BEST, GREY, INK, LIGHT, MODEL, SPAN, WORST, new_figure

EXTREMES = 5
"""Source: the thesis' tables 2 and 3."""
LONGEST_NAME = 34
FEW = 12
"""Up to so many classes each is a colour of its own scale, none is grey."""


def draw_roc(
    probabilities: Probabilities,
    codes: Codes,
    classes: tuple[str, ...],
    areas: dict[str, Any],
    truths: Float | None = None,
) -> Figure | None:
    """Draw all classes' ROC curves; None where no class has a curve.

    Args:
        probabilities: (n, n_classes) at one level.
        codes: (n,) true classes.
        classes: class names.
        areas: `micro`, `macro` as text, and `classes`: the area of each class or None.
        truths: (n, n_classes), NaN where not known, where a row may have several of the classes.
    """
    curves = class_curves(probabilities, codes) if truths is None else label_curves(probabilities, truths)
    if not curves:
        return None
    figure = new_figure(7.4, 4.9)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="chance")
    if len(classes) == 2 and truths is None:
        axes.plot(*curves[POSITIVE], color=MODEL, linewidth=2.4, label=f"{classes[POSITIVE]}  {areas['macro']}")
    else:
        _draw_classes(axes, curves, classes, areas["classes"])
        axes.plot(
            *(micro_curve(probabilities, codes) if truths is None else pooled_curve(probabilities, truths)),
            color=INK,
            linewidth=2.2,
            linestyle="--",
            label=f"micro  {areas['micro']}",
        )
        axes.plot(*macro_curve(curves), color=MODEL, linewidth=3, label=f"macro  {areas['macro']}")
    axes.set(xlim=(-0.005, 1.005), ylim=(-0.005, 1.005), aspect="equal", anchor="W")
    axes.set(xlabel="false positive rate", ylabel="true positive rate (sensitivity)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), handlelength=1.8, labelspacing=0.45)
    return figure


def _draw_classes(axes: Axes, curves: dict[int, Curve], classes: tuple[str, ...], areas: list[float | None]) -> None:
    ranked = sorted(curves, key=lambda code: (-(areas[code] or 0.0), code))
    n_named = min(EXTREMES, len(ranked) // 2)
    best, worst = ranked[:n_named], ranked[len(ranked) - n_named :]
    rest = [code for code in ranked if code not in best and code not in worst]
    for order, code in enumerate(rest):
        label = f"{len(rest)} other classes" if order == 0 else None
        axes.plot(*curves[code], color=LIGHT, linewidth=0.8, label=label, rasterized=len(rest) > FEW)
    for colours, codes in ((BEST, best), (WORST, worst[::-1])):
        for colour, code in zip(colours, codes, strict=False):
            axes.plot(
                *curves[code], color=colour, linewidth=1.4, label=f"{short_name(classes[code])}  {areas[code]:.3f}"
            )


def short_name(name: str) -> str:
    """Shorten a class's name to what a legend holds; a legend would leave out what begins with an underscore."""
    seen = f" {name}" if name.startswith("_") else name
    return seen if len(seen) <= LONGEST_NAME else seen[: LONGEST_NAME - 1] + "…"


def draw_class_areas(rows: list[dict[str, Any]], level: str) -> Figure | None:
    """Draw each class's area with its interval, sorted, and its support beside it; None where no class has one.

    Args:
        rows: of `per_class` in metrics.json.
        level: what the areas are of.
    """
    known = sorted((row for row in rows if row["roc_auc"] is not None), key=lambda row: (row["roc_auc"], row["class"]))
    if not known:
        return None
    places = np.arange(len(known))
    text = 8.0 if len(known) <= 40 else 5.6
    figure = new_figure(8.6, max(2.2, 1.2 + len(known) * (0.22 if len(known) <= 40 else 0.115)))
    strip, support = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1.2])
    for place, row in zip(places, known, strict=True):
        if row["low"] is not None:
            strip.plot([row["low"], row["high"]], [place, place], color=SPAN, linewidth=2.2, solid_capstyle="butt")
    strip.scatter([row["roc_auc"] for row in known], places, s=14, color=MODEL, zorder=3)
    strip.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
    strip.set_yticks(places, [short_name(row["class"]) for row in known], fontsize=text)
    strip.set(xlabel=f"ROC area of the class ({level}s)", ylim=(-0.8, len(known) - 0.2))
    strip.set_xlim(min(0.45, *(row["low"] if row["low"] is not None else row["roc_auc"] for row in known)) - 0.02, 1.02)
    unit = "compounds" if any(row["compounds"] for row in known) else "wells"
    counts = [row[unit] for row in known]
    support.barh(places, counts, color=LIGHT, height=0.7)
    for place, row in zip(places, known, strict=True):
        shown = f"{row[unit]}" if row[unit] else f"{row['wells']} wells, no compound"
        support.text(row[unit], place, f" {shown}", va="center", fontsize=text)
    support.set(xlabel=f"{unit} in test", xlim=(0, max(1, *counts) * 1.35))
    support.tick_params(left=False, labelleft=False)
    support.grid(axis="y", visible=False)
    return figure
