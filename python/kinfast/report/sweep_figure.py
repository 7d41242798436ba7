"""A sweep drawn: the validation score against each option, a point a run."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kinfast.report.style import CONTRAST, MODEL, label_powers, new_figure

WIDE = 10.0
"""Ratio of an option's largest to its smallest value from which its axis is logarithmic."""


def draw_sweep(trials: Sequence[tuple[Mapping[str, Any], float]], names: Sequence[str], metric: str) -> Figure:
    """Draw a panel for each option, all on one axis of scores.

    Args:
        trials: options and score, NaN for none.
        names: of the options.
        metric: what the score is.
    """
    figure = new_figure(2.9 * len(names) + 0.8, 3.0)
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    known = [(changes, score) for changes, score in trials if math.isfinite(score)]
    scores = np.array([score for _, score in known])
    chosen = int(np.argmin(scores) if metric == "loss" else np.argmax(scores)) if known else -1
    for axes, name in zip(panels, names, strict=True):
        values = [changes[name] for changes, _ in known]
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        if numbers and values:
            places = np.array(values, dtype=float)
            if places.min() > 0 and places.max() / places.min() >= WIDE:
                axes.set_xscale("log")
                label_powers(axes.xaxis)
        else:
            words = sorted({_word(value) for value in values})
            places = np.array([words.index(_word(value)) for value in values], dtype=float)
            axes.set_xticks(range(len(words)), words, rotation=30, ha="right")
        axes.scatter(places, scores, s=26, color=MODEL, zorder=3)
        if known:
            axes.scatter(places[chosen], scores[chosen], s=90, facecolor="none", edgecolor=CONTRAST, linewidth=1.8)
        axes.set_xlabel(name.replace("_", " "))
    panels[0].set_ylabel(f"validation {metric.replace('_', ' ')}")
    return figure


def _word(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
